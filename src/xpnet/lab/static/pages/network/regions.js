/** A plane with regions of several classes, and a ring around one example. */

import { Plot } from "lab/plot.js";
import { COLORS } from "lab/shapes.js";

export class Regions extends Plot {
  /** Colour each cell by its class, paler where the class is less sure. */
  _regions({ data, winner, rows, columns }) {
    const image = new ImageData(columns, rows);
    const paper = bytes(this.color("--paper"));
    const colours = COLORS.map((name) => bytes(this.color(name)));
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) {
        const at = r * columns + c;
        const to = 4 * ((rows - 1 - r) * columns + c);
        const colour = colours[winner[at] % 6];
        const part = 0.1 + 0.5 * Math.min(1, Math.max(0, data[at]));
        for (let k = 0; k < 3; k++) image.data[to + k] = paper[k] + part * (colour[k] - paper[k]);
        image.data[to + 3] = 255;
      }
    const sheet = this.sheet ??= document.createElement("canvas");
    [sheet.width, sheet.height] = [columns, rows];
    sheet.getContext("2d").putImageData(image, 0, 0);
    const [left, right] = this.x.range.map(this.sx.to);
    const [bottom, top] = this.y.range.map(this.sy.to);
    this.pen.imageSmoothingEnabled = true;
    this.pen.drawImage(sheet, left, top, right - left, bottom - top);
  }

  _ring({ x, y, color }) {
    const { pen, sx, sy } = this;
    for (const [colour, width] of [["--paper", 6], [color, 2.5]]) {
      pen.strokeStyle = this.color(colour);
      pen.lineWidth = width;
      pen.beginPath();
      pen.arc(sx.to(x[0]), sy.to(y[0]), 10, 0, 2 * Math.PI);
      pen.stroke();
    }
  }
}

/** Return the three bytes of a colour such as rgb(1, 2, 3). */
function bytes(colour) {
  return colour.match(/[\d.]+/g).slice(0, 3).map(Number);
}
