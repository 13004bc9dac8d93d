/** Neuron: one neuron, step by step, with every number of the chain rule. */

import { chain } from "lab/chain.js";
import { derivative, element, frac, math, number, row, sub, sup, words } from "lab/math.js";
import { Drawing } from "lab/pages/neuron/drawing.js";
import { Tug } from "lab/pages/neuron/tug.js";
import { Plot } from "lab/plot.js";
import { extent } from "lab/scale.js";
import { button, figures, group, h, keys, numbers, onKeys, section, select, slider } from "lab/ui.js";

export const id = "neuron";
export const title = "Neuron";

const FIRST = {
  weights: [0.5, -0.3], bias: 0.1, activation: "sigmoid", loss: "logistic cost", chosen: 0, lr: 0.5,
  examples: [[2, -1, 1], [1, 1, 0], [-1.5, 0.5, 0], [0.5, -2, 1]],
};
const ACTIVATIONS = ["sigmoid", "tanh", "ReLU", "identity"];
const LOSSES = ["logistic cost", "squared error"];
const NOTHING = { caption: "Nothing is computed yet.", columns: [], rows: [] };
const MOST = 8; // examples
const RANGE = 4; // of a weight's slider
const LARGEST = 1e6; // of an input and a target

/** @param {HTMLElement} root @param {import("lab/app.js").Lab} lab */
export function mount(root, lab) {
  const page = new Neuron(lab);
  root.append(...page.build());
  page.changed();
  return () => page.end();
}

/** Return numbers written as 1,-2,0.5; null where one is none, or too large. */
function list(text) {
  const values = text.split(",").map(Number);
  return text && values.every(small) ? values : null;
}

/** Whether the lab takes a number. */
function small(value) {
  return Math.abs(value) <= LARGEST;
}

/** Return a word of the address if it is one of a few, else the first of them. */
function oneOf(names, name) {
  return names.includes(name) ? name : names[0];
}

class Neuron {
  #ended = false;
  #queue = Promise.resolve();
  #begun = null; // the parameters before the first step
  #costs = [];
  soon = null; // the timer of the next question about the chain rule

  constructor(lab) {
    this.lab = lab;
    const { state } = lab;
    const rows = state.get("examples").split(";").map(list);
    const weights = list(state.get("w")) ?? [...FIRST.weights];
    if (weights.length !== 3) weights.length = 2;
    const fits = rows.length <= MOST && rows.every((r) => r?.length === weights.length + 1);
    this.given = {
      weights,
      bias: state.number("b", FIRST.bias),
      activation: oneOf(ACTIVATIONS, state.get("activation")),
      loss: oneOf(LOSSES, state.get("loss")),
      examples: fits ? rows : FIRST.examples.map((r) => this.#fitted(r, weights.length)),
      chosen: 0,
      lr: state.number("lr", FIRST.lr),
    };
    this.given.chosen = Math.min(Math.max(0, state.number("example", 0)), this.given.examples.length - 1);
    this.wrt = state.get("wrt", "w1");
    const fail = (error) => this.lab.fail(error);
    this.askShow = lab.latest(([frame]) => this.draw(frame), fail);
    this.askChain = lab.latest(([frame]) => this.chain.show(frame.explanation), (error) => this.chain.say(error.message));
  }

  /** Return an example with as many inputs as there are weights. */
  #fitted(example, count) {
    const target = example.at(-1);
    return [...Array.from({ length: count }, (_, i) => (i < example.length - 1 ? example[i] : 1)), target];
  }

  // ---- what the page is made of

  build() {
    this.stop = onKeys({
      s: () => this.step(1), r: () => this.back(),
      "[": () => this.choose(this.given.chosen - 1), "]": () => this.choose(this.given.chosen + 1),
    });
    this.controls = h("div", { class: "controls" });
    this.#buildControls();
    return [
      h("h1", {}, "Neuron"),
      h("p", { class: "lead" },
        "A neuron multiplies each input by a weight, adds the bias, and bends the sum with an ",
        "activation. The loss says how far that is from the target. Backwards, each piece has its ",
        "derivative, and the chain rule multiplies them: that is how the loss changes with a weight."),
      h("div", { class: "columns" }, this.controls, this.#pictures()),
    ];
  }

  #buildControls() {
    const { given } = this;
    const words = (names) => names.map((name) => [name, name]);
    const set = (key) => (value) => { this.given[key] = value; this.changed(); };
    this.sliders = given.weights.map((value, i) => slider({
      label: `weight w${i + 1}`, min: -RANGE, max: RANGE, step: 0.01, value,
      onInput: (w) => { this.given.weights[i] = w; this.changed(); },
    }));
    this.bias = slider({ label: "bias b", min: -RANGE, max: RANGE, step: 0.01, value: given.bias, onInput: set("bias") });
    this.sliders.push(this.bias);
    this.count = select({
      label: "inputs", value: String(given.weights.length), options: [["2", "two"], ["3", "three"]],
      onChange: (count) => this.#inputs(Number(count)),
    });
    this.activation = select({
      label: "activation", value: given.activation, options: words(ACTIVATIONS),
      onChange: (name) => this.#formulas({ activation: name }),
    });
    this.loss = select({
      label: "loss", value: given.loss, options: words(LOSSES),
      onChange: (name) => this.#formulas({ loss: name }),
    });
    this.hint = h("p", { class: "note" });
    this.rate = slider({ label: "learning rate", min: 0.001, max: 10, log: true, value: given.lr, onInput: set("lr") });
    const saved = "This is a saved page: the examples and the next 20 steps are in it; to change more, run xpnet lab.";
    this.controls.replaceChildren(
      this.lab.replay ? h("p", { class: "note" }, saved) : "",
      group("The neuron", ...this.sliders.map((s) => s.element), this.count.element),
      group("The formulas", this.activation.element, this.loss.element, this.hint),
      group("How it learns", this.rate.element),
      keys([["s", "one step"], ["r", "back to before the first step"], ["[ ]", "the example before, the next one"]]));
    if (this.lab.replay) this.controls.querySelectorAll("fieldset").forEach((set) => { set.disabled = true; });
  }

  #pictures() {
    this.drawing = new Drawing();
    this.formulas = h("div", { class: "formula" });
    this.note = h("p", { class: "problem" });
    this.drawingTable = numbers("The numbers of this picture", () => this.#drawingRows());
    this.examples = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of the examples" });
    this.add = button("Add an example", () => this.#add());
    this.wrtPlace = h("div");
    this.chain = chain();
    this.tug = new Tug();
    this.tugTable = numbers("The numbers of this picture", () => this.#tugRows());
    this.figures = figures([["cost", "cost: the mean of all losses"], ["after", "after the next step"], ["steps", "steps taken"]]);
    this.lines = h("div", { class: "updates", role: "group", "aria-label": "The update" });
    this.stepButton = button("One step", () => this.step(1), { key: "s", kind: "main" });
    this.tenButton = button("Ten steps", () => this.step(10));
    this.backButton = button("Back to the start", () => this.back(), { key: "r" });
    this.curve = new Plot(this.lab, {
      label: "The cost after each step", height: 200, legend: false,
      x: { label: "step", range: [0, 1] }, y: { label: "cost", range: [0, 1] },
    });
    this.curveTable = numbers("The numbers of this picture", () => ({
      caption: "The cost before each step", columns: ["step", "cost"], rows: this.#costs.map((c, i) => [String(i), c]),
    }));
    return h("div", { class: "pictures" },
      h("section", { class: "card", "aria-label": "The neuron" },
        this.drawing.element, this.formulas, this.note, this.drawingTable.element),
      section("The examples", this.examples, h("p"), h("div", { class: "buttons" }, this.add)),
      h("div", { class: "pair wide-first" },
        section("The chain rule", h("p", { class: "note" },
          "From the loss of the chosen example back to one parameter: names, then symbols, then numbers. ",
          "Everything else is held constant."), this.wrtPlace, this.chain.element),
        section("Tug of war", h("p", { class: "note" },
          "Each example pulls each parameter towards a smaller loss of its own: minus its gradient, divided by ",
          "the number of examples. The sum is the way the parameter goes."), this.tug.element, this.tugTable.element)),
      section("The update", h("p", { class: "note" }, "new = old − learning rate × gradient, for all at once, by optim.SGD."),
        this.figures.element, this.lines,
        h("div", { class: "buttons" }, this.stepButton, this.tenButton, this.backButton),
        this.curve.element, this.curveTable.element));
  }

  // ---- changing

  #inputs(count) {
    const { given } = this;
    given.weights = Array.from({ length: count }, (_, i) => given.weights[i] ?? 0.2);
    given.examples = given.examples.map((e) => this.#fitted(e, count));
    if (!this.#names().includes(this.wrt)) this.wrt = "w1";
    this.#buildControls();
    this.count.input.focus();
    this.#remember(true);
    this.changed();
  }

  /** Take formulas; the logistic cost goes with a sigmoid and targets from 0 to 1. */
  #formulas(chosen) {
    const { given } = this;
    Object.assign(given, chosen);
    let said = "";
    if (chosen.activation && given.loss === "logistic cost" && given.activation !== "sigmoid") {
      given.loss = "squared error";
      said = "The logistic cost needs a sigmoid, so the loss is now the squared error.";
    }
    if (chosen.loss === "logistic cost" && given.activation !== "sigmoid") {
      given.activation = "sigmoid";
      said = "The logistic cost needs a probability, so the activation is now the sigmoid.";
    }
    if (given.loss === "logistic cost")
      for (const example of given.examples) example.push(Math.min(1, Math.max(0, example.pop())));
    this.activation.value = given.activation;
    this.loss.value = given.loss;
    this.hint.textContent = said;
    this.#remember(true);
    this.changed();
  }

  #add() {
    const { given } = this;
    if (given.examples.length === MOST) return;
    given.examples.push([...given.weights.map((_, i) => (i % 2 ? -1 : 1)), given.examples.length % 2]);
    this.choose(given.examples.length - 1);
    this.examples.querySelector("tbody tr:last-child input")?.focus();
  }

  #remove(i) {
    const { given } = this;
    given.examples.splice(i, 1);
    given.chosen = Math.min(given.chosen, given.examples.length - 1);
    this.changed();
    this.add.focus();
  }

  choose(i) {
    this.given.chosen = Math.min(Math.max(0, i), this.given.examples.length - 1);
    this.changed();
  }

  #message(type) {
    const { given } = this;
    return { type, ...given, examples: given.examples.flat() };
  }

  /** Something was changed by hand: show it, and forget the steps. */
  changed() {
    this.#begun = null;
    this.#costs = [];
    this.#show();
  }

  #show() {
    this.#remember();
    this.askShow(this.#message("show"));
    this.#explain();
  }

  /** Ask for the chain rule, not more often than it can be read. */
  #explain() {
    this.soon ??= setTimeout(() => {
      this.soon = null;
      this.askChain({ ...this.#message("explain"), wrt: this.wrt });
    }, 120);
  }

  #remember(push = false) {
    const { given, lab } = this;
    lab.state.set({
      w: given.weights.join(","), b: given.bias, activation: given.activation, loss: given.loss, lr: given.lr,
      example: given.chosen, wrt: this.wrt, examples: given.examples.map((e) => e.join(",")).join(";"),
    }, { push });
  }

  #names() {
    return [...this.given.weights.map((_, i) => `w${i + 1}`), "b"];
  }

  // ---- learning

  step(steps) {
    this.#queue = this.#queue.then(async () => {
      if (this.#ended) return;
      const since = performance.now();
      try {
        const [frame] = await this.lab.ask({ ...this.#message("step"), steps });
        if (this.#ended) return;
        this.#begun ??= structuredClone(this.given);
        this.#costs.push(...frame.costs);
        this.given.weights = frame.given.weights;
        this.given.bias = frame.given.bias;
        this.draw(frame);
        this.#remember();
        this.#explain();
        this.lab.timed(performance.now() - since);
        this.lab.announce(`After ${this.#costs.length} steps the cost is ${number(frame.cost)}.`);
      } catch (error) {
        this.lab.fail(error);
      }
    });
    return this.#queue;
  }

  back() {
    if (!this.#begun) return;
    const { weights, bias } = this.#begun;
    Object.assign(this.given, { weights, bias });
    this.changed();
    this.lab.announce("The parameters are those of before the first step.");
  }

  // ---- drawing

  draw(frame) {
    this.frame = frame;
    const { given } = frame;
    [...given.weights, given.bias].forEach((value, i) => { this.sliders[i].value = value; });
    this.drawing.draw(frame);
    this.formulas.replaceChildren(...formulas(frame));
    this.note.textContent = frame.note;
    this.#drawExamples(frame);
    this.#drawChoice();
    this.tug.draw(frame);
    this.figures.set({ cost: number(frame.cost), after: number(frame.cost_after), steps: String(this.#costs.length) });
    this.lines.replaceChildren(...frame.update.map((u) => updateLine(u, given.lr)));
    this.backButton.disabled = !this.#begun;
    const costs = [...this.#costs, Number(frame.cost)];
    this.curve.x.range = [0, Math.max(10, costs.length - 1)];
    this.curve.y.range = [0, extent(costs)[1]];
    this.curve.draw([{ kind: "line", x: costs.map((_, i) => i), y: costs, color: "--blue", marker: "circle", every: Math.ceil(costs.length / 40), size: 3 }]);
    this.curve.describe(`The cost before each of ${this.#costs.length} steps, now ${number(frame.cost)}.`);
    for (const each of [this.drawingTable, this.tugTable, this.curveTable]) each.refresh();
  }

  #drawExamples({ given, pulls }) {
    const count = given.weights.length;
    const shape = `${given.examples.length}/${count}`;
    if (this.shape !== shape) this.#buildExamples(count);
    this.shape = shape;
    given.examples.forEach((example, i) => {
      const line = this.rows[i];
      line.radio.checked = i === given.chosen;
      line.element.classList.toggle("chosen", i === given.chosen);
      example.forEach((value, j) => { if (document.activeElement !== line.fields[j]) line.fields[j].value = String(value); });
      [pulls[i].z, pulls[i].a, pulls[i].loss].forEach((value, j) => { line.results[j].textContent = number(value); });
      line.remove.disabled = this.lab.replay || given.examples.length === 1;
      for (const field of line.fields) field.disabled = this.lab.replay;
    });
    this.add.disabled = this.lab.replay || given.examples.length === MOST;
    this.tenButton.disabled = this.lab.replay;
  }

  #buildExamples(count) {
    const inputs = Array.from({ length: count }, (_, i) => `x${i + 1}`);
    const head = ["example", ...inputs, "target y", "z", "a", "loss", ""];
    this.rows = this.given.examples.map((_, i) => this.#exampleRow(i, [...inputs, "target"]));
    this.examples.replaceChildren(h("table", { class: "examples" },
      h("caption", {}, "Choose the example that is drawn; change its numbers here."),
      h("thead", {}, h("tr", {}, ...head.map((name) => (name ? h("th", { scope: "col" }, name) : h("td"))))),
      h("tbody", {}, ...this.rows.map((line) => line.element))));
  }

  #exampleRow(i, names) {
    const radio = h("input", { type: "radio", name: "example", "aria-label": `example ${i + 1}`, onchange: () => this.choose(i) });
    const fields = names.map((name, j) => {
      const field = h("input", { type: "number", step: "any", "aria-label": `example ${i + 1}, ${name}` });
      field.addEventListener("input", () => {
        if (!small(field.valueAsNumber)) return;
        this.given.examples[i][j] = field.valueAsNumber;
        this.given.chosen = i;
        this.changed();
      });
      field.addEventListener("blur", () => { field.value = String(this.given.examples[i][j]); });
      return field;
    });
    const results = [0, 1, 2].map(() => h("td", { class: "number" }));
    const remove = button("Remove", () => this.#remove(i));
    remove.setAttribute("aria-label", `Remove example ${i + 1}`);
    const element = h("tr", {},
      h("th", { scope: "row" }, h("label", {}, radio, ` ${i + 1}`)),
      ...fields.map((field) => h("td", {}, field)), ...results, h("td", {}, remove));
    return { element, radio, fields, results, remove };
  }

  /** The list of parameters that the chain rule can lead to. */
  #drawChoice() {
    const names = this.#names();
    if (this.choices === names.join()) return;
    this.choices = names.join();
    const choice = select({
      label: "from the loss back to", value: this.wrt, options: names.map((n) => [n, n]),
      onChange: (name) => { this.wrt = name; this.#remember(); this.#explain(); },
    });
    choice.element.classList.add("beside");
    this.wrtPlace.replaceChildren(choice.element);
  }

  // ---- tables

  #drawingRows() {
    if (!this.frame) return NOTHING;
    const { given, names, pulls } = this.frame;
    const pull = pulls[given.chosen];
    const example = given.examples[given.chosen];
    const rows = names.map((name, i) => {
      const input = i < given.weights.length ? example[i] : 1;
      const value = i < given.weights.length ? given.weights[i] : given.bias;
      return [name, value, input, value * input, Number(pull.gradients[i])];
    });
    rows.push(["z", Number(pull.z), null, null, Number(pull.of_z)], ["a", Number(pull.a), null, null, Number(pull.of_a)], ["L", Number(pull.loss), null, null, 1]);
    return { caption: `Example ${given.chosen + 1}, forward and backward`, columns: ["what", "value", "times", "is", "gradient of the loss"], rows };
  }

  #tugRows() {
    if (!this.frame) return NOTHING;
    const { names, pulls, update } = this.frame;
    const rows = pulls.map((pull, i) => [`example ${i + 1}`, ...pull.pulls.map(Number)]);
    rows.push(["sum", ...names.map((_, p) => pulls.reduce((sum, pull) => sum + Number(pull.pulls[p]), 0))]);
    rows.push(["minus the gradient of the cost", ...update.map((u) => -Number(u.gradient))]);
    return { caption: "How each example pulls each parameter", columns: ["pull of", ...names], rows };
  }

  end() {
    this.#ended = true;
    clearTimeout(this.soon);
    this.stop();
    this.curve.end();
  }
}

/** `w1` with its number below the line. */
function symbol(name) {
  return name.length > 1 ? sub(name[0], name.slice(1)) : row(name);
}

/** A number as a factor: below 0 it stands in brackets. */
function factor(value) {
  return Number(value) < 0 ? row("(", number(value), ")") : row(number(value));
}

/** Return the formulas of the chosen example, with symbols and with numbers. */
function formulas({ given, names, pulls, cost }) {
  const pull = pulls[given.chosen];
  const example = given.examples[given.chosen];
  const y = example.at(-1);
  const plus = (things) => things.flatMap((thing, i) => (i ? ["+", ...thing] : thing));
  const weights = names.slice(0, -1);
  const symbols = plus([...weights.map((name, i) => [symbol(name), sub("x", i + 1)]), ["b"]]);
  const values = plus([...given.weights.map((w, i) => [factor(w), "·", factor(example[i])]), [factor(given.bias)]]);
  const bend = { sigmoid: "σ", tanh: "tanh", ReLU: "ReLU", identity: "" }[given.activation];
  const about = (inner) => (bend ? row(bend, "(", inner, ")") : row(inner));
  const [how, put] = given.loss === "squared error"
    ? [sup(row("(", "a", "−", "y", ")"), 2), sup(row("(", number(pull.a), "−", factor(y), ")"), 2)]
    : [row("−", "(", "y", "log", "a", "+", "(", 1, "−", "y", ")", "log", "(", 1, "−", "a", ")", ")"),
      row("−", "(", number(y), "·", "log", number(pull.a), "+", number(1 - y), "·", "log", number(1 - pull.a), ")")];
  const all = given.examples.length;
  return [
    math(row("z", "=", ...symbols, "=", ...values, "=", number(pull.z)), { block: true }),
    math(row("a", "=", about("z"), "=", about(number(pull.z)), "=", number(pull.a)), { block: true }),
    math(row("L", "=", how, "=", put, "=", number(pull.loss)), { block: true }),
    math(row(words("cost"), "=", frac(1, all), element("msubsup", row("∑"), row("i", "=", 1), row(all)), sub("L", "i"), "=", number(cost)), { block: true }),
  ];
}

/** `w1: 0.5 − 0.5 · (−0.106) = 0.553`. */
function updateLine({ name, old, gradient, new: after }, rate) {
  return math(row(
    symbol(name), "←", symbol(name), "−", words("learning rate"), "·", derivative(words("cost"), symbol(name), "∂"),
    "=", number(old), "−", number(rate), "·", factor(gradient), "=", number(after),
  ), { block: true });
}
