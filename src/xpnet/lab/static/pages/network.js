/** Network: one that learns while you watch, and steps back as well as forward. */

import { Asking } from "lab/pages/network/asking.js";
import { read, start } from "lab/pages/network/config.js";
import { Controls } from "lab/pages/network/controls.js";
import { Drawing } from "lab/pages/network/drawing.js";
import { Health } from "lab/pages/network/health.js";
import { Losses } from "lab/pages/network/losses.js";
import { Plane } from "lab/pages/network/plane.js";
import { Transport } from "lab/pages/network/transport.js";
import * as words from "lab/pages/network/words.js";
import { h, numbers, onKeys, section, slider } from "lab/ui.js";

export const id = "network";
export const title = "Network";

const READING = 400; // milliseconds between sentences while a training runs
const REDUCED_PAUSE = 500; // milliseconds between pictures where motion is unwelcome
const MOST = 200_000; // steps that an address may ask for: no run is longer
const CHUNK = 500; // steps of one answer on the way to where an address leads

/** @param {HTMLElement} root @param {import("lab/app.js").Lab} lab */
export function mount(root, lab) {
  const page = new Network(lab);
  root.append(...page.build());
  page.begin();
  return () => page.end();
}

class Network {
  told = 0; // when sentences were last written
  #playing = false;
  #ended = false;
  #ahead = 0; // steps that are not asked for yet

  /** @param {import("lab/app.js").Lab} lab */
  constructor(lab) {
    this.lab = lab;
    this.config = read(lab.state);
    this.example = lab.state.number("example", -1);
    this.run = new Asking(lab, (frame) => this.draw(frame), (error) => {
      this.pause();
      this.lab.fail(error);
    });
    this.go = this.run.newest(lab.replay ? "mark" : "go", "step");
    this.setRate = this.run.newest("rate", "lr");
    this.show = this.run.newest("show", "example");
    this.showAxes = this.run.newest("show", "axes");
  }

  // ---- what the page is made of

  build() {
    this.stop = onKeys({
      " ": () => this.toggle(), ".": () => this.step(1), ",": () => this.step(-1),
      r: () => this.restart(),
    });
    this.controls = new Controls(this.config, {
      onChange: () => this.restart(), onRate: (lr) => this.#rate(lr),
    });
    return [
      h("h1", {}, "Network"),
      h("p", { class: "lead" },
        "A network of layers learns to tell points apart. Each step takes a batch of examples, ",
        "computes the loss and its gradients, and moves every weight a little against its gradient. ",
        "Move the time slider to see any earlier step again, exactly as it was."),
      h("div", { class: "columns" }, this.controls.element, this.#pictures()),
    ];
  }

  #pictures() {
    this.transport = new Transport(this.lab, {
      onTrain: () => this.toggle(), onStep: (by) => this.step(by), onAgain: () => this.restart(),
      onTime: (step) => { this.pause(); this.go(Math.min(step, this.frame?.furthest ?? 0)); },
    });
    this.plane = new Plane(this.lab, {
      onExample: (example) => this.#look(example), onAxes: (axes) => this.#turn(axes),
    });
    this.losses = new Losses(this.lab);
    this.drawing = new Drawing(this.lab);
    this.health = new Health();
    this.look = slider({
      label: "look at example (0: at all of them)", name: "example", min: 0, max: 200, step: 1,
      value: this.example + 1, onInput: (i) => this.#look(i - 1),
    });
    this.said = h("p", { class: "sentence" });
    this.layerTable = numbers("The layers in numbers", () => words.layers(this.frame));
    this.model = h("pre", { tabindex: "0", "aria-label": "The model and its optimizer" });
    return h("div", { class: "pictures" },
      this.transport.element,
      h("div", { class: "pair" },
        h("div", { class: "pictures" },
          this.plane.element,
          section("How it is", this.health.element, this.layerTable.element),
          this.losses.element),
        section("What is inside", this.look.element, this.said, this.drawing.element)),
      h("details", {}, h("summary", {}, "The model and the optimizer, as they print themselves"), this.model));
  }

  // ---- beginning

  async begin() {
    if (this.lab.replay) {
      this.controls.fix();
      this.look.range.disabled = this.look.exact.disabled = true;
      return void this.run.ask({ type: "open" });
    }
    const { state } = this.lab;
    const rates = state.get("rates").split(",").filter(Boolean).map((pair) => pair.split(":").map(Number));
    const wanted = Math.min(state.number("step", 0), MOST);
    const axes = state.get("axes").split(",").map(Number);
    await this.run.ask(start(this.config));
    this.#turnTo(axes);
    for (const [step, lr] of rates.filter(([at]) => at <= wanted)) {
      if (!(await this.#reach(step))) return;
      await this.run.ask({ type: "rate", lr });
    }
    await this.#reach(wanted);
    if (this.example >= 0 && this.example < this.frame?.examples) this.show(this.example);
  }

  /** Show the axes of the address, if the data have them. */
  #turnTo(axes) {
    if (!this.frame?.axes || axes.length !== 2 || axes[0] === axes[1]) return;
    const known = axes.every((i) => Number.isInteger(i) && i >= 0 && i < this.frame.features);
    if (known) this.showAxes(axes);
  }

  /** Train until a step, as the address says; return whether it was reached. */
  async #reach(step) {
    if (this.frame?.step < step)
      await this.#play(() => Math.min(CHUNK, step - this.frame.step), () => this.frame.step < step, picture);
    return this.frame?.step === step;
  }

  restart() {
    if (this.lab.replay) return void this.go(0);
    this.pause();
    this.example = -1;
    this.config.lr = this.controls.rate.value;
    this.#remember();
    this.run.ask(start(this.config)).then((frame) => {
      if (frame) this.lab.announce("Started again at step 0.");
    });
  }

  #remember() {
    const { config } = this;
    const [data, noise] = [config.data || null, config.noise === "" ? null : config.noise];
    const begun = { rates: null, step: null, example: null };
    this.lab.state.set({ ...config, data, noise, ...begun }, { push: true });
  }

  #rate(lr) {
    if (this.frame && this.frame.step === 0) this.config.lr = lr;
    this.setRate(lr);
  }

  // ---- training

  toggle() {
    if (this.#playing) this.pause();
    else if (this.frame) this.#play(() => this.transport.pace, () => true);
  }

  /** Take so many steps for each picture, until it is paused or there are no more. */
  async #play(steps, more, next = () => this.#painted()) {
    if (this.#playing) return;
    this.#playing = this.transport.playing = true;
    while (this.#playing && !this.#ended && more()) {
      await next();
      if (!this.#playing || !(await this.#forward(steps()))) break;
    }
    this.pause();
  }

  /** Return a promise of the next picture; later where motion is unwelcome. */
  #painted() {
    const slow = this.lab.reduced() ? new Promise((done) => setTimeout(done, REDUCED_PAUSE)) : null;
    return Promise.all([slow, picture()]);
  }

  /** Go forward; return whether there is more. */
  async #forward(steps) {
    if (!this.lab.replay) {
      const frame = await this.run.ask({ type: "train", steps });
      return frame !== null && !frame.stopped;
    }
    const { step } = this.frame;
    const frame = await this.run.ask(() => this.#mark(steps));
    return frame !== null && frame.step > step && frame.step < frame.furthest;
  }

  pause() {
    if (!this.#playing) return;
    this.#playing = this.transport.playing = false;
    if (!this.frame || this.#ended) return;
    this.#settled();
    this.lab.announce(words.place(this.frame));
  }

  /** Go on or back; steps that are asked for faster than they are taken are one question. */
  step(by) {
    this.pause();
    if (!this.frame) return;
    const first = this.#ahead === 0;
    this.#ahead += by;
    if (first) this.run.ask(() => this.#moved());
  }

  #moved() {
    const by = this.#ahead;
    this.#ahead = 0;
    if (this.lab.replay) return this.#mark(by);
    if (by > 0) return { type: "train", steps: Math.min(by, CHUNK) };
    return { type: "go", step: Math.max(0, this.frame.step + by) };
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

  #turn(axes) {
    this.lab.state.set({ axes: axes.join(",") });
    this.showAxes(axes);
  }

  // ---- drawing

  /** @param {import("lab/wire.js").Frame} frame */
  draw(frame) {
    this.frame = frame;
    if (frame.choices) this.#complete(frame);
    this.controls.rate.value = frame.config.lr;
    this.look.value = frame.example ? frame.example.index + 1 : 0;
    this.transport.draw(frame);
    this.plane.draw(frame);
    this.losses.draw(frame);
    this.drawing.draw(frame, this.#playing);
    if (!this.#playing) this.#settled();
    else if (performance.now() - this.told > READING) this.#tell(frame);
  }

  /** Take what only the first answer of a run has. */
  #complete(frame) {
    this.controls.take(frame);
    this.look.limits(0, frame.examples);
    this.plane.take(frame);
  }

  /** Say how the training is, and keep where it is. */
  #tell(frame) {
    this.told = performance.now();
    this.health.draw(frame.health);
    if (this.lab.replay) return;
    const rates = frame.rates.map((pair) => pair.join(":")).join(",");
    this.lab.state.set({ step: frame.step || null, rates: rates || null });
  }

  /** What need not follow each picture of a training. */
  #settled() {
    const { frame } = this;
    this.#tell(frame);
    this.said.textContent = words.example(frame);
    this.plane.settle();
    this.losses.settle(frame);
    this.drawing.settle();
    this.model.textContent = `${frame.model}\n\n${frame.optimizer}`;
    this.layerTable.refresh();
  }

  end() {
    this.#ended = true;
    this.#playing = false;
    this.run.end();
    this.stop();
    for (const each of [this.controls, this.plane, this.losses]) each.end();
  }
}

/** Return a promise of the browser's next picture. */
function picture() {
  return new Promise((done) => requestAnimationFrame(done));
}
