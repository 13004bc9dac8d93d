/** Going through the steps of a run: play, back, on, and a slider. */

import { button, h, slider } from "lab/ui.js";

/** The controls of a run that is known from its first to its last step. */
export class Steps {
  #timer = 0;

  /**
   * @param {import("lab/app.js").Lab} lab
   * @param {{onStep: (step: number) => void, perSecond?: number}} options
   */
  constructor(lab, { onStep, perSecond = 12 }) {
    Object.assign(this, { lab, onStep, perSecond, at: lab.state.number("step", 0) });
    this.play = button("Play", () => this.toggle(), { key: "Space", kind: "main" });
    this.slider = slider({ label: "step", min: 0, max: 1, step: 1, value: 0, onInput: (v) => this.go(Math.round(v)) });
    const move = (text, label, by) => {
      const out = button(text, () => { this.stop(); this.move(by); });
      out.setAttribute("aria-label", label);
      return out;
    };
    this.element = h("div", { class: "steps", role: "group", "aria-label": "The steps of the run" },
      this.play, move("|‹", "to the start", -Infinity), move("‹", "one step back", -1),
      move("›", "one step on", 1), move("›|", "to the end", Infinity), this.slider.element);
  }

  /** Whether it goes on by itself. */
  get playing() {
    return this.#timer !== 0;
  }

  /** How many steps there are. */
  get length() {
    return this.count ?? 0;
  }

  set length(count) {
    this.count = count;
    this.slider.limits(0, Math.max(1, count));
    this.at = Math.min(this.at, count);
    this.slider.value = this.at;
  }

  /** Show one step. */
  go(step) {
    this.at = Math.min(this.length, Math.max(0, step));
    this.slider.value = this.at;
    this.lab.state.set({ step: this.at || null });
    this.onStep(this.at);
  }

  /** Show a step that is so many steps away. */
  move(by) {
    this.go(this.at + by);
  }

  /** Play, or stop playing; where motion is unwelcome, show the end at once. */
  toggle() {
    if (this.playing) return this.stop();
    if (this.lab.reduced()) return this.go(this.length);
    if (this.at >= this.length) this.at = 0;
    this.play.textContent = "Stop";
    this.#timer = setInterval(() => {
      this.move(1);
      if (this.at >= this.length) this.stop();
    }, 1000 / this.perSecond);
  }

  /** Stop playing. */
  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.play.textContent = "Play";
  }

  /** Let go of the clock. */
  end() {
    clearInterval(this.#timer);
  }
}
