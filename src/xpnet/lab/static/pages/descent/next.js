/** The next step of one optimizer: what it computes for x and for y, with the numbers. */

import { equation } from "lab/math.js";
import { h, section, select, table } from "lab/ui.js";

export class NextStep {
  /**
   * @param {{name: string, note: string}[]} racers
   * @param {string} who
   * @param {(who: string) => void} onChoose
   */
  constructor(racers, who, onChoose) {
    this.racers = racers;
    const options = racers.map(({ name }) => [name, name]);
    this.chosen = select({ label: "of", value: who, options, onChange: onChoose });
    this.about = h("p", { class: "note" });
    this.both = h("div", { class: "pair" });
    const head = h("div", { class: "next" }, this.about, this.chosen.element);
    this.element = section("The next step, with its numbers", head, this.both);
  }

  /** Show a sentence in place of a step. */
  say(sentence) {
    this.about.textContent = sentence;
    this.both.replaceChildren();
  }

  /** Show a step, as the page's answer to "update" has it. */
  show({ name, step, quantities, explanations }) {
    const { note } = this.racers.find((racer) => racer.name === name);
    this.about.textContent = `${name} (${note}), step ${step + 1}, from the optimizer itself.`;
    this.both.replaceChildren(...["x", "y"].map((letter) => h("div", {},
      h("h3", {}, letter),
      h("div", { class: "scroll wide", tabindex: "0", role: "region",
        "aria-label": `The step of ${name} in ${letter}` },
      ...quantities[letter].map((each) => h("p", {}, equation(each)))),
      parts(letter, explanations[letter]))));
  }
}

/** What the change is made of, where it has several parts. */
function parts(letter, { terms, actual }) {
  if (terms.length < 2) return null;
  const rows = [...terms.map(({ name, value }) => [name, value]), ["together", actual]];
  return table({ caption: `The parts of the change of ${letter}`, columns: ["part", "amount"], rows });
}
