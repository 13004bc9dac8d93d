/** Slope: what its picture shows, in words and in numbers. */

import { number } from "lab/math.js";

/** Of the derivative and of the secant's slope. */
export const DIGITS = 8;

/** What a step of h does. @param {import("lab/wire.js").Frame} seen */
export function sentence({ x, h: step, y, slope, secant, moved, corner }) {
  const change = Number(secant) * step;
  return `At x = ${number(x)} the function is ${number(y)}. ` +
    (moved
      ? `A step of h = ${number(step)} changes it by ${number(change)}, which is ${number(secant)} × h. `
      : `h = ${number(step)} is too small here: x + h is x. `) +
    (corner
      ? "There is a corner: the slope from the left is another than from the right."
      : `A tiny change of x is multiplied by ${number(slope)}.`);
}

/** The derivative, for who hears it. */
export function derivative({ x, slope }) {
  return `The derivative at x = ${number(x)} is ${number(slope)}.`;
}

/** The picture; `seen` is null where there is no slope. */
export function picture(f, [low, high], seen) {
  const curve = `The curve of ${f} from ${number(low)} to ${number(high)}`;
  if (!seen) return `${curve}.`;
  const { x, h: step, slope, secant } = seen;
  return `${curve}, with the tangent at x = ${number(x)} (slope ${number(slope)}) and the secant ` +
    `over h = ${number(step)} (slope ${number(secant)}).`;
}

/** The numbers of the place, and of some points of the curve. */
export function numbers(seen, drawn) {
  if (!drawn) return null;
  const { x, y, slope } = drawn;
  const rows = seen ? place(seen) : [];
  const every = Math.floor(x.data.length / 10);
  for (let i = 0; i < x.data.length; i += every)
    rows.push([`at x = ${number(x.data[i])}: f(x), f′(x)`, `${number(y.data[i])}, ${number(slope.data[i])}`]);
  return { caption: "Secant and tangent, and some points of the curve", columns: ["what", "value"], rows };
}

function place({ x, h: step, y, slope, secant, error }) {
  return [
    ["x", x], ["f(x)", number(y, DIGITS)], ["h", step],
    ["(f(x + h) − f(x)) / h, the secant's slope", number(secant, DIGITS)],
    ["f′(x), the derivative from the tape", number(slope, DIGITS)],
    ["their difference", number(error, 3)],
  ];
}
