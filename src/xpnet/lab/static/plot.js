/** Pictures on a canvas: axes around marks, a legend, and handles to drag. */

import { MARGIN, Marks } from "lab/marks.js";
import { shape } from "lab/shapes.js";
import { scale } from "lab/scale.js";
import { h, svg } from "lab/ui.js";

/**
 * An axis. @typedef {{label: string, range: [number, number], log?: boolean}} Axis
 */

export class Plot extends Marks {
  #marks = [];
  #handles = [];
  #ends = [];

  /**
   * @param {{theme: import("lab/colour.js").Theme}} lab
   * @param {{label: string, x: Axis, y: Axis, height?: number, aspect?: number, legend?: boolean,
   *   caption?: string}} options
   */
  constructor(lab, { label, x, y, height = 340, aspect = 0, legend = true, caption = "" }) {
    super();
    Object.assign(this, { theme: lab.theme, x, y, height, aspect });
    this.canvas = h("canvas", { role: "img", "aria-label": label });
    this.stage = h("div", { class: "stage" }, this.canvas);
    this.legend = legend ? h("ul", { class: "legend" }) : null;
    this.element = h("figure", { class: "plot" }, this.stage, this.legend,
      caption ? h("figcaption", {}, caption) : null);
    const watch = new ResizeObserver(() => this.redraw());
    watch.observe(this.stage);
    this.#ends.push(() => watch.disconnect(), this.theme.onChange(() => this.redraw(true)));
  }

  /** Say in words what the picture shows now. */
  describe(text) {
    this.canvas.setAttribute("aria-label", text);
  }

  /** Draw marks, from the ground up; names of colours are CSS variables. */
  draw(marks) {
    const before = this.#names();
    this.#marks = marks.filter(Boolean);
    this.redraw(before !== this.#names());
  }

  #names() {
    return this.#marks.map((m) => m.label ?? "").join("\n");
  }

  /** Draw again what was drawn. */
  redraw(legend = false) {
    const width = this.stage.clientWidth;
    if (!width) return;
    const height = this.aspect ? Math.round(width * this.aspect) : this.height;
    const dots = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * dots) || this.canvas.height !== Math.round(height * dots)) {
      this.canvas.width = Math.round(width * dots);
      this.canvas.height = Math.round(height * dots);
      this.canvas.style.height = `${height}px`;
    }
    this.sx = scale(this.x.range, MARGIN.left, width - MARGIN.right, this.x.log);
    this.sy = scale(this.y.range, height - MARGIN.bottom, MARGIN.top, this.y.log);
    this.size = { width, height };
    this.pen = this.canvas.getContext("2d");
    this.pen.setTransform(dots, 0, 0, dots, 0, 0);
    this.pen.clearRect(0, 0, width, height);
    this.#paint();
    for (const handle of this.#handles) handle.place();
    if (this.legend && (legend || !this.legend.childElementCount)) this.#drawLegend();
  }

  #paint() {
    const { pen } = this;
    const ground = this.#marks.some((m) => ["heat", "regions"].includes(m.kind));
    if (!ground) this.#grid();
    pen.save();
    pen.beginPath();
    const room = ground ? 0 : 5; // for a marker on an axis
    pen.rect(MARGIN.left - room, MARGIN.top - room, this.size.width - MARGIN.left - MARGIN.right + 2 * room,
      this.size.height - MARGIN.top - MARGIN.bottom + 2 * room);
    pen.clip();
    for (const mark of this.#marks) this[`_${mark.kind}`](mark);
    pen.restore();
    this.#axes();
  }

  #grid() {
    const { pen, sx, sy } = this;
    pen.strokeStyle = this.color("--grid");
    pen.lineWidth = 1;
    pen.beginPath();
    for (const { at } of sx.ticks) this.stroke(sx.to(at), MARGIN.top, sx.to(at), this.size.height - MARGIN.bottom);
    for (const { at } of sy.ticks) this.stroke(MARGIN.left, sy.to(at), this.size.width - MARGIN.right, sy.to(at));
    pen.stroke();
    pen.strokeStyle = this.color("--axis");
    pen.beginPath();
    const [inX, inY] = [inside(0, this.x), inside(0, this.y)];
    if (inX) this.stroke(sx.to(0), MARGIN.top, sx.to(0), this.size.height - MARGIN.bottom);
    if (inY) this.stroke(MARGIN.left, sy.to(0), this.size.width - MARGIN.right, sy.to(0));
    pen.stroke();
  }

  #axes() {
    const { pen, sx, sy, size } = this;
    pen.fillStyle = this.color("--soft");
    pen.font = `12px ${getComputedStyle(this.canvas).fontFamily}`;
    pen.textAlign = "center";
    pen.textBaseline = "top";
    for (const { at, text } of sx.ticks) pen.fillText(text, sx.to(at), size.height - MARGIN.bottom + 7);
    pen.fillText(this.x.label, (MARGIN.left + size.width - MARGIN.right) / 2, size.height - 17);
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const { at, text } of sy.ticks) pen.fillText(text, MARGIN.left - 7, sy.to(at));
    pen.save();
    pen.translate(11, (MARGIN.top + size.height - MARGIN.bottom) / 2);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "center";
    pen.fillText(this.y.label, 0, 0);
    pen.restore();
  }

  #drawLegend() {
    const known = this.#marks.filter((m) => m.label);
    this.legend.replaceChildren(...known.map((m) => h("li", {}, this.#swatch(m), m.label)));
  }

  #swatch({ kind, color, dash = [], marker, shape: form, width = 2.5 }) {
    const out = svg("svg", { width: 34, height: 14, "aria-hidden": "true" });
    const stroke = this.color(color);
    if (kind !== "points")
      out.append(svg("line", { x1: 2, x2: 32, y1: 7, y2: 7, stroke, "stroke-width": width,
        "stroke-linecap": "round", "stroke-dasharray": dash.join(" ") }));
    const name = kind === "points" ? form ?? "circle" : marker;
    if (name) out.append(svg("path", { d: shape(name, 17, 7, 4.5), fill: stroke, stroke }));
    return out;
  }

  /**
   * A round handle that the mouse drags and the arrow keys move.
   * @param {{label: string, get: () => [number, number], set: (x: number, y: number) => void,
   *   step?: () => [number, number], onlyX?: boolean}} options
   */
  handle({ label, get, set, step = () => this.#step(), onlyX = false }) {
    const element = h("button", { type: "button", class: "handle", "aria-label": label,
      "aria-roledescription": "movable point" });
    const place = () => {
      const [px, py] = [this.sx.to(get()[0]), this.sy.to(get()[1])];
      element.hidden = !(this.#holds(px, py));
      element.style.translate = `${px}px ${py}px`;
    };
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    element.addEventListener("keydown", (event) => {
      const way = ways[event.key];
      if (!way || (onlyX && way[1])) return;
      event.preventDefault();
      const [dx, dy] = step().map((s) => s * (event.shiftKey ? 10 : 1));
      set(get()[0] + way[0] * dx, get()[1] + way[1] * dy);
    });
    this.#drag(element, (x, y) => set(x, y));
    this.stage.append(element);
    this.#handles.push({ element, place });
    if (this.sx) place();
    return element;
  }

  #holds(px, py) {
    const { width, height } = this.size;
    return px >= MARGIN.left - 1 && px <= width - MARGIN.right + 1 && py >= MARGIN.top - 1 &&
      py <= height - MARGIN.bottom + 1;
  }

  #step() {
    return [(this.x.range[1] - this.x.range[0]) / 200, (this.y.range[1] - this.y.range[0]) / 200];
  }

  #drag(element, move) {
    element.addEventListener("pointerdown", (event) => element.setPointerCapture(event.pointerId));
    element.addEventListener("pointermove", (event) => {
      if (!element.hasPointerCapture(event.pointerId)) return;
      move(...this.at(event));
    });
  }

  /** Where on the axes the pointer is, kept inside the picture. */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const inX = Math.min(Math.max(event.clientX - box.left, MARGIN.left), this.size.width - MARGIN.right);
    const inY = Math.min(Math.max(event.clientY - box.top, MARGIN.top), this.size.height - MARGIN.bottom);
    return [this.sx.from(inX), this.sy.from(inY)];
  }

  /** Call with the place of each click on the picture. */
  onPick(call) {
    this.canvas.classList.add("pick");
    this.canvas.addEventListener("click", (event) => call(...this.at(event)));
  }

  /** Let go of what the picture listens to. */
  end() {
    for (const stop of this.#ends.splice(0)) stop();
  }
}

/** Whether an axis holds a number. */
function inside(value, { range, log }) {
  return !log && value > range[0] && value < range[1];
}
