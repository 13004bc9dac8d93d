/** Neuron: one neuron, step by step, with every number of the chain rule. */

import { chain } from "lab/chain.js";
import { indexed, number } from "lab/math.js";
import { Drawing } from "lab/pages/neuron/drawing.js";
import { Examples } from "lab/pages/neuron/examples.js";
import { formulas } from "lab/pages/neuron/formulas.js";
import { ACTIVATIONS, LOSSES, fitted, read, take, written } from "lab/pages/neuron/given.js";
import { Tug } from "lab/pages/neuron/tug.js";
import { Update } from "lab/pages/neuron/update.js";
import { group, h, keys, numbers, onKeys, scrolled, section, select, slider } from "lab/ui.js";

export const id = "neuron";
export const title = "Neuron";

const RANGE = 4; // of a weight's slider

/** @param {HTMLElement} root @param {import("lab/app.js").Lab} lab */
export function mount(root, lab) {
  const page = new Neuron(lab);
  root.append(...page.build());
  page.changed();
  return () => page.end();
}

class Neuron {
  #ended = false;
  #queue = Promise.resolve();
  #begun = null; // the parameters before the first step
  #costs = [];
  soon = null; // the timer of the next question about the chain rule

  constructor(lab) {
    this.lab = lab;
    this.given = read(lab.state);
    this.wrt = lab.state.get("wrt", "w1");
    if (!this.#names().includes(this.wrt)) this.wrt = "w1";
    const fail = (error) => this.lab.fail(error);
    this.askShow = lab.latest(([frame]) => this.draw(frame), fail);
    this.askChain = lab.latest(([frame]) => this.chain.show(frame.explanation), (error) => this.chain.say(error.message));
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
      label: `weight ${indexed(`w${i + 1}`)}`, min: -RANGE, max: RANGE, step: 0.01, value,
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
    this.rate = slider({ label: "learning rate", min: 0.001, max: 10, log: true, value: given.lr, onInput: (lr) => { this.given.lr = lr; this.#show(); } });
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
    this.formulas = scrolled("The formulas of the neuron");
    this.formulas.classList.add("formula", "wide");
    this.note = h("p", { class: "problem" });
    this.drawingTable = numbers("The numbers of this picture", () => this.#drawingRows());
    this.examples = new Examples({
      fixed: this.lab.replay, onChoose: (i) => this.choose(i), onAdd: () => this.#add(), onRemove: (i) => this.#remove(i),
      onType: (i, j, value) => this.#type(i, j, value),
    });
    this.wrtPlace = h("div");
    this.chain = chain();
    this.tug = new Tug();
    this.tugTable = numbers("The numbers of this picture", () => this.#tugRows());
    this.update = new Update(this.lab, { onStep: (steps) => this.step(steps), onBack: () => this.back() });
    return h("div", { class: "pictures" },
      h("section", { class: "card", "aria-label": "The neuron" },
        this.drawing.element, this.formulas, this.note, this.drawingTable.element),
      section("The examples", ...this.examples.elements),
      h("div", { class: "pair wide-first" },
        section("The chain rule", h("p", { class: "note" },
          "From the loss of the chosen example back to one parameter: names, then symbols, then numbers. ",
          "Everything else is held constant."), this.wrtPlace, this.chain.element),
        section("Tug of war", h("p", { class: "note" },
          "Each example pulls each parameter towards a smaller loss of its own: minus its gradient, divided by ",
          "the number of examples. The sum is the way the parameter goes."), this.tug.element, this.tugTable.element)),
      this.update.element);
  }

  // ---- changing

  #inputs(count) {
    const { given } = this;
    given.weights = Array.from({ length: count }, (_, i) => given.weights[i] ?? 0.2);
    given.examples = given.examples.map((e) => fitted(e, count));
    if (!this.#names().includes(this.wrt)) this.wrt = "w1";
    this.#buildControls();
    this.count.input.focus();
    this.#remember(true);
    this.changed();
  }

  #formulas(chosen) {
    this.hint.textContent = take(this.given, chosen);
    this.activation.value = this.given.activation;
    this.loss.value = this.given.loss;
    this.#remember(true);
    this.changed();
  }

  #add() {
    const { given } = this;
    given.examples.push([...given.weights.map((_, i) => (i % 2 ? -1 : 1)), given.examples.length % 2]);
    given.chosen = given.examples.length - 1;
    this.toLast = true;
    this.changed();
  }

  #remove(i) {
    const { given } = this;
    given.examples.splice(i, 1);
    given.chosen = Math.min(given.chosen, given.examples.length - 1);
    this.changed();
    this.examples.add.focus();
  }

  #type(i, j, value) {
    this.given.examples[i][j] = value;
    this.given.chosen = i;
    this.changed();
  }

  /** Look at another example; the steps that were taken stay. */
  choose(i) {
    this.given.chosen = Math.min(Math.max(0, i), this.given.examples.length - 1);
    this.#show();
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
    this.lab.state.set({ ...written(this.given), wrt: this.wrt }, { push });
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
    this.formulas.replaceChildren(formulas(frame));
    this.note.textContent = frame.note;
    this.examples.draw(frame);
    if (this.toLast) this.examples.focusLast();
    this.toLast = false;
    this.#drawChoice();
    this.tug.draw(frame);
    this.update.draw(frame, this.#costs);
    for (const each of [this.drawingTable, this.tugTable]) each.refresh();
  }

  /** The list of parameters that the chain rule can lead to. */
  #drawChoice() {
    const names = this.#names();
    if (this.choices === names.join()) return;
    this.choices = names.join();
    const choice = select({
      label: "from the loss back to", value: this.wrt, options: names.map((n) => [n, indexed(n)]),
      onChange: (name) => { this.wrt = name; this.#remember(); this.#explain(); },
    });
    choice.element.classList.add("beside");
    this.wrtPlace.replaceChildren(choice.element);
  }

  // ---- tables

  #drawingRows() {
    if (!this.frame) return null;
    const { given, names, pulls } = this.frame;
    const pull = pulls[given.chosen];
    const example = given.examples[given.chosen];
    const rows = names.map((name, i) => {
      const input = i < given.weights.length ? example[i] : 1;
      const value = i < given.weights.length ? given.weights[i] : given.bias;
      return [indexed(name), value, input, value * input, Number(pull.gradients[i])];
    });
    rows.push(["z", Number(pull.z), null, null, Number(pull.of_z)], ["a", Number(pull.a), null, null, Number(pull.of_a)], ["L", Number(pull.loss), null, null, 1]);
    return { caption: `Example ${given.chosen + 1}, forward and backward`, columns: ["what", "value", "times", "is", "gradient of the loss"], rows };
  }

  #tugRows() {
    if (!this.frame) return null;
    const { names, pulls, update } = this.frame;
    const rows = pulls.map((pull, i) => [`example ${i + 1}`, ...pull.pulls.map(Number)]);
    rows.push(["sum", ...names.map((_, p) => pulls.reduce((sum, pull) => sum + Number(pull.pulls[p]), 0))]);
    rows.push(["minus the gradient of the cost", ...update.map((u) => -Number(u.gradient))]);
    return { caption: "How each example pulls each parameter", columns: ["pull of", ...names.map(indexed)], rows };
  }

  end() {
    this.#ended = true;
    clearTimeout(this.soon);
    this.stop();
    this.update.end();
  }
}
