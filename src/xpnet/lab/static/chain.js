/** An explanation's paths: the derivatives' names, then symbols, then numbers. */

import { frac, math, number, parse, row, words } from "lab/math.js";
import { h, table } from "lab/ui.js";

/** Return a place for an explanation, as `Explanation.to_dict()` says it. */
export function chain() {
  const element = h("div", { class: "chain" });
  return { element, show: (frame) => element.replaceChildren(h("p", {}, "…")) };
}
