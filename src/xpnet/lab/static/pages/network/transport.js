/** Network: the buttons of a training, its time slider, and where it is in figures. */

import { number } from "lab/math.js";
import { button, figures, h, select, slider } from "lab/ui.js";

const PACES = [["1", "1 step"], ["2", "2 steps"], ["5", "5 steps"], ["10", "10 steps"], ["50", "50 steps"]];
const FIGURES = [
  ["loss", "loss, all examples"], ["accuracy", "right"], ["batch", "loss of the last batch"],
  ["change", "size of the last step"], ["epoch", "epochs"], ["state", "fingerprint"],
];

export class Transport {
  /**
   * @param {import("lab/app.js").Lab} lab
   * @param {{onTrain: () => void, onStep: (by: number) => void, onAgain: () => void,
   *   onTime: (step: number) => void}} listeners
   */
  constructor(lab, { onTrain, onStep, onAgain, onTime }) {
    this.lab = lab;
    this.train = button("Train", onTrain, { key: "Space", kind: "main" });
    this.back = button("One step back", () => onStep(-1), { key: "," });
    this.ahead = button("One step", () => onStep(1), { key: "." });
    this.steps = select({
      label: "in each picture", options: PACES, value: "5", onChange: (pace) => lab.state.set({ pace }),
    });
    const pace = lab.state.get("pace");
    if (PACES.some(([steps]) => steps === pace)) this.steps.value = pace;
    this.time = slider({ label: "time: the step", min: 0, max: 1, step: 1, value: 0, onInput: onTime });
    this.figures = figures(FIGURES);
    this.element = h("section", { class: "card transport", "aria-label": "Training" },
      h("div", { class: "buttons" }, this.train, this.back, this.ahead,
        button("Start again", onAgain, { key: "r" }), this.steps.element),
      this.time.element, this.figures.element);
  }

  /** How many steps are taken for each picture. */
  get pace() {
    return Number(this.steps.value);
  }

  set playing(on) {
    this.train.textContent = on ? "Pause" : "Train";
  }

  /** @param {import("lab/wire.js").Frame} frame */
  draw(frame) {
    const { step, furthest, stopped, accuracy, change } = frame;
    this.time.limits(0, furthest);
    this.time.value = step;
    this.back.disabled = step === 0;
    this.train.disabled = this.ahead.disabled = stopped || (this.lab.replay && step >= furthest);
    this.figures.set({
      loss: number(frame.loss), accuracy: accuracy === null ? "–" : `${number(100 * accuracy, 3)} %`,
      batch: number(frame.batch_loss), change: change === null ? "–" : `${number(100 * Number(change), 2)} %`,
      epoch: String(frame.epoch), state: h("code", {}, frame.state),
    });
  }
}
