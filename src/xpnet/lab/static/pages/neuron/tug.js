/** Tug of war: which example pulls which parameter which way, and the sum. */

import { indexed, number } from "lab/math.js";
import { h, svg } from "lab/ui.js";

const WIDTH = 300;
const LINE = 24;
const MIDDLE = 178;
const REACH = 108; // of the longest bar, from the middle

export class Tug {
  constructor() {
    this.element = h("div", { class: "tug" });
  }

  /** @param {import("lab/wire.js").Frame} frame */
  draw({ names, pulls, given, update }) {
    this.element.replaceChildren(...names.map((name, p) => {
      const each = pulls.map((pull) => Number(pull.pulls[p]));
      return picture(indexed(name), each, -Number(update[p].gradient), given.chosen);
    }));
  }
}

/** One parameter: a bar for each example, and one for their sum. */
function picture(name, each, sum, chosen) {
  const longest = Math.max(...each.map(Math.abs), Math.abs(sum), 1e-300);
  const height = (each.length + 1) * LINE + 30;
  const out = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": sentence(name, each, sum) });
  out.append(text(0, 12, name, "title"), text(MIDDLE - REACH, 12, "← smaller", "way"), text(MIDDLE + REACH, 12, "larger →", "way end"));
  const rows = [...each.map((pull, i) => [`example ${i + 1}`, pull, i === chosen ? "bar chosen" : "bar"]), ["sum", sum, "bar sum"]];
  rows.forEach(([label, pull, kind], i) => {
    const y = 26 + i * LINE + (i === each.length ? 5 : 0);
    out.append(text(0, y + 9, label, kind.includes("chosen") ? "row chosen" : "row"));
    out.append(...arrow(y, (REACH * pull) / longest, kind));
    out.append(pull < 0 ? text(MIDDLE + 6, y + 9, number(pull, 3), "pull") : text(MIDDLE - 6, y + 9, number(pull, 3), "pull end"));
  });
  out.append(svg("line", { x1: MIDDLE, x2: MIDDLE, y1: 20, y2: height - 2, class: "middle" }));
  return out;
}

/** A bar from the middle that ends in a point. */
function arrow(y, length, kind) {
  const size = Math.abs(length);
  if (!(size > 0.2)) return [];
  const [way, head] = [Math.sign(length), Math.min(8, size)];
  const end = MIDDLE + length;
  const neck = end - way * head;
  const d = `M${MIDDLE} ${y + 3}L${neck} ${y + 3}L${neck} ${y}L${end} ${y + 8}L${neck} ${y + 16}L${neck} ${y + 13}L${MIDDLE} ${y + 13}z`;
  return [svg("path", { d, class: `${kind} ${way < 0 ? "below" : "above"}` })];
}

function sentence(name, each, sum) {
  const parts = each.map((pull, i) => `example ${i + 1}: ${number(pull, 3)}`).join(", ");
  const way = sum > 0 ? "larger" : sum < 0 ? "smaller" : "nowhere";
  return `Pulls on ${name}. ${parts}. Their sum, ${number(sum, 3)}, makes ${name} ${way === "nowhere" ? "stay" : way}.`;
}

function text(x, y, words, kind) {
  const out = svg("text", { x, y, class: kind });
  out.textContent = words;
  return out;
}
