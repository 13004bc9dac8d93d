/** Code: the rules that just ran, as they stand in the library's own files. */

import { frac, lines, number, parse, row, words } from "lab/math.js";
import { button, fixed, group, h, keys, numbers, onKeys, saved, section, select, slider, table, textField } from "lab/ui.js";

export const id = "code";
export const title = "Code";

const NAMES = ["x", "y", "w", "b"];
const START = { x: 1, y: 1, w: 0.5, b: -1 };
const FIRST = "(sigmoid(w*x + b) - y)**2";
const EXAMPLES = [
  [FIRST, "a neuron and its loss"], ["-log(sigmoid(w*x + b))", "the logistic loss where y is 1"],
  ["x*x", "x·x: one variable, two paths"], ["tanh(w*x)", "tanh"], ["relu(w*x + b)", "ReLU"],
  ["exp(x)/(exp(x) + exp(y))", "softmax of two"], ["where(x > y, x, y)", "the larger of two"],
  ["sqrt(x**2 + y**2)", "a distance"],
];

/** @param {HTMLElement} root @param {import("lab/app.js").Lab} lab */
export function mount(root, lab) {
  const page = new Code(lab);
  root.append(...page.build());
  page.run();
  page.list();
  return () => page.end();
}

class Code {
  constructor(lab) {
    this.lab = lab;
    this.f = lab.state.get("f", FIRST);
    this.values = Object.fromEntries(NAMES.map((name) => [name, lab.state.number(name, START[name])]));
    this.chosen = lab.state.get("step", this.f === FIRST ? "d" : "");
    this.ask = lab.latest(([frame]) => this.#got(frame), (error) => this.field.fail(error.message));
    this.askRow = lab.latest(([frame]) => this.#gotRow(frame.row), lab.fail);
  }

  // ---- what the page is made of

  build() {
    this.stop = onKeys({ "[": () => this.move(-1), "]": () => this.move(1) });
    return [
      h("h1", {}, "Code"),
      h("p", { class: "lead" },
        "There is no second engine behind these pages. Type a formula: it runs on the library's tape, ",
        "and here is each rule that the tape used on the way back, the line of the table of ",
        "derivatives in which it stands, and your numbers put in."),
      h("div", { class: "columns" }, this.#controls(), this.#pictures()),
    ];
  }

  #controls() {
    this.field = textField({
      label: "loss =", value: this.f, onCommit: (f) => this.choose(f),
      hint: "A formula of x, y, w and b. Enter takes it.",
    });
    this.examples = select({
      label: "or take", value: EXAMPLES.some(([f]) => f === this.f) ? this.f : "",
      options: [["", "…"], ...EXAMPLES],
      onChange: (f) => { if (f) { this.field.value = f; this.choose(f); } },
    });
    this.sliders = NAMES.map((name) => slider({
      label: name, min: -5, max: 5, value: this.values[name],
      onInput: (value) => this.set(name, value),
    }));
    if (this.lab.replay) fixed(this.field, this.examples);
    return h("div", { class: "controls" },
      this.lab.replay ? saved("other numbers go to the nearest recorded ones") : null,
      group("The formula", this.field.element, this.examples.element),
      group("The numbers", ...this.sliders.map((s) => s.element)),
      keys([["[ ]", "the step before, the step after"]]));
  }

  #pictures() {
    this.steps = h("div");
    this.rule = h("div", { class: "rule", "aria-live": "polite" });
    this.rows = h("div");
    this.row = h("div", { "aria-live": "polite" });
    this.gradients = numbers("The gradients, and finite differences beside them", () => this.#agreement());
    return h("div", { class: "pictures" },
      h("div", { class: "pair" },
        section("What ran, in its order", this.steps, this.gradients.element),
        section("The rule of one step", this.rule)),
      section("The whole table", this.rows, this.row));
  }

  // ---- what is asked

  choose(f) {
    this.f = f;
    this.examples.value = EXAMPLES.some(([known]) => known === f) ? f : "";
    this.lab.state.set({ f, step: null }, { push: true });
    this.chosen = "";
    this.run();
  }

  set(name, value) {
    this.values[name] = value;
    this.lab.state.set({ [name]: value });
    this.run();
  }

  run() {
    this.ask({ type: "run", f: this.f, ...this.values });
  }

  async list() {
    try {
      const [{ kinds }] = await this.lab.ask({ type: "rows" });
      this.#gotRows(kinds);
    } catch (error) {
      this.lab.fail(error);
    }
  }

  /** Show another step; without a name the last one. */
  pick(name) {
    this.chosen = name;
    this.lab.state.set({ step: name });
    this.#showSteps();
  }

  move(by) {
    const names = this.#operations().map((step) => step.name);
    const at = names.indexOf(this.#current()?.name) + by;
    if (names[at]) this.pick(names[at]);
  }

  end() {
    this.stop();
  }

  // ---- what comes back

  #got({ explanation }) {
    this.field.fail("");
    this.explanation = explanation;
    this.byId = new Map(explanation.steps.map((step) => [step.id, step]));
    if (this.lab.replay) this.#nearest();
    this.#showSteps();
    this.gradients.refresh();
  }

  /** A saved page shows the numbers that were recorded. */
  #nearest() {
    for (const { name, value } of this.explanation.variables) {
      this.values[name] = value;
      this.sliders[NAMES.indexOf(name)].value = value;
    }
  }

  #operations() {
    return this.explanation?.steps.filter((step) => step.operation !== "variable") ?? [];
  }

  #current() {
    const steps = this.#operations();
    return steps.find((step) => step.name === this.chosen) ?? steps.at(-1);
  }

  #showSteps() {
    const current = this.#current();
    const focused = this.steps.contains(document.activeElement);
    this.steps.replaceChildren(table({
      caption: "Choose a step to see its rule",
      columns: ["step", "what it computed", "value", "∂loss/∂step"],
      rows: this.explanation.steps.map((step) => {
        const variable = step.operation === "variable";
        const name = variable ? step.name
          : button(step.name, () => this.pick(step.name), { pressed: String(step === current) });
        const what = variable ? "a variable" : parse(step.mathml);
        return [name, what, step.value, step.cotangent];
      }),
    }));
    if (focused) this.steps.querySelector("[aria-pressed=true]")?.focus();
    this.#showRule(current);
  }

  #showRule(step) {
    if (!step) return this.rule.replaceChildren(h("p", {}, "The formula is a variable: nothing ran."));
    const { row: place, rule } = step;
    const own = place?.source && place.source.trim() !== rule.trim();
    this.rule.replaceChildren(
      h("p", { class: "sentence" }, h("strong", {}, step.name), " comes from ",
        h("code", {}, step.operation), place ? `, a row of the kind “${place.kind}”.` : "."),
      ...this.#factors(step),
      ...step.notes.map((note) => h("p", { class: "note" }, note)),
      ...(place?.source ? source(place, "The rule of the step") : []),
      ...(own || !place?.source
        ? [h("h3", {}, "The function that runs"), code(rule, "The function that runs")] : []));
  }

  /** For each input: the derivative in symbols, in numbers, and what arrives there. */
  #factors(step) {
    return step.inputs.flatMap((input, i) => {
      const derivative = step.derivatives[i];
      if (!derivative) return [];
      const to = this.byId.get(input.id);
      const text = `The derivative of ${step.name} with respect to ${to.name}`;
      const sides = [["=", row(...parse(derivative.mathml).childNodes)]];
      if (derivative.numbers) sides.push(["=", words(derivative.numbers)]);
      if (derivative.value !== null) sides.push(["=", number(derivative.value, 6)]);
      return [
        h("div", { class: "scroll wide", tabindex: "0", role: "region", "aria-label": text },
          lines(sides.map(([sign, side], k) => [k ? "" : partial(step.name, to.name), sign, side]))),
        h("p", { class: "note" },
          `${number(step.cotangent)} arrives at ${step.name}; ${number(to.cotangent)} arrives at ${to.name}, `,
          "over all paths."),
      ];
    });
  }

  #agreement() {
    if (!this.explanation) return null;
    const rows = this.explanation.variables.map((v) =>
      [v.name, v.value, v.gradient, v.sum_of_paths, v.finite_difference]);
    const columns = ["variable", "value", "the tape's gradient", "sum over its paths", "finite difference"];
    return { caption: "Three ways to the same number", columns, rows };
  }

  // ---- the whole table

  #gotRows(kinds) {
    const names = Object.entries(kinds).flatMap(([kind, rows]) => rows.map((name) => [name, `${name} (${kind})`]));
    const first = this.lab.state.get("row", "tanh");
    const chooser = select({
      label: `One of its ${names.length} rows`, value: first,
      options: names.sort(([a], [b]) => (a < b ? -1 : 1)),
      onChange: (name) => { this.lab.state.set({ row: name }); this.askRow({ type: "row", name }); },
    });
    this.rows.replaceChildren(chooser.element);
    this.askRow({ type: "row", name: first });
  }

  #gotRow(found) {
    this.row.replaceChildren(
      ...found.mathml.map((text, i) => h("p", {}, parse(text), " ",
        h("span", { class: "note" }, found.mathml.length > 1 ? `for argument ${i + 1}` : ""))),
      ...(found.why ? [h("p", {}, `It has no derivative: ${found.why}.`)] : []),
      ...(found.source ? source(found, "The chosen row") : [h("p", { class: "note" }, "It is made of other rows.")]));
  }
}

/** Where a row stands, and its statement. */
function source({ file, line, source: text }, label) {
  return [h("h3", {}, h("code", {}, file), `, line ${line}`), code(text, label)];
}

/** A piece of a program; it can be scrolled with the keys. */
function code(text, label) {
  return h("pre", { tabindex: "0", role: "region", "aria-label": label }, h("code", {}, text.trimEnd()));
}

function partial(of, by) {
  return frac(row("∂", words(of)), row("∂", words(by)));
}
