/** Network: the loss of each batch, up to the last step and where the time slider stands. */

import * as words from "lab/pages/network/words.js";
import { Plot } from "lab/plot.js";
import { extent } from "lab/scale.js";
import { numbers, section } from "lab/ui.js";

export class Losses {
  /** @param {import("lab/app.js").Lab} lab */
  constructor(lab) {
    this.plot = new Plot(lab, {
      label: "The loss of each batch", height: 230, legend: false,
      x: { label: "step", range: [0, 10] }, y: { label: "loss of the batch", range: [0, 1] },
    });
    this.table = numbers("The numbers of this picture", () => words.curve(this.frame));
    this.element = section("How the loss fell", this.plot.element, this.table.element);
  }

  /** @param {import("lab/wire.js").Frame} frame */
  draw(frame) {
    this.frame = frame;
    const { arrays, step, furthest } = frame;
    const [x, y] = [arrays["curve.step"].data, arrays["curve.loss"].data];
    this.plot.x.range = [0, Math.max(furthest, 10)];
    this.plot.y.range = [0, x.length ? Math.max(extent(y, 0.05)[1], 1e-6) : 1];
    this.plot.draw(x.length ? [
      { kind: "line", x, y, color: "--blue", width: 1.6, marker: x.length < 12 ? "circle" : null, size: 3 },
      { kind: "rule", x: step, color: "--red" },
    ] : [{ kind: "note", text: "No step is taken yet." }]);
  }

  /** Say what the picture shows. */
  settle(frame) {
    this.plot.describe(`The loss of each batch so far. ${words.place(frame)}`);
    this.table.refresh();
  }

  end() {
    this.plot.end();
  }
}
