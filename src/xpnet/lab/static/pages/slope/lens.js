/** The function near one place, with both axes counted in h: what the microscope shows. */

import { number } from "lab/math.js";
import { Plot } from "lab/plot.js";
import { robust } from "lab/scale.js";

export class Lens {
  /** @param {import("lab/app.js").Lab} lab */
  constructor(lab) {
    this.plot = new Plot(lab, {
      label: "The function near the point, enlarged", height: 380, legend: false,
      caption: "Under the microscope: two steps to each side",
      x: { label: "distance from x, counted in h", range: [-2, 2] },
      y: { label: "change of f(x), counted in h", range: [-2, 2] },
    });
    this.element = this.plot.element;
  }

  /** Show what was seen at a place; null shows nothing. */
  show(seen) {
    if (!seen) return this.plot.draw([{ kind: "note", text: "There is nothing to see." }]);
    const { across, up } = seen.arrays;
    const [slope, secant] = [Number(seen.slope), Number(seen.secant)];
    const straight = (factor, color, dash) =>
      ({ kind: "line", x: [-2, 2], y: [-2 * factor, 2 * factor], color, dash, width: 2 });
    this.plot.y.range = robust(up.data, [secant, slope, 0]);
    this.plot.draw([
      straight(secant, "--orange", [8, 6]),
      straight(slope, "--green", []),
      { kind: "line", x: across.data, y: up.data, color: "--blue", width: 3 },
      { kind: "points", x: [1], y: [secant], color: "--orange", shape: "square", size: 5.5 },
      { kind: "points", x: [0], y: [0], color: "--ink-line", size: 5.5 },
    ]);
    this.plot.describe(
      `The function within 2 h of x, enlarged ${number(1 / seen.h, 3)} times: its slope is ` +
      `${number(slope)}, that of the secant is ${number(secant)}.`);
  }

  end() {
    this.plot.end();
  }
}
