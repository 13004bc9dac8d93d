/** Slope: what a derivative is, on a function that the visitor types. */

import { chain } from "lab/chain.js";
import { math, number, parse, row } from "lab/math.js";
import { Errors } from "lab/pages/slope/errors.js";
import { Lens } from "lab/pages/slope/lens.js";
import * as words from "lab/pages/slope/words.js";
import { Plot } from "lab/plot.js";
import { robust } from "lab/scale.js";
import {
  button, checkbox, figures, fixed, group, h, keys, numberField, numbers, onKeys, saved, section, select,
  slider, textField,
} from "lab/ui.js";

export const id = "slope";
export const title = "Slope";

const EXAMPLES = [
  ["x**2", "x²"], ["x**3 - 3*x", "x³ − 3x"], ["sin(x)", "sin x"], ["exp(x)", "eˣ"],
  ["sigmoid(x)", "sigmoid"], ["tanh(x)", "tanh"], ["relu(x)", "ReLU"], ["1/x", "1 ⁄ x"],
  ["log(1 + exp(-x))", "the logistic loss"], ["sin(x**2)/(1 + x**2)", "a quotient"],
];
const SMALLEST = 1e-16;
const LARGEST = 2;
const DTYPES = [["float64", "float64, 16 digits"], ["float32", "float32, 7 digits"]];

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
    this.range = [state.number("from", -2), state.number("to", 5)];
    if (this.range[0] >= this.range[1]) this.range = [-2, 5];
    this.dtype = state.get("dtype", "float64");
    this.askCurve = lab.latest(([frame]) => this.#gotCurve(frame), (error) => this.#noCurve(error));
    this.askLook = lab.latest(([frame]) => this.#gotLook(frame), (error) => this.#noLook(error));
    this.errors = new Errors(lab);
    this.askErrors = lab.latest(
      ([frame]) => this.errors.show(frame, this.step), () => this.errors.show(null, this.step));
    this.askChain = lab.latest(
      ([frame]) => this.chain.show(frame.explanation), (error) => this.chain.say(error.message));
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
    this.dtypes = select({
      label: "computed in", value: this.dtype, options: DTYPES,
      onChange: (dtype) => { this.dtype = dtype; this.lab.state.set({ dtype }); this.look({}); },
    });
    this.ends = [["left end", 0], ["right end", 1]].map(([label, i]) => numberField({
      label, value: this.range[i], min: -1e6, max: 1e6, onInput: (v) => this.stretch(i, v),
    }));
    this.endsProblem = h("p", { class: "problem", role: "alert" });
    this.both = checkbox({
      label: "draw the derivative at every x", value: this.lab.state.get("both") === "1",
      onChange: (on) => { this.lab.state.set({ both: on ? 1 : null }); this.curve(); },
    });
    if (this.lab.replay)
      fixed(this.field, this.examples, this.dtypes, ...this.ends);
    return h("div", { class: "controls" },
      this.lab.replay ? saved("x and h go to the nearest recorded places") : null,
      group("The function", this.field.element, this.examples.element),
      group("The microscope", this.xSlider.element, this.hSlider.element,
        h("div", { class: "buttons" }, this.shrinkButton), this.dtypes.element),
      group("The picture",
        h("div", { class: "two" }, ...this.ends.map((end) => end.element)), this.endsProblem, this.both.element),
      keys([["h", "let h shrink, or stop it"], ["[ ]", "x a little to the left, to the right"],
        ["← →", "on the point or a slider: move it (with Shift ten steps)"]]));
  }

  #example() {
    return EXAMPLES.some(([f]) => f === this.f) ? this.f : "";
  }

  #pictures() {
    this.figures = figures([
      ["slope", "the derivative at x"], ["secant", "the slope of the secant"],
      ["error", "their difference"],
    ]);
    this.figures.set({ slope: "–", secant: "–", error: "–" });
    this.formula = h("div", { class: "formula" });
    this.sentence = h("p", { class: "sentence" });
    this.problem = h("p", { class: "problem" });
    this.plot = new Plot(this.lab, {
      label: "The function with its tangent and a secant", height: 380,
      x: { label: "x", range: this.range }, y: { label: "f(x)", range: [0, 1] },
    });
    this.plot.handle({
      label: "The point on the curve: the arrow keys move x", onlyX: true,
      get: () => [this.x, this.#height()], set: (x) => this.look({ x: this.#tidy(x) }),
    });
    this.plot.onPick((x) => this.look({ x: this.#tidy(x) }));
    this.lens = new Lens(this.lab);
    this.table = numbers("The numbers of these pictures", () => words.numbers(this.seen, this.drawn));
    return h("div", { class: "pictures" },
      h("section", { class: "card", "aria-label": "The curve" },
        h("div", { class: "heading" }, this.formula, this.figures.element), this.sentence, this.problem,
        h("div", { class: "lens" }, this.plot.element, this.lens.element), this.table.element),
      h("div", { class: "pair" }, section("How the tape got it", this.#chain()), this.errors.element));
  }

  /** Where the curve is at x, to first order from the place that was answered for. */
  #height() {
    return this.seen ? this.seen.y + this.seen.slope * (this.x - this.seen.x) : NaN;
  }

  #chain() {
    this.chain = chain();
    return this.chain.element;
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
    this.askLook({ type: "look", f: this.f, x: this.x, h: step, dtype: this.dtype });
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

  /** Move one end of the picture. */
  stretch(end, value) {
    this.range[end] = value;
    const fits = this.range[0] < this.range[1];
    this.endsProblem.textContent = fits ? "" : "The left end is to the left of the right end.";
    if (!fits) return;
    this.lab.state.set({ from: this.range[0], to: this.range[1] });
    this.xSlider.limits(...this.range);
    this.curve();
  }

  // ---- answers

  #noCurve(error) {
    this.field.fail(error.message);
    this.lab.announce(error.message);
  }

  #noLook(error) {
    if (this.field.failed) return; // the formula itself is wrong, which is said already
    this.problem.textContent = error.message;
    this.figures.set({ slope: "–", secant: "–", error: "–" });
    this.sentence.textContent = "";
    this.seen = null;
    this.#paint();
  }

  #gotCurve(frame) {
    this.field.fail("");
    this.drawn = frame.arrays;
    this.formula.replaceChildren(math(row("f", row("(", "x", ")"), "=", parse(frame.mathml))));
    this.#paint();
  }

  #gotLook(frame) {
    this.seen = frame;
    this.problem.textContent = "";
    this.figures.set({
      slope: number(frame.slope, words.DIGITS), secant: number(frame.secant, words.DIGITS), error: number(frame.error, 3),
    });
    this.sentence.textContent = words.sentence(frame);
    clearTimeout(this.saying);
    this.saying = setTimeout(() => this.lab.announce(words.derivative(frame)), 700);
    this.#paint();
  }

  // ---- drawing

  #paint() {
    if (!this.drawn) return;
    const { x: xs, y: ys, slope: slopes } = this.drawn;
    const both = this.both.value;
    const heights = [...ys.data, ...(both ? slopes.data : [])];
    this.plot.y.range = robust(heights, [Number(this.seen?.y ?? NaN)]);
    this.plot.draw([
      both && {
        kind: "line", x: xs.data, y: slopes.data, color: "--purple", dash: [2, 5],
        label: "its derivative at every x",
      },
      ...this.#lines(),
      { kind: "line", x: xs.data, y: ys.data, color: "--blue", width: 3, label: "f(x)" },
      ...this.#rise(),
    ]);
    this.plot.describe(words.picture(this.f, this.range, this.seen));
    this.lens.show(this.seen);
    this.table.refresh();
  }

  /** Secant and tangent, all through the picture. */
  #lines() {
    if (!this.seen) return [];
    const { x, y, slope, secant } = this.seen;
    const straight = (factor, color, dash, label) => ({
      kind: "line", x: this.range, y: this.range.map((v) => y + Number(factor) * (v - x)),
      color, dash, width: 2, label,
    });
    return [
      straight(secant, "--orange", [8, 6], "secant over h"), straight(slope, "--green", [], "tangent"),
    ];
  }

  /** The step and the rise of the secant, as two sides of a triangle. */
  #rise() {
    if (!this.seen) return [];
    const { x, y, h: step, secant } = this.seen;
    const top = y + Number(secant) * step;
    const side = { kind: "line", color: "--soft", width: 1.5, dash: [2, 3] };
    const wide = this.plot.sx && Math.abs(this.plot.sx.to(x + step) - this.plot.sx.to(x)) > 48;
    return [
      { ...side, x: [x, x + step, x + step], y: [y, y, top] },
      { kind: "points", x: [x + step], y: [top], color: "--orange", shape: "square", size: 5.5 },
      wide && {
        kind: "text", x: x + step / 2, y, text: "h", color: "--soft", align: "center",
        dy: top >= y ? 12 : -12,
      },
    ];
  }

  end() {
    this.stop();
    clearTimeout(this.later);
    clearTimeout(this.saying);
    clearInterval(this.shrinking);
    for (const picture of [this.plot, this.lens, this.errors]) picture.end();
  }
}
