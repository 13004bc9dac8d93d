/** Image: from a pixel to its place in the vector, to its weight. */

import { frac, lines, number, row, sub, words } from "lab/math.js";
import { Raster } from "lab/raster.js";
import { button, figures, fixed, group, h, keys, numbers, onKeys, saved, section, select, slider, table } from "lab/ui.js";

export const id = "image";
export const title = "Image";

const SOURCES = [["photographs", "patches of two photographs"], ["skies", "drawn skies"]];
const LAYERS = [["one", "one neuron: logistic regression"], ["two", "a hidden layer of 32"]];
const COLOURS = ["red", "green", "blue"];
const STEPS = 10; // of one picture, while it trains

/** @param {HTMLElement} root @param {import("lab/app.js").Lab} lab */
export function mount(root, lab) {
  const page = new Image(lab);
  root.append(...page.build());
  page.begin();
  return () => page.end();
}

class Image {
  #turn = 0; // answers to an earlier network are not drawn

  constructor(lab) {
    const { state } = lab;
    this.lab = lab;
    const known = (name, list) => (list.some(([v]) => v === state.get(name)) ? state.get(name) : list[0][0]);
    this.source = known("source", SOURCES);
    this.layers = known("layers", LAYERS);
    this.picture = Math.max(0, Math.round(state.number("picture", 0)));
    this.unit = Math.max(0, Math.round(state.number("unit", 0)));
    this.at = [Math.round(state.number("row", 5)), Math.round(state.number("column", 8))];
    this.colour = Math.min(2, Math.max(0, Math.round(state.number("colour", 0))));
    this.playing = false;
    this.askLook = lab.latest(([frame]) => this.#got(frame), lab.fail);
  }

  // ---- what the page is made of

  build() {
    this.stop = onKeys({
      ...(this.lab.replay ? {} : { " ": () => this.play(), s: () => this.steps(1) }),
      "[": () => this.choosePicture(this.picture - 1), "]": () => this.choosePicture(this.picture + 1),
    });
    return [
      h("h1", {}, "Image"),
      h("p", { class: "lead" },
        "To a network a picture is a list of numbers. Row after row, three for each pixel, its colours ",
        "are unrolled into one long vector, and a neuron has one weight for each of its places. ",
        "Choose a pixel, and follow it."),
      h("div", { class: "columns" }, this.#controls(), this.#pictures()),
    ];
  }

  #controls() {
    const again = (name) => (value) => {
      this[name] = value;
      this.lab.state.set({ [name]: value }, { push: true });
      this.begin();
    };
    this.sources = select({ label: "pictures", value: this.source, options: SOURCES, onChange: again("source") });
    this.nets = select({ label: "network", value: this.layers, options: LAYERS, onChange: again("layers") });
    this.playButton = button("Train", () => this.play(), { key: "Space", kind: "main" });
    this.buttons = [this.playButton, button("One step", () => this.steps(1), { key: "s" }),
      button("From the start", () => this.begin())];
    const whole = (label, max, value, onInput) => slider({ label, min: 0, max, step: 1, value, onInput });
    this.pictureSlider = whole("picture of the test set", 100, this.picture, (v) => this.choosePicture(v));
    this.unitSlider = whole("neuron", 31, this.unit, (v) => this.chooseUnit(v));
    this.rowSlider = whole("row", 15, this.at[0], (v) => this.pick(v, this.at[1]));
    this.columnSlider = whole("column", 15, this.at[1], (v) => this.pick(this.at[0], v));
    this.colours = select({
      label: "colour", value: String(this.colour), options: COLOURS.map((name, i) => [String(i), name]),
      onChange: (v) => this.chooseColour(Number(v)),
    });
    this.training = group("The training", this.sources.element, this.nets.element,
      h("div", { class: "buttons" }, ...this.buttons));
    if (this.lab.replay) fixed(this.sources, this.nets, ...this.buttons.map((input) => ({ input })));
    return h("div", { class: "controls" },
      this.lab.replay ? saved("the network is as it was; some pictures and neurons are in it") : null, this.training,
      group("The picture", this.pictureSlider.element, this.unitSlider.element),
      group("The pixel", this.rowSlider.element, this.columnSlider.element, this.colours.element),
      keys([["Space", "train, or stop it"], ["s", "one step"], ["[ ]", "the picture before, after"],
        ["← → ↑ ↓", "on the chosen pixel: another one"]]));
  }

  #pictures() {
    const pick = (r, c) => this.pick(r, c);
    this.photo = new Raster(this.lab, { label: "The picture", name: "The chosen pixel of the picture", onPick: pick });
    this.weights = new Raster(this.lab, { label: "The weights", name: "The chosen pixel of the weights", onPick: pick });
    this.products = new Raster(this.lab,
      { label: "Weight times value", name: "The chosen pixel of the products", onPick: pick });
    this.strip = new Raster(this.lab, {
      label: "The vector", name: "The chosen place of the vector", onPick: (_, place) => this.pickPlace(place),
    });
    this.strip.element.classList.add("strip");
    this.figures = figures([
      ["test", "told apart, of the test set"], ["train", "of the training set"], ["step", "steps"],
      ["p", "for this picture"],
    ]);
    this.place = h("div", { class: "scroll wide", tabindex: "0", role: "region", "aria-label": "The place in the vector" });
    this.sum = h("div", { class: "scroll wide", tabindex: "0", role: "region", "aria-label": "What the neuron makes of it" });
    this.pixel = h("div");
    this.colourNote = h("p", { class: "note" });
    this.table = numbers("The numbers of the whole picture", () => this.#all());
    const trio = [["The picture", this.photo], ["The weights of one colour", this.weights], ["Weight × value", this.products]];
    return h("div", { class: "pictures" },
      h("section", { class: "card", "aria-label": "The pictures" },
        h("div", { class: "heading" }, this.figures.element),
        h("div", { class: "trio" }, ...trio.map(([name, raster]) => h("div", {}, h("h2", {}, name), raster.element))),
        this.colourNote,
        h("div", { class: "vector" }, h("h2", {}, "The vector"), this.strip.element),
        this.table.element),
      h("div", { class: "pair" },
        section("Its place in the vector", this.place, this.pixel),
        section("From the vector to a prediction", this.sum)));
  }

  // ---- what is asked

  #question() {
    return { picture: this.picture, unit: this.layers === "two" ? this.unit : 0 };
  }

  async begin() {
    const turn = ++this.#turn;
    this.#pause();
    try {
      const begin = { type: "begin", source: this.source, layers: this.layers };
      const [frame] = await this.lab.ask({ ...(this.lab.replay ? { type: "open" } : begin), ...this.#question() });
      if (turn !== this.#turn) return;
      this.info = frame;
      this.shape = frame.shape;
      this.pictureSlider.limits(0, frame.test - 1);
      this.unitSlider.limits(0, Math.max(1, frame.units - 1));
      this.unitSlider.element.hidden = frame.units === 1;
      this.lab.fail("");
      this.#got(frame);
    } catch (error) {
      this.lab.fail(error);
    }
  }

  look() {
    this.askLook({ type: this.lab.replay ? "view" : "look", ...this.#question() });
  }

  async steps(steps) {
    const turn = this.#turn;
    try {
      const [frame] = await this.lab.ask({ type: "train", steps, ...this.#question() });
      if (turn === this.#turn) this.#got(frame);
      return turn === this.#turn;
    } catch (error) {
      this.#pause();
      this.lab.fail(error);
      return false;
    }
  }

  async play() {
    if (this.playing) return this.#pause();
    this.playing = true;
    this.playButton.textContent = "Stop";
    while (this.playing && (await this.steps(STEPS)))
      await new Promise((resolve) => requestAnimationFrame(resolve));
  }

  #pause() {
    this.playing = false;
    this.playButton.textContent = "Train";
  }

  choosePicture(picture) {
    if (!this.info || picture < 0 || picture >= this.info.test) return;
    this.picture = this.pictureSlider.value = picture;
    this.lab.state.set({ picture });
    this.look();
  }

  chooseUnit(unit) {
    this.unit = unit;
    this.lab.state.set({ unit });
    this.look();
  }

  chooseColour(colour) {
    this.colour = colour;
    this.colours.value = String(colour);
    this.lab.state.set({ colour });
    this.#draw();
  }

  pick(r, c) {
    this.at = [r, c];
    [this.rowSlider.value, this.columnSlider.value] = this.at;
    this.lab.state.set({ row: r, column: c });
    this.#draw();
  }

  /** Choose the pixel and the colour that stand at a place of the vector. */
  pickPlace(place) {
    const at = this.info.arrays.places.data.indexOf(place);
    const [, columns, colours] = this.shape;
    const pixel = Math.floor(at / colours);
    this.colour = at % colours;
    this.colours.value = String(this.colour);
    this.lab.state.set({ colour: this.colour });
    this.pick(Math.floor(pixel / columns), pixel % columns);
  }

  end() {
    this.#turn++;
    this.playing = false;
    this.stop();
    for (const raster of [this.photo, this.weights, this.products, this.strip]) raster.end();
  }

  // ---- what comes back

  #got(frame) {
    this.seen = frame;
    if (this.lab.replay) {
      this.picture = this.pictureSlider.value = frame.picture;
      this.unit = this.unitSlider.value = frame.unit;
    }
    const { classes } = this.info;
    const p = frame.p;
    this.figures.set({
      test: percent(frame.test_accuracy), train: percent(frame.train_accuracy), step: String(frame.step),
      p: `${percent(p > 0.5 ? p : 1 - p)} ${classes[p > 0.5 ? 1 : 0]}`,
    });
    this.#draw();
    this.table.refresh();
  }

  #draw() {
    if (!this.seen) return;
    const { pixels, x, weight, product } = this.seen.arrays;
    const places = this.info.arrays.places.data;
    const [rows, columns, colours] = this.shape;
    const one = (values) => Float64Array.from({ length: rows * columns }, (_, i) => values[places[i * colours + this.colour]]);
    const name = COLOURS[this.colour];
    this.photo.colours(pixels.data, [rows, columns]);
    this.photo.describe(`The picture, ${this.info.classes[this.seen.label]}`);
    this.weights.numbers(one(weight.data), [rows, columns], largest(weight.data));
    this.weights.describe(`The weights of ${name}, at most ${number(largest(weight.data))} from 0`);
    this.products.numbers(one(product.data), [rows, columns], largest(product.data));
    this.products.describe(`Weight times value for ${name}, at most ${number(largest(product.data))} from 0`);
    const none = this.lab.theme.dark ? "dark" : "pale";
    this.colourNote.textContent = `Weights and products of ${name}: orange above 0, blue below, ${none} near 0.`;
    this.#strip(x.data, places);
    for (const raster of [this.photo, this.weights, this.products]) raster.mark(...this.at);
    this.#words();
  }

  /** The vector as a strip, each place in the colour of its pixel. */
  #strip(x, places) {
    const colours = this.shape[2];
    const bytes = new Uint8ClampedArray(3 * x.length);
    places.forEach((place, i) => { bytes[3 * place + (i % colours)] = Math.round(255 * x[place]); });
    this.strip.colours(bytes, [1, x.length]);
    this.strip.element.style.aspectRatio = "auto";
    this.strip.element.style.height = "2.6rem";
    this.strip.mark(0, this.#place());
    this.strip.describe(`The vector of ${x.length} numbers: red, green, blue, red, green, blue`);
  }

  #place(colour = this.colour) {
    const [, columns, colours] = this.shape;
    return this.info.arrays.places.data[(this.at[0] * columns + this.at[1]) * colours + colour];
  }

  #words() {
    const { pixels, x, weight, product, gradient } = this.seen.arrays;
    const [, columns, colours] = this.shape;
    const [r, c] = this.at;
    const place = this.#place();
    this.place.replaceChildren(lines([
      ["place", "=", row("(", words("row"), "·", columns, "+", words("column"), ")", "·", colours, "+", words("colour"))],
      ["", "=", row("(", r, "·", columns, "+", c, ")", "·", colours, "+", this.colour)],
      ["", "=", place],
    ]));
    const rows = COLOURS.map((name, k) => {
      const i = this.#place(k);
      return [name, i, pixels.data[(r * columns + c) * colours + k], x.data[i], weight.data[i], product.data[i], gradient.data[i]];
    });
    this.pixel.replaceChildren(table({
      caption: `The pixel in row ${r}, column ${c}`,
      columns: ["colour", "place", "byte", "x = byte/255", "w", "w · x", "∂loss/∂w"], rows,
    }));
    this.#prediction();
  }

  #prediction() {
    const { z, bias, logit, p, loss, label, unit, units } = this.seen;
    const neuron = units === 1 ? [] : [
      [sub("a", unit), "=", row(words("relu"), "(", sub("z", unit), ")", "=", this.seen.arrays.passed.data[unit])],
      ["z", "=", row(words(`the same with the ${units} values a`), "=", logit)],
    ];
    const first = units === 1 ? "z" : sub("z", unit);
    this.sum.replaceChildren(lines([
      [first, "=", row("∑", sub("w", "i"), "·", sub("x", "i"), "+", "b")],
      ["", "=", row(words(`${this.seen.arrays.x.data.length} products`), "+", bias < 0 ? row("(", bias, ")") : bias)],
      ["", "=", z],
      ...neuron,
      ["p", "=", row("σ", "(", "z", ")", "=", frac(1, row(1, "+", words("exp(−z)"))), "=", p)],
      [words("loss"), "=", row(words(label ? "−log p" : "−log(1 − p)"), "=", loss)],
    ]), h("p", { class: "note" },
      `p is how sure the network is of “${this.info.classes[1]}”; this picture is “${this.info.classes[label]}”. `,
      "It learns to tell these pictures apart, and nothing else."));
  }

  #all() {
    if (!this.seen) return null;
    const { x, weight, product } = this.seen.arrays;
    const places = this.info.arrays.places.data;
    const [, columns, colours] = this.shape;
    const rows = Array.from(places, (place, i) => {
      const pixel = Math.floor(i / colours);
      return [String(place), Math.floor(pixel / columns), pixel % columns, COLOURS[i % colours],
        x.data[place], weight.data[place], product.data[place]];
    });
    return {
      caption: "Each place of the vector",
      columns: ["place", "row", "column", "colour", "value", "weight", "weight × value"], rows,
    };
  }
}

function percent(part) {
  return `${(100 * part).toFixed(1)} %`;
}

function largest(values) {
  return values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
}
