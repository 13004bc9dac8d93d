/** Network: one that learns while you watch, and steps back as well as forward. */

import { number } from "lab/math.js";
import { Regions } from "lab/pages/network/regions.js";
import { Drawing } from "lab/pages/network/drawing.js";
import { Health } from "lab/pages/network/health.js";
import * as words from "lab/pages/network/words.js";
import { Plot } from "lab/plot.js";
import { extent } from "lab/scale.js";
import { COLORS, SHAPES } from "lab/shapes.js";
import {
  button, figures, group, h, keys, numbers, onKeys, section, select, slider, textField,
} from "lab/ui.js";

export const id = "network";
export const title = "Network";

const PACES = [["1", "1 step"], ["2", "2 steps"], ["5", "5 steps"], ["10", "10 steps"], ["50", "50 steps"]];
const NAMES = { own: "my own model and data", xor: "exclusive or", blobs: "three clouds" };
const SURE = [-0.5, 1.5]; // what the colours span: the points stand out where a network is sure
const DATA = ["spirals", "moons", "circles", "xor", "blobs"];
const ACTIVATIONS = ["tanh", "ReLU", "leaky ReLU", "sigmoid", "GELU", "identity"];
const LOSSES = ["logistic cost", "squared error"];
const OPTIMIZERS = ["Adam", "AdamW", "RMSprop", "Adagrad", "SGD", "SGD with momentum"];
const READING = 400; // milliseconds between sentences while a training runs
const REDUCED_PAUSE = 500; // milliseconds between pictures where motion is unwelcome

/** @param {HTMLElement} root @param {import("lab/app.js").Lab} lab */
export function mount(root, lab) {
  const page = new Network(lab);
  root.append(...page.build());
  page.begin();
  return () => page.end();
}

/** Return a word of the address if it is one of a few, else the first of them. */
function oneOf(names, name) {
  return names.includes(name) ? name : names[0];
}

class Network {
  told = 0; // when sentences were last written
  #playing = false;
  #ended = false;
  #queue = Promise.resolve();

  constructor(lab) {
    this.lab = lab;
    const { state } = lab;
    this.config = {
      data: ["own", ...DATA].includes(state.get("data")) ? state.get("data") : "",
      points: Math.round(within(state.number("points", 200), 10, 1000)),
      noise: state.get("noise") && within(state.number("noise", 0), 0, 1), // "": as the data has it
      layers: areUnits(split(state.get("layers", "8-8"))) ? state.get("layers", "8-8") : "8-8",
      activation: oneOf(ACTIVATIONS, state.get("activation")),
      loss: oneOf(LOSSES, state.get("loss")),
      optimizer: oneOf(OPTIMIZERS, state.get("optimizer")),
      lr: within(state.number("lr", 0.03), 0, 100),
      batch: Math.round(within(state.number("batch", 32), 1, 1000)),
      seed: Math.round(within(state.number("seed", 0), 0, 2 ** 31 - 1)),
    };
    this.example = state.number("example", -1);
    this.go = this.#latest(lab.replay ? "mark" : "go", (step) => ({ step }));
    this.setRate = this.#latest("rate", (lr) => ({ lr }));
    this.show = this.#latest("show", (example) => ({ example }));
    this.showAxes = this.#latest("show", (axes) => ({ axes }));
  }

  /** Return a function that asks for its newest value only, after what is under way. */
  #latest(type, fields) {
    let waiting = null;
    return (value) => {
      const first = waiting === null;
      waiting = { value };
      if (first) this.#ask(() => {
        const { value: newest } = waiting;
        waiting = null;
        return { type, ...fields(newest) };
      });
    };
  }

  /** Ask one thing after another: all requests are about one run. */
  #ask(message) {
    const job = async () => {
      if (this.#ended) return null;
      const since = performance.now();
      try {
        const [frame] = await this.lab.ask(typeof message === "function" ? message() : message);
        if (this.#ended) return null;
        this.draw(frame);
        this.lab.times.push(performance.now() - since);
        return frame;
      } catch (error) {
        this.pause();
        this.lab.fail(error);
        return null;
      }
    };
    this.#queue = this.#queue.then(job);
    return this.#queue;
  }

  // ---- what the page is made of

  build() {
    this.stop = onKeys({
      " ": () => this.toggle(), ".": () => this.step(1), ",": () => this.step(-1),
      r: () => this.restart(),
    });
    return [
      h("h1", {}, "Network"),
      h("p", { class: "lead" },
        "A network of layers learns to tell points apart. Each step takes a batch of examples, ",
        "computes the loss and its gradients, and moves every weight a little against its gradient. ",
        "Move the time slider to see any earlier step again, exactly as it was."),
      h("div", { class: "columns" }, this.#controls(), this.#pictures()),
    ];
  }

  #controls() {
    const { config } = this;
    const choose = (key) => (value) => {
      this.config[key] = value;
      if (key === "data") this.config.noise = "";
      this.restart();
    };
    const list = (key, label, options) => {
      this[key] = select({ label, options, value: config[key], onChange: choose(key) });
      return this[key].element;
    };
    const named = (names) => names.map((name) => [name, name]);
    this.layers = textField({
      label: "hidden layers", value: config.layers, onCommit: (text) => this.#layers(text),
      hint: "Units of each, up to four layers: 8-8. Empty: none.",
    });
    this.noise = slider({ label: "noise", min: 0, max: 0.5, step: 0.01, value: config.noise || 0, onInput: this.#later("noise") });
    this.seed = slider({ label: "seed", min: 0, max: 50, step: 1, value: config.seed, onInput: this.#later("seed") });
    this.batch = slider({ label: "examples in a batch", min: 1, max: 200, step: 1, value: config.batch, onInput: this.#later("batch") });
    this.rateSlider = slider({
      label: "learning rate", min: 1e-4, max: 10, log: true, value: config.lr,
      onInput: (lr) => this.#rate(lr),
    });
    this.chosen = [
      group("The data",
        list("data", "data", named(DATA)),
        this.noise.element, this.seed.element),
      group("The network", this.layers.element,
        list("activation", "activation", named(ACTIVATIONS))),
      group("How it learns",
        list("loss", "loss", named(LOSSES)),
        list("optimizer", "optimizer", named(OPTIMIZERS)),
        this.rateSlider.element, this.batch.element),
    ];
    this.saved = h("p", { class: "note", hidden: true },
      "This is a saved run. The time slider goes through it; to change it, run xpnet lab.");
    return h("div", { class: "controls" }, this.saved, ...this.chosen, keys([
      ["Space", "train, or pause"], [".  ,", "one step forward, one step back"], ["r", "start again"],
      ["← →", "on the time slider: one step; on a unit of the drawing: its neighbours"],
    ]));
  }

  #pictures() {
    this.trainButton = button("Train", () => this.toggle(), { key: "Space", kind: "main" });
    this.back = button("One step back", () => this.step(-1), { key: "," });
    this.ahead = button("One step", () => this.step(1), { key: "." });
    this.again = button("Start again", () => this.restart(), { key: "r" });
    this.pace = select({
      label: "in each picture", options: PACES, value: this.lab.state.get("pace", "5"),
      onChange: (pace) => this.lab.state.set({ pace }),
    });
    this.time = slider({
      label: "time: the step", min: 0, max: 1e9, step: 1, value: 0,
      onInput: (step) => { this.pause(); this.go(Math.min(step, this.frame?.furthest ?? 0)); },
    });
    this.figures = figures([
      ["loss", "loss, all examples"], ["accuracy", "right"], ["batch", "loss of the last batch"],
      ["change", "size of the last step"], ["epoch", "epochs"], ["state", "fingerprint of the state"],
    ]);
    this.plane = new Regions(this.lab, {
      label: "What the network says in the plane, and the examples", aspect: 0.92,
      x: { label: "x1", range: [-1, 1] }, y: { label: "x2", range: [-1, 1] },
    });
    this.plane.onPick((x, y) => this.#pick(x, y));
    this.curve = new Plot(this.lab, {
      label: "The loss of each batch", height: 230, legend: false,
      x: { label: "step", range: [0, 1] }, y: { label: "loss of the batch", range: [0, 1] },
    });
    this.axes = ["across", "up"].map((label, k) => select({
      label, options: [], value: "", onChange: (value) => this.#chooseAxis(k, Number(value)),
    }));
    this.axesGroup = h("div", { class: "network-axes", hidden: true }, ...this.axes.map((a) => a.element));
    this.drawing = new Drawing(this.lab);
    this.health = new Health();
    this.look = slider({
      label: "look at example (0: at all of them)", name: "example", min: 0, max: 200, step: 1,
      value: this.example + 1, onInput: (i) => this.#look(i - 1),
    });
    this.said = h("p", { class: "sentence" });
    this.pointTable = numbers("The numbers of this picture", () => words.points(this.frame, this.points, this.labels));
    this.curveTable = numbers("The numbers of this picture", () => words.curve(this.frame));
    this.layerTable = numbers("The layers in numbers", () => words.layers(this.frame));
    this.model = h("pre", { tabindex: "0", "aria-label": "The model and its optimizer" });
    return h("div", { class: "pictures" },
      h("section", { class: "card transport", "aria-label": "Training" },
        h("div", { class: "buttons" }, this.trainButton, this.back, this.ahead, this.again, this.pace.element),
        this.time.element, this.figures.element),
      h("div", { class: "pair" },
        h("div", { class: "pictures" },
          section("What it says", this.axesGroup, this.plane.element, this.pointTable.element),
          section("How it is", this.health.element, this.layerTable.element),
          section("How the loss fell", this.curve.element, this.curveTable.element)),
        section("What is inside", this.look.element, this.said, this.drawing.element)),
      h("details", {}, h("summary", {}, "The model and the optimizer, as they print themselves"), this.model));
  }

  // ---- beginning

  async begin() {
    if (this.lab.replay) {
      this.chosen.forEach((set) => { set.disabled = true; });
      this.saved.hidden = false;
      this.look.range.disabled = this.look.exact.disabled = true;
      await this.#ask({ type: "open" });
      return;
    }
    const { state } = this.lab;
    const rates = state.get("rates").split(",").filter(Boolean).map((pair) => pair.split(":").map(Number));
    const wanted = Math.min(state.number("step", 0), 20000);
    await this.#start();
    for (const [step, rate] of rates.filter(([at]) => at <= wanted)) {
      await this.#reach(step);
      await this.#ask({ type: "rate", lr: rate });
    }
    await this.#reach(wanted);
    if (!this.frame) return;
    const { features, examples } = this.frame;
    const axes = state.get("axes").split(",").map(Number);
    const known = axes.every((i) => Number.isInteger(i) && i >= 0 && i < features);
    if (this.frame.axes && known && axes.length === 2 && axes[0] !== axes[1]) this.showAxes(axes);
    if (this.example >= 0 && this.example < examples) this.show(this.example);
  }

  /** Train until a step, as the address says. */
  async #reach(step) {
    while (!this.#ended && this.frame && this.frame.step < step && !this.frame.stopped) {
      const before = this.frame.step;
      await this.#ask({ type: "train", steps: Math.min(500, step - before) });
      if (this.frame.step === before) return;
    }
  }

  #start() {
    const { layers, data, noise, ...rest } = this.config;
    const message = { type: "start", ...rest, layers: split(layers) };
    if (data) message.data = data;
    if (noise !== "") message.noise = noise;
    return this.#ask(message);
  }

  restart() {
    if (this.lab.replay) return void this.go(0);
    this.pause();
    this.example = -1;
    this.config.lr = this.rateSlider.value;
    this.#remember();
    this.#start().then(() => this.lab.announce("Started again at step 0."));
  }

  #remember() {
    const { config } = this;
    const [data, noise] = [config.data || null, config.noise === "" ? null : config.noise];
    const begun = { rates: null, step: null, example: null };
    this.lab.state.set({ ...config, data, noise, ...begun }, { push: true });
  }

  #layers(text) {
    const units = split(text);
    const good = areUnits(units);
    this.layers.fail(good ? "" : "Write one to four whole numbers from 1 to 64, such as 8-8.");
    if (!good) return;
    this.config.layers = units.join("-");
    this.restart();
  }

  /** Return a listener that starts again, once the slider rests. */
  #later(key) {
    return (value) => {
      this.config[key] = value;
      clearTimeout(this.resting);
      this.resting = setTimeout(() => this.restart(), 150);
    };
  }

  #rate(lr) {
    if (this.frame && this.frame.step === 0) this.config.lr = lr;
    this.setRate(lr);
  }

  // ---- training

  toggle() {
    if (this.#playing) this.pause();
    else this.play();
  }

  async play() {
    if (!this.frame || this.#playing) return;
    this.#playing = true;
    this.trainButton.textContent = "Pause";
    while (this.#playing && !this.#ended) {
      await this.#painted();
      if (!this.#playing || !(await this.#forward(Number(this.pace.value)))) break;
    }
    if (this.#playing) this.pause();
  }

  /** Return a promise of the next picture; later where motion is unwelcome. */
  #painted() {
    const slow = this.lab.reduced() ? new Promise((done) => setTimeout(done, REDUCED_PAUSE)) : null;
    return Promise.all([slow, new Promise((done) => requestAnimationFrame(done))]);
  }

  /** Go forward; return whether there is more. */
  async #forward(steps) {
    if (!this.lab.replay) {
      const frame = await this.#ask({ type: "train", steps });
      return frame !== null && !frame.stopped;
    }
    const { step } = this.frame;
    const frame = await this.#ask(() => this.#mark(steps));
    return frame !== null && frame.step > step && frame.step < frame.furthest;
  }

  pause() {
    if (!this.#playing) return;
    this.#playing = false;
    this.trainButton.textContent = "Train";
    if (!this.frame) return;
    this.#settled();
    this.lab.announce(words.place(this.frame));
  }

  step(by) {
    this.pause();
    if (!this.frame) return;
    if (this.lab.replay) this.#ask(() => this.#mark(by));
    else if (by > 0) this.#ask({ type: "train", steps: by });
    else this.#ask(() => ({ type: "go", step: Math.max(0, this.frame.step + by) }));
  }

  /** Ask a saved run for a step, at least as far away as its marks are from each other. */
  #mark(by) {
    const { furthest, step } = this.frame;
    const far = Math.max(Math.abs(by), Math.ceil(furthest / 119));
    return { type: "mark", step: Math.min(furthest, Math.max(0, step + Math.sign(by) * far)) };
  }

  // ---- looking

  #look(example) {
    this.example = example;
    this.lab.state.set({ example: example < 0 ? null : example });
    this.show(example);
  }

  /** Look at the plane of two other features; the same one twice changes places. */
  #chooseAxis(k, feature) {
    const axes = [...this.frame.axes];
    if (axes[1 - k] === feature) axes[1 - k] = axes[k];
    axes[k] = feature;
    this.lab.state.set({ axes: axes.join(",") });
    this.showAxes(axes);
  }

  /** Look at the example that is nearest to a place in the plane. */
  #pick(x, y) {
    if (!this.points || this.lab.replay) return;
    const { data, shape: [count, features] } = this.points;
    const [i, j] = this.frame.axes;
    const far = (k) => (data[k * features + i] - x) ** 2 + (data[k * features + j] - y) ** 2;
    let best = 0;
    for (let k = 1; k < count; k++) if (far(k) < far(best)) best = k;
    this.#look(this.example === best ? -1 : best);
  }

  // ---- drawing

  draw(frame) {
    this.frame = frame;
    if (frame.choices) this.#complete(frame);
    else if (frame.axes && frame.axes.join() !== this.shownAxes) this.#splitPoints(frame);
    this.shownAxes = frame.axes?.join();
    const { step, furthest, config } = frame;
    this.time.range.max = this.time.exact.max = furthest;
    this.time.value = step;
    this.rateSlider.value = config.lr;
    this.look.value = frame.example ? frame.example.index + 1 : 0;
    this.back.disabled = step === 0;
    this.trainButton.disabled = this.ahead.disabled = frame.stopped || (this.lab.replay && step >= furthest);
    this.figures.set({
      loss: number(frame.loss), accuracy: frame.accuracy === null ? "–" : `${number(100 * frame.accuracy, 3)} %`,
      batch: number(frame.batch_loss), change: frame.change === null ? "–" : `${number(100 * Number(frame.change), 2)} %`,
      epoch: String(frame.epoch), state: h("code", {}, frame.state),
    });
    this.#drawPlane(frame);
    this.#drawCurve(frame);
    this.drawing.draw(frame, this.#playing);
    if (!this.#playing) this.#settled();
    else if (performance.now() - this.told > READING) this.#tell(frame);
  }

  /** Say how the training is. */
  #tell(frame) {
    this.told = performance.now();
    this.health.draw(frame.health);
  }

  /** What need not follow each picture of a training. */
  #settled() {
    const { frame } = this;
    this.#tell(frame);
    this.said.textContent = words.example(frame);
    this.plane.describe(words.plane(frame));
    this.curve.describe(`The loss of each batch so far. ${words.place(frame)}`);
    this.drawing.settle();
    this.model.textContent = `${frame.model}\n\n${frame.optimizer}`;
    for (const each of [this.pointTable, this.curveTable, this.layerTable]) each.refresh();
    if (this.lab.replay) return;
    this.lab.state.set({
      step: frame.step || null, rates: frame.rates.map((pair) => pair.join(":")).join(",") || null,
    });
  }

  /** Take what the first answer of a run has: points, and what can be chosen. */
  #complete(frame) {
    const { config, choices, arrays } = frame;
    fillOptions(this.data, choices.data, NAMES);
    for (const key of ["data", "activation", "loss", "optimizer"]) this[key].value = config[key];
    this.layers.value = config.layers.join("-");
    for (const key of ["noise", "seed", "batch"]) this[key].value = config[key];
    const own = config.data === "own";
    this.layers.input.disabled = this.activation.input.disabled = own;
    this.noise.range.disabled = this.noise.exact.disabled = own;
    Object.assign(this.config, config, { layers: config.layers.join("-") });
    this.look.range.max = this.look.exact.max = frame.examples;
    this.points = arrays.points ?? null;
    this.plane.element.hidden = !this.points;
    this.labels = arrays.labels?.data;
    this.classes = frame.classes;
    const names = Array.from({ length: frame.axes ? frame.features : 0 }, (_, i) => `x${i + 1}`);
    this.axesGroup.hidden = !frame.axes || frame.features < 3 || this.lab.replay;
    for (const axis of this.axes) fillOptions(axis, Object.keys(names), names);
    this.#splitPoints(frame);
  }

  /** Sort the points by class, for their shapes and colours. */
  #splitPoints({ task, axes }) {
    this.marks = [];
    if (!this.points) return;
    const { data, shape: [count, features] } = this.points;
    const [i, j] = axes;
    this.axes.forEach((axis, k) => { axis.value = String(axes[k]); });
    const names = task === "numbers" ? ["examples"] : this.classes;
    this.marks = names.map((label, k) => {
      const mine = Array.from({ length: count }, (_, n) => n)
        .filter((n) => names.length === 1 || this.labels[n] === k);
      return {
        kind: "points", label, size: 4.2, color: COLORS[k % 6], shape: SHAPES[k % 6],
        x: mine.map((n) => data[n * features + i]), y: mine.map((n) => data[n * features + j]),
      };
    });
  }

  #drawPlane(frame) {
    const { boundary, winner } = frame.arrays;
    if (!boundary || !this.points) return;
    const [left, right, bottom, top] = frame.bounds;
    [this.plane.x.range, this.plane.y.range] = [[left, right], [bottom, top]];
    this.plane.x.label = `x${frame.axes[0] + 1}`;
    this.plane.y.label = `x${frame.axes[1] + 1}`;
    const [rows, columns] = boundary.shape;
    const heat = { kind: "heat", data: boundary.data, rows, columns, range: SURE, table: "sides" };
    if (frame.task === "numbers") heat.range = extent(boundary.data, 0);
    const ground = winner ? { ...heat, kind: "regions", winner: winner.data } : heat;
    const edge = frame.task === "binary" &&
      { kind: "contours", data: boundary.data, rows, columns, at: [0.5], range: [0, 1], color: "--ink-line" };
    this.plane.draw([ground, edge, ...this.marks, this.#ring(frame)]);
  }

  /** A ring around the example that is looked at. */
  #ring({ example, axes }) {
    const { data, shape: [count, features] } = this.points;
    if (!example || example.index >= count) return null;
    const at = (axis) => [data[example.index * features + axis]];
    return { kind: "ring", x: at(axes[0]), y: at(axes[1]), color: "--ink-line" };
  }

  #drawCurve({ arrays, step, furthest }) {
    const [x, y] = [arrays["curve.step"].data, arrays["curve.loss"].data];
    this.curve.x.range = [0, Math.max(furthest, 1)];
    this.curve.y.range = [0, Math.max(extent(y, 0.05)[1], 1e-6)];
    this.curve.draw([
      { kind: "line", x, y, color: "--blue", width: 1.6 },
      { kind: "rule", x: step, color: "--red" },
    ]);
  }

  end() {
    this.#ended = true;
    this.#playing = false;
    clearTimeout(this.resting);
    this.stop();
    this.plane.end();
    this.curve.end();
  }
}

/** Return the numbers of units in words such as 8-8. */
function split(text) {
  return text.split(/[-,;\s]+/).filter(Boolean).map(Number);
}

/** Whether these are numbers of units of hidden layers. */
function areUnits(units) {
  return units.length <= 4 && units.every((n) => Number.isInteger(n) && n >= 1 && n <= 64);
}

function within(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/** Give a list its options, where they changed. */
function fillOptions({ input }, names, words) {
  if (input.options.length === names.length) return;
  input.replaceChildren(...names.map((name) => h("option", { value: name }, words[name] ?? name)));
}
