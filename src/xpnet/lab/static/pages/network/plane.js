/** Network: what it says over two features, and the examples there. */

import { lattice } from "lab/lattice.js";
import { Regions } from "lab/pages/network/regions.js";
import * as words from "lab/pages/network/words.js";
import { extent } from "lab/scale.js";
import { COLORS, SHAPES } from "lab/shapes.js";
import { h, numbers, section, select } from "lab/ui.js";

const SURE = [-0.5, 1.5]; // what the colours span: the points stand out where a network is sure

export class Plane {
  #marks = [];
  #points = null;
  #axes = ""; // those that the points are sorted for
  #wanted = null; // those that were chosen last, which may not be answered for yet

  /**
   * @param {import("lab/app.js").Lab} lab
   * @param {{onExample: (example: number) => void, onAxes: (axes: [number, number]) => void}} listeners
   */
  constructor(lab, { onExample, onAxes }) {
    Object.assign(this, { lab, onExample, onAxes });
    this.plot = new Regions(lab, {
      label: "What the network says in the plane, and the examples", aspect: 0.92,
      x: { label: "x₁", range: [-1, 1] }, y: { label: "x₂", range: [-1, 1] },
    });
    this.plot.onPick((x, y) => this.#pick(x, y));
    this.lists = ["across", "up"].map((label, k) => select({
      label, options: [], value: "", onChange: (value) => this.#choose(k, Number(value)),
    }));
    this.choice = h("div", { class: "network-axes", hidden: true }, ...this.lists.map((list) => list.element));
    this.tables = [
      numbers("The numbers of this map", () => this.#map()),
      numbers("The examples in numbers", () => words.points(this.frame, this.#points, this.labels)),
    ];
    this.element = section(
      "What it says", this.choice, this.plot.element, ...this.tables.map((table) => table.element));
  }

  /** Take what the first answer of a run has: the examples. */
  take(frame) {
    this.#points = frame.arrays.points ?? null;
    this.labels = frame.arrays.labels?.data;
    this.element.hidden = !this.#points; // as with pictures
    const names = Array.from({ length: frame.axes ? frame.features : 0 }, (_, i) => words.feature(i));
    this.choice.hidden = names.length < 3 || this.lab.replay;
    for (const { input } of this.lists)
      input.replaceChildren(...names.map((name, i) => h("option", { value: i }, name)));
    this.#axes = "";
    this.#wanted = null;
  }

  /** @param {import("lab/wire.js").Frame} frame */
  draw(frame) {
    this.frame = frame;
    const { boundary } = frame.arrays;
    if (!boundary || !this.#points) return;
    if (frame.axes.join() !== this.#axes) this.#sort(frame);
    const [left, right, bottom, top] = frame.bounds;
    [this.plot.x.range, this.plot.y.range] = [[left, right], [bottom, top]];
    [this.plot.x.label, this.plot.y.label] = frame.axes.map(words.feature);
    this.plot.draw([...ground(frame), ...this.#marks, this.#ring(frame)]);
  }

  /** Say what the picture shows, in words and numbers. */
  settle() {
    this.plot.describe(words.plane(this.frame));
    for (const table of this.tables) table.refresh();
  }

  #map() {
    const boundary = this.frame?.arrays.boundary;
    if (!boundary) return null;
    const { data, shape: [rows, columns] } = boundary;
    const [caption, names] = [`At a few places: ${words.said(this.frame)}`, this.frame.axes.map(words.feature)];
    return lattice({ caption, names, data, rows, columns, bounds: this.frame.bounds });
  }

  /** Sort the points by class, for their shapes and colours. */
  #sort({ task, axes, classes }) {
    this.#axes = axes.join();
    this.lists.forEach((list, k) => { list.value = String(axes[k]); });
    const { shape: [count] } = this.#points;
    const every = Array.from({ length: count }, (_, n) => n);
    const names = task === "numbers" ? ["examples"] : classes;
    this.#marks = names.map((label, k) => {
      const mine = names.length === 1 ? every : every.filter((n) => this.labels[n] === k);
      const [x, y] = axes.map((axis) => mine.map((n) => this.#feature(n, axis)));
      return { kind: "points", label, size: 4.2, color: COLORS[k % 6], shape: SHAPES[k % 6], x, y };
    });
  }

  #feature(example, axis) {
    const { data, shape: [, features] } = this.#points;
    return data[example * features + axis];
  }

  /** A ring around the example that is looked at. */
  #ring({ example, axes }) {
    if (!example || example.index >= this.#points.shape[0]) return null;
    const [x, y] = axes.map((axis) => [this.#feature(example.index, axis)]);
    return { kind: "ring", x, y, color: "--ink-line" };
  }

  /** Look at the example that is nearest to a place; at all again, where it is looked at. */
  #pick(x, y) {
    if (!this.#points || this.lab.replay) return;
    const [i, j] = this.frame.axes;
    const far = (n) => (this.#feature(n, i) - x) ** 2 + (this.#feature(n, j) - y) ** 2;
    let best = 0;
    for (let n = 1; n < this.#points.shape[0]; n++) if (far(n) < far(best)) best = n;
    this.onExample(this.frame.example?.index === best ? -1 : best);
  }

  /** Look at the plane of two other features; the same one twice changes places. */
  #choose(k, feature) {
    const axes = [...(this.#wanted ?? this.frame.axes)];
    if (axes[1 - k] === feature) axes[1 - k] = axes[k];
    axes[k] = feature;
    this.#wanted = axes;
    this.onAxes(axes);
  }

  end() {
    this.plot.end();
  }
}

/** The colours of what the network says, and for two classes the line between them. */
function ground({ arrays: { boundary, winner }, task }) {
  const { data, shape: [rows, columns] } = boundary;
  const range = task === "numbers" ? extent(data, 0) : SURE;
  const heat = { kind: "heat", data, rows, columns, range, table: "sides" };
  if (winner) return [{ ...heat, kind: "regions", winner: winner.data }];
  if (task !== "binary") return [heat];
  const edge = { kind: "contours", data, rows, columns, at: [0.5], range: [0, 1], color: "--ink-line" };
  return [heat, edge];
}
