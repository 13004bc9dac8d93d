/** The error of secants of every length: bend on the one side, rounding on the other. */

import { Plot } from "lab/plot.js";
import { h, numbers, section } from "lab/ui.js";

const LINES = [
  ["float32", "--orange", [6, 5], "square", "forward, float32"],
  ["central", "--purple", [2, 5], "triangle", "to both sides, float64"],
  ["float64", "--blue", [], "circle", "forward, float64"],
];

export class Errors {
  #seen = null;

  /** @param {import("lab/app.js").Lab} lab */
  constructor(lab) {
    this.plot = new Plot(lab, {
      label: "The error of the secant against h", height: 300,
      x: { label: "h", range: [1e-16, 1], log: true },
      y: { label: "error of the slope", range: [1e-12, 10], log: true },
    });
    this.words = h("div", { class: "note" });
    this.table = numbers("The numbers of this picture", () => this.#rows());
    this.element = section(
      "Why h must not be too small", this.plot.element, this.words, this.table.element);
  }

  /** Show what was measured, with a mark at one step; null shows nothing. */
  show(frame, step) {
    this.#seen = frame;
    this.words.replaceChildren(...(frame?.words ?? []).map((words) => h("p", {}, words)));
    this.table.refresh();
    if (!frame) return this.plot.draw([{ kind: "note", text: "There is no slope to compare with." }]);
    const { h: steps, ...errors } = frame.arrays;
    const known = LINES.flatMap(([name]) => Array.from(errors[name].data))
      .filter((v) => v > 0 && v < Infinity);
    this.plot.y.range = known.length ? [Math.min(...known) / 3, Math.max(...known) * 3] : [1e-16, 1];
    this.plot.draw([
      { kind: "rule", x: step, color: "--soft" },
      ...LINES.map(([name, color, dash, marker, label]) => ({
        kind: "line", x: steps.data, y: errors[name].data.map((v) => v || NaN), color, dash, marker,
        label, every: 4, width: 2, size: 3.5,
      })),
    ]);
    this.plot.describe(`The error of the secant against h. ${frame.words.join(" ")}`);
  }

  #rows() {
    const columns = ["h", "forward, float64", "forward, float32", "to both sides, float64"];
    if (!this.#seen) return null;
    const { h: steps, float64, float32, central } = this.#seen.arrays;
    const rows = Array.from(steps.data, (v, i) =>
      [v, float64.data[i], float32.data[i], central.data[i]]);
    return { caption: "How far the secant's slope is from the derivative", columns, rows };
  }

  end() {
    this.plot.end();
  }
}
