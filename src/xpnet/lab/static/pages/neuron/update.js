/** Neuron: the next step in numbers, the buttons that take it, and the cost so far. */

import { number } from "lab/math.js";
import { updates } from "lab/pages/neuron/formulas.js";
import { Plot } from "lab/plot.js";
import { extent } from "lab/scale.js";
import { button, figures, h, numbers, scrolled, section } from "lab/ui.js";

export class Update {
  #costs = [];

  /**
   * @param {import("lab/app.js").Lab} lab
   * @param {{onStep: (steps: number) => void, onBack: () => void}} listeners
   */
  constructor(lab, { onStep, onBack }) {
    this.lab = lab;
    this.figures = figures([["cost", "cost: the mean of all losses"], ["after", "after the next step"], ["steps", "steps taken"]]);
    this.lines = scrolled("The update of each parameter");
    this.lines.classList.add("updates", "wide");
    this.ten = button("Ten steps", () => onStep(10));
    this.ten.disabled = lab.replay;
    this.back = button("Back to the start", onBack, { key: "r" });
    this.curve = new Plot(lab, {
      label: "The cost before each step", height: 200, legend: false,
      x: { label: "step", range: [0, 10] }, y: { label: "cost", range: [0, 1] },
    });
    this.table = numbers("The numbers of this picture", () => this.#costs.length ? {
      caption: "The cost before each step", columns: ["step", "cost"], rows: this.#costs.map((c, i) => [String(i), c]),
    } : null);
    this.element = section("The update",
      h("p", { class: "note" }, "new = old − learning rate × gradient, for all at once, by optim.SGD."),
      this.figures.element, this.lines,
      h("div", { class: "buttons" }, button("One step", () => onStep(1), { key: "s", kind: "main" }), this.ten, this.back),
      this.curve.element, this.table.element);
  }

  /**
   * @param {import("lab/wire.js").Frame} frame
   * @param {number[]} before the costs before each step that was taken
   */
  draw(frame, before) {
    const steps = before.length;
    this.figures.set({ cost: number(frame.cost), after: number(frame.cost_after), steps: String(steps) });
    this.lines.replaceChildren(updates(frame));
    this.back.disabled = steps === 0;
    this.#costs = [...before, Number(frame.cost)];
    this.curve.x.range = [0, Math.max(10, steps)];
    this.curve.y.range = [0, extent(this.#costs)[1]];
    this.curve.draw([{
      kind: "line", x: this.#costs.map((_, i) => i), y: this.#costs, color: "--blue", marker: "circle",
      every: Math.ceil(this.#costs.length / 40), size: 3,
    }]);
    this.curve.describe(`The cost before each of ${steps} steps, now ${number(frame.cost)}.`);
    this.table.refresh();
  }

  end() {
    this.curve.end();
  }
}
