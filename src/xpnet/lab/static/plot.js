/** Pictures on a canvas: axes, lines, heat maps, points, arrows, and handles to drag. */

import { table } from "lab/colour.js";
import { levels, segments } from "lab/contour.js";
import { drawPoints, shape } from "lab/shapes.js";
import { scale } from "lab/scale.js";
import { h, svg } from "lab/ui.js";

const MARGIN = { left: 58, right: 16, top: 14, bottom: 44 };

/**
 * An axis. @typedef {{label: string, range: [number, number], log?: boolean}} Axis
 * A line. @typedef {{kind: "line", x: ArrayLike<number>, y: ArrayLike<number>, color: string,
 *   width?: number, dash?: number[], marker?: string, every?: number, halo?: boolean, label?: string}} Line
 * Points. @typedef {{kind: "points", x: ArrayLike<number>, y: ArrayLike<number>, color: string,
 *   shape?: string, size?: number, label?: string}} Points
 * A heat map. @typedef {{kind: "heat", data: ArrayLike<number>, rows: number, columns: number,
 *   range: [number, number], table?: string, gamma?: number}} Heat row 0 is at the bottom
 * Contours. @typedef {{kind: "contours", data: ArrayLike<number>, rows: number, columns: number,
 *   range: [number, number], count?: number, gamma?: number, at?: number[], color: string}} Contours
 * An arrow. @typedef {{kind: "arrow", from: [number, number], to: [number, number], color: string}} Arrow
 * A rule. @typedef {{kind: "rule", x?: number, y?: number, color: string, dash?: number[]}} Rule
 * Text. @typedef {{kind: "text", x: number, y: number, text: string, color: string, align?: string,
 *   dx?: number, dy?: number}} Text
 */

export class Plot {
  #marks = [];
  #handles = [];
  #ends = [];

  /**
   * @param {{theme: import("lab/colour.js").Theme}} lab
   * @param {{label: string, x: Axis, y: Axis, height?: number, aspect?: number, legend?: boolean,
   *   caption?: string}} options
   */
  constructor(lab, { label, x, y, height = 340, aspect = 0, legend = true, caption = "" }) {
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
    const ground = this.#marks.some((m) => m.kind === "heat");
    if (!ground) this.#grid();
    pen.save();
    pen.beginPath();
    pen.rect(MARGIN.left, MARGIN.top, this.size.width - MARGIN.left - MARGIN.right,
      this.size.height - MARGIN.top - MARGIN.bottom);
    pen.clip();
    for (const mark of this.#marks) this[`_${mark.kind}`](mark);
    pen.restore();
    this.#axes();
  }

  /** The colour of a mark: a CSS variable or a colour as it is. */
  color(name) {
    return name.startsWith("--") ? this.theme.color(name) : name;
  }

  #grid() {
    const { pen, sx, sy } = this;
    pen.strokeStyle = this.color("--grid");
    pen.lineWidth = 1;
    pen.beginPath();
    for (const { at } of sx.ticks) this.#stroke(sx.to(at), MARGIN.top, sx.to(at), this.size.height - MARGIN.bottom);
    for (const { at } of sy.ticks) this.#stroke(MARGIN.left, sy.to(at), this.size.width - MARGIN.right, sy.to(at));
    pen.stroke();
    pen.strokeStyle = this.color("--axis");
    pen.beginPath();
    const [inX, inY] = [inside(0, this.x), inside(0, this.y)];
    if (inX) this.#stroke(sx.to(0), MARGIN.top, sx.to(0), this.size.height - MARGIN.bottom);
    if (inY) this.#stroke(MARGIN.left, sy.to(0), this.size.width - MARGIN.right, sy.to(0));
    pen.stroke();
  }

  #stroke(x0, y0, x1, y1) {
    this.pen.moveTo(Math.round(x0) + 0.5, Math.round(y0) + 0.5);
    this.pen.lineTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
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

  _line(mark) {
    const { pen } = this;
    pen.lineJoin = pen.lineCap = "round";
    pen.setLineDash(mark.dash ?? []);
    this.#trace(mark);
    if (mark.halo) {
      pen.strokeStyle = this.color("--paper");
      pen.lineWidth = (mark.width ?? 2.5) + 3;
      pen.setLineDash([]);
      pen.stroke();
      pen.setLineDash(mark.dash ?? []);
    }
    pen.strokeStyle = this.color(mark.color);
    pen.lineWidth = mark.width ?? 2.5;
    pen.stroke();
    pen.setLineDash([]);
    if (mark.marker) this.#markers(mark);
  }

  /** Lay the path of a line; it is broken where there is no value, and at poles. */
  #trace({ x, y }) {
    const { pen, sx, sy, size: { height } } = this;
    const side = (py) => (py < 0 ? -1 : py > height ? 1 : 0);
    pen.beginPath();
    let before = NaN;
    for (let i = 0; i < x.length; i++) {
      const [px, py] = [sx.to(x[i]), sy.to(y[i])];
      const known = Number.isFinite(px) && Number.isFinite(py);
      const pole = x.length > 2 && side(before) * side(py) < 0;
      const kept = Math.max(-1e5, Math.min(1e5, py));
      if (known && !Number.isNaN(before) && !pole) pen.lineTo(px, kept);
      else if (known) pen.moveTo(px, kept);
      before = known ? py : NaN;
    }
  }

  #markers({ x, y, color, marker, every = 1, size = 4 }) {
    const keep = (_, i) => i % every === 0 || i === x.length - 1;
    this._points({ x: Array.from(x).filter(keep), y: Array.from(y).filter(keep), color, shape: marker, size });
  }

  _points({ x, y, color, shape: name = "circle", size = 5 }) {
    drawPoints(this.pen, this.sx, this.sy, x, y, name, size, this.color(color), this.color("--paper"));
  }

  _heat({ data, rows, columns, range, table: name = "ground", gamma = 1 }) {
    const dark = this.theme.dark && ["ground", "sides"].includes(name) ? "Dark" : "";
    const image = new ImageData(columns, rows);
    fill(image.data, data, rows, columns, range, table(name + dark), gamma);
    const sheet = this.sheet ??= document.createElement("canvas");
    [sheet.width, sheet.height] = [columns, rows];
    sheet.getContext("2d").putImageData(image, 0, 0);
    const [left, right] = this.x.range.map(this.sx.to);
    const [bottom, top] = this.y.range.map(this.sy.to);
    // The values are at the corners of the picture: half a cell lies outside of it.
    const [dx, dy] = [(right - left) / (columns - 1) / 2, (bottom - top) / (rows - 1) / 2];
    this.pen.imageSmoothingEnabled = true;
    this.pen.imageSmoothingQuality = "high";
    this.pen.drawImage(sheet, left - dx, top - dy, right - left + 2 * dx, bottom - top + 2 * dy);
  }

  _contours({ data, rows, columns, range, count = 12, color, gamma = 1, at = null }) {
    const { pen } = this;
    const [left, right] = this.x.range.map(this.sx.to);
    const [bottom, top] = this.y.range.map(this.sy.to);
    pen.strokeStyle = this.color(color);
    pen.lineWidth = 1;
    pen.beginPath();
    for (const level of at ?? levels(range, count, gamma))
      for (const [a, b, c, d] of segments(data, rows, columns, level)) {
        pen.moveTo(left + (a / (columns - 1)) * (right - left), bottom + (b / (rows - 1)) * (top - bottom));
        pen.lineTo(left + (c / (columns - 1)) * (right - left), bottom + (d / (rows - 1)) * (top - bottom));
      }
    pen.stroke();
  }

  _arrow({ from, to, color, width = 2.5 }) {
    const { pen, sx, sy } = this;
    const [x0, y0, x1, y1] = [sx.to(from[0]), sy.to(from[1]), sx.to(to[0]), sy.to(to[1])];
    const angle = Math.atan2(y1 - y0, x1 - x0);
    const head = Math.min(11, Math.hypot(x1 - x0, y1 - y0));
    pen.lineCap = pen.lineJoin = "round";
    for (const [colour, wide] of [["--paper", width + 3], [color, width]]) {
      pen.strokeStyle = this.color(colour);
      pen.lineWidth = wide;
      pen.beginPath();
      pen.moveTo(x0, y0);
      pen.lineTo(x1, y1);
      for (const turn of [2.6, -2.6]) {
        pen.moveTo(x1, y1);
        pen.lineTo(x1 + head * Math.cos(angle + turn), y1 + head * Math.sin(angle + turn));
      }
      pen.stroke();
    }
  }

  _rule({ x, y, color, dash = [3, 4] }) {
    const { pen, sx, sy, size } = this;
    pen.strokeStyle = this.color(color);
    pen.lineWidth = 1.5;
    pen.setLineDash(dash);
    pen.beginPath();
    if (x !== undefined) this.#stroke(sx.to(x), MARGIN.top, sx.to(x), size.height - MARGIN.bottom);
    if (y !== undefined) this.#stroke(MARGIN.left, sy.to(y), size.width - MARGIN.right, sy.to(y));
    pen.stroke();
    pen.setLineDash([]);
  }

  _text({ x, y, text, color, align = "left", dx = 0, dy = 0 }) {
    const { pen, sx, sy } = this;
    pen.font = `600 13px ${getComputedStyle(this.canvas).fontFamily}`;
    pen.textAlign = align;
    pen.textBaseline = "middle";
    pen.lineWidth = 4;
    pen.lineJoin = "round";
    pen.strokeStyle = this.color("--paper");
    pen.strokeText(text, sx.to(x) + dx, sy.to(y) + dy);
    pen.fillStyle = this.color(color);
    pen.fillText(text, sx.to(x) + dx, sy.to(y) + dy);
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

/** Colour the pixels; row 0 of the data is the lowest row of the picture. */
function fill(pixels, data, rows, columns, [low, high], colours, gamma) {
  const width = high - low || 1;
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      const part = Math.min(1, Math.max(0, (data[r * columns + c] - low) / width));
      const at = 3 * Math.round(255 * (part ** gamma || 0));
      const to = 4 * ((rows - 1 - r) * columns + c);
      pixels[to] = colours[at];
      pixels[to + 1] = colours[at + 1];
      pixels[to + 2] = colours[at + 2];
      pixels[to + 3] = 255;
    }
}
