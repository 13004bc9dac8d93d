/** A small picture drawn large, pixel for pixel, with one pixel that can be chosen. */

import { table } from "lab/colour.js";
import { h } from "lab/ui.js";

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

export class Raster {
  #paint = null;
  #at = [0, 0];

  /**
   * @param {{theme: import("lab/colour.js").Theme}} lab
   * @param {{label: string, name: string, onPick: (row: number, column: number) => void}} options
   *   `label` says what is drawn, `name` what the button on the chosen pixel is called
   */
  constructor(lab, { label, name, onPick }) {
    Object.assign(this, { theme: lab.theme, onPick, shape: [1, 1] });
    this.canvas = h("canvas", { role: "img", "aria-label": label });
    this.button = h("button", { type: "button", class: "pixel", "aria-label": name });
    this.stage = h("div", { class: "raster" }, this.canvas, this.button);
    this.element = this.stage;
    this.canvas.addEventListener("pointerdown", (event) => this.#press(event));
    this.button.addEventListener("keydown", (event) => this.#key(event));
    this.end = lab.theme.onChange(() => this.#draw());
  }

  /** Draw colours: bytes, three for each pixel. */
  colours(bytes, [rows, columns]) {
    this.#show(rows, columns, (out) => {
      for (let i = 0; i < rows * columns; i++) out.set(bytes.subarray(3 * i, 3 * i + 3), 4 * i);
    });
  }

  /** Draw numbers: below 0 in one colour, above in another, as strong as they are large. */
  numbers(values, [rows, columns], largest) {
    this.#show(rows, columns, (out) => {
      const colours = table(this.theme.dark ? "sidesDark" : "sides");
      for (let i = 0; i < rows * columns; i++) {
        const part = Math.max(-1, Math.min(1, values[i] / (largest || 1)));
        const at = 3 * Math.round(127.5 + 127.5 * part);
        out.set(colours.subarray(at, at + 3), 4 * i);
      }
    });
  }

  /** Mark a pixel. */
  mark(row, column) {
    this.#at = [row, column];
    const [rows, columns] = this.shape;
    Object.assign(this.button.style, {
      left: `${(100 * column) / columns}%`, top: `${(100 * row) / rows}%`,
      width: `${100 / columns}%`, height: `${100 / rows}%`,
    });
  }

  /** Say in words what is drawn. */
  describe(text) {
    this.canvas.setAttribute("aria-label", text);
  }

  #show(rows, columns, paint) {
    this.shape = [rows, columns];
    this.#paint = paint;
    this.stage.style.aspectRatio = `${columns} / ${rows}`;
    this.#draw();
  }

  #draw() {
    if (!this.#paint) return;
    const [rows, columns] = this.shape;
    [this.canvas.width, this.canvas.height] = [columns, rows];
    const image = new ImageData(columns, rows);
    image.data.fill(255);
    this.#paint(image.data);
    this.canvas.getContext("2d").putImageData(image, 0, 0);
    this.mark(...this.#at);
  }

  #press(event) {
    const box = this.canvas.getBoundingClientRect();
    const [rows, columns] = this.shape;
    const at = (part, count) => Math.max(0, Math.min(count - 1, Math.floor(part * count)));
    this.onPick(at((event.clientY - box.top) / box.height, rows), at((event.clientX - box.left) / box.width, columns));
    this.button.focus();
    event.preventDefault();
  }

  #key(event) {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    const next = this.#at.map((place, i) => Math.max(0, Math.min(this.shape[i] - 1, place + move[i])));
    this.onPick(...next);
  }
}
