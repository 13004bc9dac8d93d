/** How far down each optimizer has come, step by step. */

import { Plot } from "lab/plot.js";
import { COLORS, SHAPES } from "lab/shapes.js";
import { section } from "lab/ui.js";

/** How the lines of the optimizers are broken, so that not only their colours differ. */
export const DASHES = [[], [9, 5], [3, 5], [12, 4, 3, 4]];

const LEAST = 1e-12; // a height above the lowest that is still drawn

export class Heights {
  /** @param {import("lab/app.js").Lab} lab */
  constructor(lab) {
    this.plot = new Plot(lab, {
      label: "The height at every step", height: 300, legend: false,
      x: { label: "step", range: [0, 1] }, y: { label: "f above the lowest", range: [1, 10], log: true },
    });
    this.element = section("How far down", this.plot.element);
  }

  /**
   * Show the ways up to their ends, with a mark at one step.
   * @param {{i: number, values: Float64Array}[]} ways
   * @param {number} ground the lowest height of the picture
   */
  show(ways, ground, step, count, words) {
    const finite = ways.map(({ values }) => Array.from(values).filter(Number.isFinite));
    const lowest = Math.min(ground, ...finite.flat());
    const seen = finite.flat().map((v) => v - lowest).filter((v) => v > 0);
    const most = 3 * Math.max(LEAST, ...finite.map((values) => values[0] - lowest));
    this.plot.y.range = [Math.max(LEAST, Math.min(...seen, most / 10)), most];
    this.plot.x.range = [0, Math.max(1, count)];
    this.plot.draw([
      { kind: "rule", x: step, color: "--soft" },
      ...ways.map(({ i, values }) => ({
        kind: "line", x: values.map((_, k) => k), y: values.map((v) => v - lowest || NaN),
        color: COLORS[i], dash: DASHES[i], marker: SHAPES[i], every: Math.ceil(count / 8), size: 3.5,
        width: 2,
      })),
    ]);
    this.plot.describe(`The height of each optimizer against the step. ${words}`);
  }

  end() {
    this.plot.end();
  }
}
