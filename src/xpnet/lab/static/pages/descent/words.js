/** Descent: where the optimizers are, in words and in numbers. */

import { number } from "lab/math.js";

/**
 * The way of one optimizer; `gradients` has two numbers for each step.
 * @typedef {{name: string, x: Float64Array, y: Float64Array, values: Float64Array,
 *   gradients: Float64Array, last: number}} Way
 */

/** Where everybody is at a step. @param {Way[]} ways */
export function standings(ways, k) {
  const rows = ways.map(({ name, x, y, values, gradients, last }) => {
    const at = Math.min(k, last);
    const slope = Math.hypot(gradients[2 * at], gradients[2 * at + 1]);
    return [name, at, x[at], y[at], values[at], slope];
  });
  const columns = ["optimizer", "steps", "x", "y", "f(x, y)", "length of the gradient"];
  return { caption: `After ${k} steps`, columns, rows };
}

/** The picture of a step. @param {Way[]} ways */
export function picture(f, ways, k) {
  const where = ways.map(({ name, x, y, values, last }) => {
    const at = Math.min(k, last);
    return `${name} is at (${number(x[at])}, ${number(y[at])}), where f is ${number(values[at])}`;
  });
  return `${f}. After ${k} steps ${where.join("; ")}.`;
}

/** Every step of every optimizer. @param {Way[] | undefined} ways */
export function steps(ways) {
  if (!ways) return null;
  const columns = ["optimizer, step", "x", "y", "f(x, y)", "∂f/∂x", "∂f/∂y"];
  const rows = ways.flatMap(({ name, x, y, values, gradients }) =>
    Array.from(values, (value, k) =>
      [`${name}, ${k}`, x[k], y[k], value, gradients[2 * k], gradients[2 * k + 1]]));
  return { caption: "Every step of every optimizer", columns, rows };
}
