/** The network as units and edges: what each has, and its gradient. */

import { number } from "lab/math.js";
import { feature } from "lab/pages/network/words.js";
import { h, numbers, select, svg, table } from "lab/ui.js";

const WIDTH = 560;
const HEIGHT = 430;
const EDGE = { x: 46, top: 34, bottom: 16 };

export class Drawing {
  #shape = "";
  #units = []; // [layer][unit] -> {group, disc, text}
  #edges = []; // [layer][to][from] -> line
  #at = [0, 0]; // the unit that is looked at

  /** @param {import("lab/app.js").Lab} lab */
  constructor(lab) {
    this.lab = lab;
    this.what = select({
      label: "edges show", value: lab.state.get("edges", "weights"),
      options: [["weights", "weights"], ["gradients", "gradients of the weights"]],
      onChange: (edges) => { lab.state.set({ edges: edges === "weights" ? null : edges }); this.draw(this.frame, false); },
    });
    this.what.element.classList.add("network-edges");
    this.picture = svg("svg", { class: "network-drawing", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": "The network: units and edges" });
    this.legend = h("p", { class: "note" });
    this.message = h("p", { class: "note" });
    this.inside = h("div", {});
    this.all = numbers("Every edge in numbers", () => this.#edgeRows());
    this.element = h("div", {}, this.what.element, this.picture, this.legend, this.message, this.inside, this.all.element);
  }

  /** @param {import("lab/wire.js").Frame} frame */
  draw(frame, playing) {
    this.frame = frame;
    const { layers, message } = frame.network;
    this.message.textContent = message;
    this.picture.style.display = layers.length ? "" : "none";
    this.what.element.hidden = this.all.element.hidden = !layers.length;
    if (!layers.length) return void this.inside.replaceChildren();
    const shape = layers.map((l) => `${l.units}${l.label}`).join();
    if (shape !== this.#shape) this.#build(layers);
    this.#shape = shape;
    for (let k = 1; k < layers.length; k++) this.#drawEdges(k);
    for (let k = 0; k < layers.length; k++) this.#drawUnits(k);
    if (!playing) this.settle();
  }

  /** Write the numbers, which no eye follows while a training runs. */
  settle() {
    if (!this.frame?.network.layers.length) return;
    const largest = number(this.largest, 3);
    const gradients = this.what.value === "gradients";
    this.legend.textContent =
      `${gradients ? "Gradients" : "Weights"}: the thicker the larger (the thickest ${largest}); ` +
      "full and blue above 0, dashed and orange below.";
    this.#units.forEach((column, k) => column.forEach(({ group }, i) => group.setAttribute("aria-label", this.#name(k, i))));
    this.inside.replaceChildren(this.#insideTable());
    this.all.refresh();
  }

  // ---- making the picture

  #build(layers) {
    const counts = layers.map((_, k) => this.frame.arrays[`units.${k}`].shape[0]);
    const [layer, unit] = this.lab.state.get("unit").split("-").map(Number);
    this.#at = Number.isInteger(unit) && counts[layer] > unit ? [layer, unit] : [layers.length - 1, 0];
    const x = (k) => EDGE.x + (k * (WIDTH - 2 * EDGE.x)) / (layers.length - 1);
    const pitch = (k) => Math.min(66, (HEIGHT - EDGE.top - EDGE.bottom) / counts[k]);
    const y = (k, i) => EDGE.top + (HEIGHT - EDGE.top - EDGE.bottom) / 2 + (i - (counts[k] - 1) / 2) * pitch(k);
    const radius = (k) => Math.min(19, 0.43 * pitch(k));
    const lines = svg("g", { class: "edges", "aria-hidden": "true" });
    this.#edges = counts.map((count, k) => k === 0 ? [] : Array.from({ length: count }, (_, i) =>
      Array.from({ length: counts[k - 1] }, (_, j) => {
        const line = svg("line", { x1: x(k - 1), y1: y(k - 1, j), x2: x(k), y2: y(k, i) });
        lines.append(line);
        return line;
      })));
    const titles = svg("g", { "aria-hidden": "true" }, ...layers.map((layer, k) => {
      const part = counts[k] < layer.units;
      const text = svg("text", { x: k || !part ? x(k) : 4, y: 14, class: k || !part ? "title" : "title first" });
      text.textContent = part ? `${layer.label} (${counts[k]} of ${layer.units})` : layer.label;
      return text;
    }));
    this.#units = counts.map((count, k) => Array.from({ length: count }, (_, i) => this.#unit(k, i, x(k), y(k, i), radius(k))));
    this.picture.replaceChildren(lines, titles, ...this.#units.flat().map((unit) => unit.group));
    this.#mark();
  }

  #unit(k, i, x, y, radius) {
    const disc = svg("circle", { cx: x, cy: y, r: radius });
    const text = svg("text", { x, y, class: "value" });
    if (radius < 13) text.style.display = "none"; // there is no room: the tables have it
    const group = svg("g", { role: "button", class: "unit", tabindex: "-1" }, disc, text);
    group.addEventListener("click", () => this.#choose(k, i));
    group.addEventListener("focus", () => this.#choose(k, i));
    group.addEventListener("keydown", (event) => this.#key(event));
    return { group, disc, text };
  }

  #key(event) {
    const way = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (!way) return;
    event.preventDefault();
    const k = Math.min(Math.max(this.#at[0] + way[0], 0), this.#units.length - 1);
    const i = Math.min(Math.max(this.#at[1] + way[1], 0), this.#units[k].length - 1);
    this.#units[k][i].group.focus();
  }

  #choose(k, i) {
    if (this.#at[0] === k && this.#at[1] === i) return;
    this.#at = [k, i];
    this.lab.state.set({ unit: `${k}-${i}` });
    this.#mark();
    this.settle();
  }

  /** Show which unit is looked at, and the edges into it. */
  #mark() {
    const [at, unit] = this.#at;
    this.#units.forEach((column, k) => column.forEach(({ group }, i) => {
      const chosen = k === at && i === unit;
      group.classList.toggle("chosen", chosen);
      group.setAttribute("aria-pressed", String(chosen));
      group.setAttribute("tabindex", chosen ? "0" : "-1");
    }));
    this.#edges.forEach((layer, k) => layer.forEach((lines, i) => lines.forEach((line) => line.classList.toggle("into", k === at && i === unit))));
  }

  // ---- drawing numbers

  #drawEdges(k) {
    const values = this.#edgeValues(k);
    const from = this.frame.arrays[`units.${k - 1}`].shape[0];
    if (k === 1) this.largest = this.#largest();
    const most = this.largest || 1;
    this.#edges[k].forEach((lines, i) => lines.forEach((line, j) => {
      const value = values ? values[i * from + j] : 0;
      const part = Math.min(1, Math.abs(value) / most) || 0;
      line.setAttribute("stroke-width", (0.4 + 4.6 * part).toFixed(2));
      line.setAttribute("opacity", (0.25 + 0.75 * part).toFixed(2));
      const below = value < 0;
      if (line.classList.contains("below") !== below) line.classList.toggle("below", below);
    }));
  }

  #edgeValues(k) {
    const suffix = this.what.value === "gradients" ? ".gradient" : "";
    return this.frame.arrays[`weights.${k}${suffix}`]?.data;
  }

  #largest() {
    let most = 0;
    for (let k = 1; k < this.#units.length; k++)
      for (const value of this.#edgeValues(k) ?? []) most = Math.max(most, Math.abs(value) || 0);
    return most;
  }

  #drawUnits(k) {
    const values = this.frame.arrays[`units.${k}`].data;
    this.#units[k].forEach(({ disc, text }, i) => {
      const part = Math.min(1, Math.abs(values[i])) || 0;
      disc.style.setProperty("--part", `${Math.round(45 * part)}%`);
      disc.classList.toggle("below", values[i] < 0);
      text.textContent = short(values[i]);
    });
  }

  // ---- words and tables

  #name(k, i) {
    const { arrays, network } = this.frame;
    const gradient = arrays[`units.${k}.gradient`];
    const tail = gradient ? `, gradient ${number(gradient.data[i], 3)}` : "";
    return `${network.layers[k].label}, unit ${i + 1}: ${number(arrays[`units.${k}`].data[i], 3)}${tail}`;
  }

  #insideTable() {
    const [k, i] = this.#at;
    const rows = this.#into(k, i);
    const caption = `${this.#name(k, i)}.` + (rows.length ? " The edges into it:" : "");
    return rows.length
      ? table({ caption, columns: ["from", "its value", "weight", "gradient of the weight"], rows })
      : h("p", { class: "note" }, caption);
  }

  /** Return a row for each edge into a unit, and one for its bias. */
  #into(k, i) {
    const { arrays } = this.frame;
    if (k === 0) return [];
    const [weights, slopes] = [arrays[`weights.${k}`].data, arrays[`weights.${k}.gradient`]?.data];
    const before = arrays[`units.${k - 1}`];
    const from = before.shape[0];
    const rows = Array.from({ length: from }, (_, j) => [
      k === 1 ? feature(j) : `unit ${j + 1}`, before.data[j], weights[i * from + j], slopes ? slopes[i * from + j] : null,
    ]);
    const bias = arrays[`biases.${k}`];
    if (bias) rows.push(["bias", 1, bias.data[i], arrays[`biases.${k}.gradient`]?.data[i] ?? null]);
    return rows;
  }

  #edgeRows() {
    if (!this.frame) return null;
    const rows = this.#units.flatMap((column, k) => column.flatMap((_, i) =>
      this.#into(k, i).map(([from, value, weight, gradient]) => [
        `layer ${k}, unit ${i + 1}`, from, value, weight, gradient])));
    return { caption: "Every edge, and the biases", columns: ["into", "from", "its value", "weight", "gradient of the weight"], rows };
  }
}

/** Write a number in the room that a unit has. */
function short(value) {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return number(value).slice(0, 4);
  if (size >= 1000) return value < 0 ? "< −999" : "> 999";
  const text = value.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
  return text.replace(/^-(0.00)$/, "$1").replace("-", "−");
}
