/** What can be drawn on a picture: lines, points, heat maps, contours, arrows, text. */

import { table } from "lab/colour.js";
import { levels, segments } from "lab/contour.js";
import { drawPoints } from "lab/shapes.js";

/** The room around a picture for its numbers and names, in pixels. */
export const MARGIN = { left: 58, right: 16, top: 14, bottom: 44 };

/**
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
 * A note. @typedef {{kind: "note", text: string}} Note
 * Text. @typedef {{kind: "text", x: number, y: number, text: string, color: string, align?: string,
 *   dx?: number, dy?: number}} Text
 */

/** A pen that draws marks; each kind of mark is a method with its name and a `_`. */
export class Marks {
  /** The colour of a mark: a CSS variable or a colour as it is. */
  color(name) {
    return name.startsWith("--") ? this.theme.color(name) : name;
  }

  /** Add a line between two points to the path, sharp on the pixels. */
  stroke(x0, y0, x1, y1) {
    this.pen.moveTo(Math.round(x0) + 0.5, Math.round(y0) + 0.5);
    this.pen.lineTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
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
    if (x !== undefined) this.stroke(sx.to(x), MARGIN.top, sx.to(x), size.height - MARGIN.bottom);
    if (y !== undefined) this.stroke(MARGIN.left, sy.to(y), size.width - MARGIN.right, sy.to(y));
    pen.stroke();
    pen.setLineDash([]);
  }

  /** Words in the middle of a picture that has nothing else to show. */
  _note({ text }) {
    const { pen, size } = this;
    pen.font = `14px ${getComputedStyle(this.canvas).fontFamily}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillStyle = this.color("--soft");
    const [across, down] = [MARGIN.left + size.width - MARGIN.right, MARGIN.top + size.height - MARGIN.bottom];
    pen.fillText(text, across / 2, down / 2);
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
}

/** Colour the pixels, but where there is no value; row 0 is the lowest of the picture. */
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
      pixels[to + 3] = Number.isNaN(part) ? 0 : 255;
    }
}
