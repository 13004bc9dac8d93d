/** Slope: what a derivative is, on a function that the visitor types. */

import { chain } from "lab/chain.js";
import { frac, math, number, parse, row } from "lab/math.js";
import { Plot } from "lab/plot.js";
import { robust } from "lab/scale.js";
import {
  button, checkbox, figures, group, h, keys, numbers, onKeys, section, select, slider, textField,
} from "lab/ui.js";

export const id = "slope";
export const title = "Slope";

const EXAMPLES = [
  ["x**2", "x²"], ["x**3 - 3*x", "x³ − 3x"], ["sin(x)", "sin x"], ["exp(x)", "eˣ"],
  ["sigmoid(x)", "sigmoid"], ["tanh(x)", "tanh"], ["relu(x)", "ReLU"], ["1/x", "1 ⁄ x"],
  ["log(1 + exp(-x))", "the logistic loss"], ["sin(x**2)/(1 + x**2)", "a quotient"],
];
const DIGITS = 8;
const SMALLEST = 1e-12;
const LARGEST = 2;

/** @param {HTMLElement} root @param {import("lab/app.js").Lab} lab */
export function mount(root, lab) {
  const page = new Slope(lab);
  root.append(...page.build());
  page.curve();
  return () => page.end();
}

class Slope {
  constructor(lab) {
    const { state } = lab;
    this.lab = lab;
    this.f = state.get("f", "x**2");
    this.x = state.number("x", 3);
    this.step = state.number("h", 1);
    this.range = [state.number("from", -4), state.number("to", 4)];
    const fail = (error) => this.#failed(error);
    this.askCurve = lab.latest(([frame]) => this.#gotCurve(frame), fail);
    this.askLook = lab.latest(([frame]) => this.#gotLook(frame), fail);
    this.askErrors = lab.latest(([frame]) => this.#gotErrors(frame), fail);
    this.askChain = lab.latest(([frame]) => this.chain.show(frame), fail);
  }

  // ---- what the page is made of

  build() {
    this.stop = onKeys({ h: () => this.shrink(), "[": () => this.move(-1), "]": () => this.move(1) });
    return [
      h("h1", {}, "Slope"),
      h("p", { class: "lead" },
        "A derivative is a factor: change x by a tiny amount h, and f(x) changes by the derivative ",
        "times h. Let h shrink, and the line through two points of the curve, the secant, turns into ",
        "the line that touches it in one, the tangent."),
      h("div", { class: "columns" }, this.#controls(), this.#pictures()),
    ];
  }

  #controls() {
    this.field = textField({
      label: "f(x) =", value: this.f, onCommit: (f) => this.choose(f),
      hint: "Type as you would write: 3x^2 + sin(x). Enter takes it.",
    });
    this.examples = select({
      label: "or take", value: this.#example(), options: [["", "…"], ...EXAMPLES],
      onChange: (f) => { if (f) { this.field.value = f; this.choose(f); } },
    });
    this.xSlider = slider({
      label: "x, the place", min: this.range[0], max: this.range[1], value: this.x,
      onInput: (x) => this.look({ x }),
    });
    this.hSlider = slider({
      label: "h, the step", min: SMALLEST, max: LARGEST, value: this.step, log: true, step: 0.1,
      onInput: (step) => this.look({ step }),
    });
    this.shrinkButton = button("Let h shrink", () => this.shrink(), { key: "h", kind: "main" });
    this.both = checkbox({
      label: "draw the derivative at every x", value: this.lab.state.get("both") === "1",
      onChange: (on) => { this.lab.state.set({ both: on ? 1 : null }); this.curve(); },
    });
    return h("div", { class: "controls" },
      group("The function", this.field.element, this.examples.element),
      group("The microscope", this.xSlider.element, this.hSlider.element,
        h("div", { class: "buttons" }, this.shrinkButton), this.both.element),
      keys([["h", "let h shrink, or stop it"], ["[ ]", "x a little to the left, to the right"],
        ["← →", "on the point or a slider: move it (with Shift ten steps)"]]));
  }

  #example() {
    return EXAMPLES.some(([f]) => f === this.f) ? this.f : "";
  }

  #pictures() {
    const [low, high] = this.range;
    this.figures = figures([
      ["slope", "the derivative at x, from the tape"], ["secant", "the slope of the secant"],
      ["gap", "their difference"],
    ]);
    this.sentence = h("p", { class: "sentence" });
    this.formula = h("div", { class: "formula" });
    this.plot = new Plot(this.lab, {
      label: "The function with its tangent and a secant", height: 400,
      x: { label: "x", range: [low, high] }, y: { label: "f(x)", range: [0, 1] },
    });
    this.point = this.plot.handle({
      label: "The point on the curve: the arrow keys move x", onlyX: true,
      get: () => [this.x, this.seen?.y ?? 0], set: (x) => this.look({ x: this.#tidy(x) }),
    });
    this.plot.onPick((x) => this.look({ x: this.#tidy(x) }));
    this.errors = new Plot(this.lab, {
      label: "The error of the secant against h", height: 280,
      x: { label: "h", range: [SMALLEST, LARGEST], log: true },
      y: { label: "error", range: [1e-16, 10], log: true },
    });
    this.chain = chain();
    this.table = numbers("The numbers of this picture", () => this.#rows());
    this.errorTable = numbers("The numbers of this picture", () => this.#errorRows());
    return h("div", { class: "pictures" },
      h("section", { class: "card", "aria-label": "The curve" },
        this.formula, this.figures.element, this.sentence, this.plot.element, this.table.element),
      h("div", { class: "pair" },
        section("How the tape got it", this.chain.element),
        section("Why h must not be too small", h("p", { class: "note" },
          "A smaller h brings the secant nearer, until rounding takes over: the computer keeps ",
          "about 16 digits in float64, 7 in float32. The derivative needs no h."),
          this.errors.element, this.errorTable.element)));
  }

  // ---- asking

  choose(f) {
    this.f = f;
    this.examples.value = this.#example();
    this.lab.state.set({ f }, { push: true });
    this.curve();
  }

  curve() {
    this.askCurve({ type: "curve", f: this.f, low: this.range[0], high: this.range[1] });
    this.look({});
  }

  look({ x = this.x, step = this.step }) {
    this.x = Math.min(this.range[1], Math.max(this.range[0], x));
    this.step = step;
    this.xSlider.value = this.x;
    this.hSlider.value = step;
    this.lab.state.set({ x: this.x, h: step });
    this.askLook({ type: "look", f: this.f, x: this.x, h: step });
    clearTimeout(this.later);
    this.later = setTimeout(() => this.#lookCloser(), 120);
  }

  #lookCloser() {
    this.askErrors({ type: "errors", f: this.f, x: this.x });
    this.askChain({ type: "chain", f: this.f, x: this.x });
  }

  /** Move x by a two hundredth of the picture. */
  move(way) {
    this.look({ x: this.#tidy(this.x + (way * (this.range[1] - this.range[0])) / 200) });
  }

  /** Halve h again and again; where motion is unwelcome, once. */
  shrink() {
    if (this.shrinking) return this.#still();
    if (this.step <= 1e-6) this.look({ step: 1 });
    if (this.lab.reduced()) return this.look({ step: this.step / 10 });
    this.shrinkButton.textContent = "Stop";
    this.shrinking = setInterval(() => {
      this.look({ step: Number((this.step * 0.88).toPrecision(6)) });
      if (this.step < 1e-5) this.#still();
    }, 60);
  }

  #still() {
    clearInterval(this.shrinking);
    this.shrinking = 0;
    this.shrinkButton.textContent = "Let h shrink";
  }

  /** Round a place as far as a pixel can tell. */
  #tidy(x) {
    const unit = 10 ** Math.floor(Math.log10((this.range[1] - this.range[0]) / 800));
    return Number((Math.round(x / unit) * unit).toPrecision(10));
  }

  // ---- answers

  #failed(error) {
    if (this.failedBefore !== error.message) this.lab.announce(error.message);
    this.failedBefore = error.message;
    this.field.fail(error.message);
  }

  #gotCurve(frame) {
    this.failedBefore = "";
    this.field.fail("");
    this.drawn = frame.arrays;
    this.formula.replaceChildren(math(row("f", row("(", "x", ")"), "=", parse(frame.mathml))));
    this.#paint();
  }

  #gotLook(frame) {
    this.seen = frame;
    const { x, h: step, y, slope, secant } = frame;
    const [s, q] = [Number(slope), Number(secant)];
    this.figures.set({ slope: number(s, DIGITS), secant: number(q, DIGITS), gap: number(q - s, 3) });
    this.sentence.textContent =
      `At x = ${number(x)} the function is ${number(y)}. A step of h = ${number(step)} changes it by ` +
      `${number(q * step)}, which is ${number(q)} × h; a tiny change is multiplied by ${number(s)}.`;
    clearTimeout(this.saying);
    this.saying = setTimeout(() => this.lab.announce(`The derivative at x = ${number(x)} is ${number(s)}.`), 700);
    this.#paint();
  }

  #gotErrors(frame) {
    this.measured = frame;
    const { step, error32, error64 } = frame.arrays;
    const line = (y, color, dash, marker, label) =>
      ({ kind: "line", x: step.data, y: y.data, color, dash, marker, every: 6, width: 2, size: 3.5, label });
    this.errors.draw([
      { kind: "rule", x: this.step, color: "--soft" },
      line(error64, "--blue", [], "circle", "float64"),
      line(error32, "--orange", [6, 5], "square", "float32"),
    ]);
    this.errors.describe(frame.words);
    this.errorTable.refresh();
  }

  // ---- drawing

  #paint() {
    if (!this.drawn || !this.seen) return;
    const { x: xs, y: ys, slope: slopes } = this.drawn;
    const { x, y, slope, ahead, h: step, secant } = this.seen;
    const both = this.both.value;
    this.plot.y.range = robust([...ys.data, ...(both ? slopes.data : [])], [Number(y)]);
    const [low, high] = this.range;
    const straight = (factor, color, dash, label) => ({
      kind: "line", x: [low, high], y: [low, high].map((v) => Number(y) + Number(factor) * (v - x)),
      color, dash, width: 2, label,
    });
    this.plot.draw([
      both && { kind: "line", x: xs.data, y: slopes.data, color: "--purple", dash: [2, 5], width: 2.5, label: "its derivative at every x" },
      straight(secant, "--orange", [8, 6], "secant over h"),
      straight(slope, "--green", [], "tangent"),
      { kind: "line", x: xs.data, y: ys.data, color: "--blue", width: 3, label: "f(x)" },
      { kind: "points", x: [x + step], y: [Number(ahead)], color: "--orange", shape: "square", size: 5.5 },
    ]);
    this.plot.describe(
      `The curve of ${this.f} from ${number(low)} to ${number(high)}, with the tangent at x = ${number(x)} ` +
      `(slope ${number(slope)}) and the secant over h = ${number(step)} (slope ${number(secant)}).`);
    this.table.refresh();
  }

  #rows() {
    const { x, h: step, y, ahead, slope, secant } = this.seen;
    return {
      caption: "Secant and tangent",
      columns: ["what", "value"],
      rows: [["x", x], ["f(x)", number(y, DIGITS)], ["h", step], ["f(x + h)", number(ahead, DIGITS)],
        ["(f(x + h) − f(x)) / h, the secant", number(secant, DIGITS)],
        ["f′(x), the tape's derivative", number(slope, DIGITS)]],
    };
  }

  #errorRows() {
    const { step, error32, error64 } = this.measured.arrays;
    const rows = Array.from(step.data, (v, i) => [v, error64.data[i], error32.data[i]]);
    return { caption: "Error of the secant's slope", columns: ["h", "in float64", "in float32"], rows };
  }

  end() {
    this.stop();
    clearTimeout(this.later);
    clearTimeout(this.saying);
    clearInterval(this.shrinking);
    this.plot.end();
    this.errors.end();
  }
}
