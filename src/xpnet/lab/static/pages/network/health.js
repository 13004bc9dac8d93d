/** The findings of a training, worst first: a sign, a sentence, and what to try. */

import { h } from "lab/ui.js";

const SIGNS = { good: ["✓", "good: "], note: ["i", "note: "], problem: ["!", "problem: "] };

export class Health {
  #shown = "";

  constructor() {
    this.element = h("ul", { class: "findings" });
  }

  /** @param {{kind: string, level: string, text: string, advice: string}[]} findings */
  draw(findings) {
    const now = JSON.stringify(findings);
    if (now === this.#shown) return;
    this.#shown = now;
    this.element.replaceChildren(...findings.map(({ kind, level, text, advice }) => {
      const [sign, word] = SIGNS[level];
      return h("li", { class: `level-${level}`, "data-kind": kind },
        h("span", { class: "sign", "aria-hidden": "true" }, sign),
        h("div", {},
          h("p", {}, h("span", { class: "unseen" }, word), text),
          advice ? h("p", { class: "note" }, advice) : null));
    }));
  }
}
