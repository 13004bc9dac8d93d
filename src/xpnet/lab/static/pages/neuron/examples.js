/** Neuron: the examples as a table of fields, with what the neuron makes of each. */

import { indexed, number } from "lab/math.js";
import { button, h, scrolled } from "lab/ui.js";

const MOST = 8;
const LARGEST = 1e6;

/** Whether a number can be an input or a target. */
export function fits(value) {
  return Math.abs(value) <= LARGEST;
}

/** Whether these can be all examples of a neuron with so many weights. */
export function areExamples(rows, weights) {
  return rows.length <= MOST && rows.every((row) => row?.length === weights + 1 && row.every(fits));
}

export class Examples {
  #shape = "";
  #rows = [];

  /**
   * @param {{fixed: boolean, onChoose: (example: number) => void, onAdd: () => void,
   *   onRemove: (example: number) => void, onType: (example: number, place: number, value: number) => void}} options
   */
  constructor({ fixed, ...listeners }) {
    Object.assign(this, { fixed, listeners });
    this.place = scrolled("Table of the examples");
    this.add = button("Add an example", listeners.onAdd);
    this.elements = [this.place, h("p"), h("div", { class: "buttons" }, this.add)];
  }

  /** @param {import("lab/wire.js").Frame} frame */
  draw({ given: { weights, examples, chosen }, pulls }) {
    this.given = examples;
    const shape = `${examples.length}/${weights.length}`;
    if (this.#shape !== shape) this.#build(weights.length);
    this.#shape = shape;
    examples.forEach((example, i) => this.#drawRow(this.#rows[i], example, pulls[i], i === chosen));
    this.add.disabled = this.fixed || examples.length === MOST;
  }

  #drawRow({ radio, element, fields, results, remove }, example, { z, a, loss }, chosen) {
    radio.checked = chosen;
    element.classList.toggle("chosen", chosen);
    fields.forEach((field, j) => {
      if (document.activeElement !== field) field.value = String(example[j]);
      field.disabled = this.fixed;
    });
    [z, a, loss].forEach((value, j) => { results[j].textContent = number(value); });
    remove.disabled = this.fixed || this.given.length === 1;
  }

  /** Go to the first field of the last example. */
  focusLast() {
    this.#rows.at(-1).fields[0].focus();
  }

  #build(count) {
    const inputs = Array.from({ length: count }, (_, i) => indexed(`x${i + 1}`));
    const head = ["example", ...inputs, "target y", "z", "a", "loss", ""];
    this.#rows = this.given.map((_, i) => this.#row(i, [...inputs, "target"]));
    this.place.replaceChildren(h("table", { class: "examples" },
      h("caption", {}, "Choose the example that is drawn; change its numbers here."),
      h("thead", {}, h("tr", {}, ...head.map((name) => (name ? h("th", { scope: "col" }, name) : h("td"))))),
      h("tbody", {}, ...this.#rows.map((row) => row.element))));
  }

  #row(i, names) {
    const { onChoose, onRemove } = this.listeners;
    const radio = h("input", { type: "radio", name: "example", "aria-label": `example ${i + 1}`, onchange: () => onChoose(i) });
    const fields = names.map((name, j) => this.#field(i, j, name));
    const results = [0, 1, 2].map(() => h("td", { class: "number" }));
    const remove = button("Remove", () => onRemove(i));
    remove.setAttribute("aria-label", `Remove example ${i + 1}`);
    const element = h("tr", {},
      h("th", { scope: "row" }, h("label", {}, radio, ` ${i + 1}`)),
      ...fields.map((field) => h("td", {}, field)), ...results, h("td", {}, remove));
    return { element, radio, fields, results, remove };
  }

  /** A field takes each number that is typed, and at the end shows the one it took. */
  #field(i, j, name) {
    const field = h("input", { type: "number", step: "any", "aria-label": `example ${i + 1}, ${name}` });
    field.addEventListener("input", () => {
      if (fits(field.valueAsNumber)) this.listeners.onType(i, j, field.valueAsNumber);
    });
    field.addEventListener("blur", () => { field.value = String(this.given[i]?.[j]); });
    return field;
  }
}
