/** The neuron with the chosen example: what goes forward, and the gradient that comes back. */

import { indexed, number } from "lab/math.js";
import { h, svg } from "lab/ui.js";

const WIDTH = 920;
const AT = { input: 60, sum: 410, bend: 630, loss: 860 };
const PITCH = 112;
const RADIUS = 30;

export class Drawing {
  #shape = "";

  constructor() {
    this.picture = svg("svg", { class: "neuron-drawing", role: "img" });
    this.element = h("figure", { class: "plot" }, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The drawn neuron" }, this.picture),
      h("figcaption", { class: "note" }, "Above each line what goes forward, below it the gradient of the loss that comes back (∂L/∂…)."));
  }

  /** @param {import("lab/wire.js").Frame} frame */
  draw({ given, names: plain, pulls }) {
    const names = plain.map(indexed);
    const shape = `${names.join()} ${given.activation}`;
    if (shape !== this.#shape) this.#build(names, given);
    this.#shape = shape;
    const pull = pulls[given.chosen];
    const example = given.examples[given.chosen];
    names.forEach((name, i) => {
      const bias = i === names.length - 1;
      this.inputs[i].textContent = bias ? "1" : number(example[i], 3);
      this.edges[i].over.textContent = `${name} = ${number(bias ? given.bias : given.weights[i], 3)}`;
      this.edges[i].under.textContent = `∂L/∂${name} = ${number(pull.gradients[i], 3)}`;
      const value = bias ? given.bias : given.weights[i];
      this.edges[i].line.setAttribute("stroke-width", (1.2 + Math.min(6, 1.6 * Math.abs(value))).toFixed(1));
      this.edges[i].line.classList.toggle("below", value < 0);
    });
    this.z.over.textContent = `z = ${number(pull.z, 3)}`;
    this.z.under.textContent = `∂L/∂z = ${number(pull.of_z, 3)}`;
    this.a.over.textContent = `a = ${number(pull.a, 3)}`;
    this.a.under.textContent = `∂L/∂a = ${number(pull.of_a, 3)}`;
    this.loss.textContent = `L = ${number(pull.loss, 3)}`;
    this.target.textContent = `target y = ${number(example.at(-1), 3)}`;
    this.picture.setAttribute("aria-label", this.#words(names, given, pull, example));
  }

  #words(names, given, pull, example) {
    const inputs = given.weights.map((_, i) => `${indexed(`x${i + 1}`)} = ${number(example[i])}`).join(", ");
    const back = names.map((name, i) => `${name}: ${number(pull.gradients[i])}`).join(", ");
    return `Example ${given.chosen + 1}: ${inputs}; z = ${number(pull.z)}, a = ${number(pull.a)}, target ` +
      `${number(example.at(-1))}, loss ${number(pull.loss)}. Gradients of the loss: ${back}.`;
  }

  // ---- making the picture

  #build(names, given) {
    const height = names.length * PITCH + 6;
    this.picture.setAttribute("viewBox", `0 0 ${WIDTH} ${height}`);
    const middle = height / 2;
    const y = (i) => (i + 0.5) * PITCH + 3;
    const back = svg("g", {});
    const front = svg("g", {});
    this.edges = names.map((_, i) => this.#edge(back, front, [AT.input, y(i)], [AT.sum, middle], 0.35));
    for (const { line } of this.edges) line.classList.add("edge");
    this.z = this.#edge(back, front, [AT.sum, middle], [AT.bend, middle], 0.5);
    this.a = this.#edge(back, front, [AT.bend, middle], [AT.loss, middle], 0.5);
    this.inputs = names.map((name, i) => {
      const bias = i === names.length - 1;
      front.append(label(AT.input, y(i) - RADIUS - 9, bias ? "always" : indexed(`x${i + 1}`), "title"));
      return this.#node(front, AT.input, y(i), "");
    });
    this.#node(front, AT.sum, middle, "Σ", "sign");
    front.append(label(AT.sum, middle - RADIUS - 10, "sum", "title"));
    this.#node(front, AT.bend, middle, { sigmoid: "σ", tanh: "tanh", ReLU: "ReLU", identity: "=" }[given.activation], "sign");
    front.append(label(AT.bend, middle - RADIUS - 10, given.activation, "title"));
    this.#node(front, AT.loss, middle, "L", "sign");
    this.loss = label(AT.loss, middle + RADIUS + 18, "", "forward");
    this.target = label(AT.loss, middle + RADIUS + 39, "", "title");
    front.append(label(AT.loss, middle - RADIUS - 10, "loss", "title"), this.loss, this.target);
    this.picture.replaceChildren(back, front);
  }

  /** A line with a text above it and one below, at a part of its way. */
  #edge(back, front, [x0, y0], [x1, y1], part) {
    const line = svg("line", { x1: x0, y1: y0, x2: x1, y2: y1, "stroke-width": 1.8 });
    const [x, y] = [x0 + part * (x1 - x0), y0 + part * (y1 - y0)];
    const over = label(x, y - 13, "", "forward");
    const under = label(x, y + 15, "", "backward");
    back.append(line);
    front.append(over, under);
    return { line, over, under };
  }

  #node(place, x, y, text, kind = "value") {
    const inside = label(x, y, text, kind);
    place.append(svg("circle", { cx: x, cy: y, r: RADIUS }), inside);
    return inside;
  }
}

function label(x, y, text, kind) {
  const out = svg("text", { x, y, class: kind });
  out.textContent = text;
  return out;
}
