/** Descent: the library's optimizers race downhill on a surface that the visitor types. */

import { balance, levels } from "lab/contour.js";
import { lattice } from "lab/lattice.js";
import { math, parse, row } from "lab/math.js";
import { DASHES, Heights } from "lab/pages/descent/heights.js";
import { NextStep } from "lab/pages/descent/next.js";
import * as words from "lab/pages/descent/words.js";
import { Plot } from "lab/plot.js";
import { COLORS, SHAPES } from "lab/shapes.js";
import { Steps } from "lab/steps.js";
import {
  fixed, group, h, keys, numbers, onKeys, saved, section, select, slider, table, textField,
} from "lab/ui.js";

export const id = "descent";
export const title = "Descent";

const LEAST = 1e-5; // of the learning rates
const MOST = 2;

/** @param {HTMLElement} root @param {import("lab/app.js").Lab} lab */
export function mount(root, lab) {
  const page = new Descent(root, lab);
  page.begin();
  return () => page.end();
}

class Descent {
  constructor(root, lab) {
    Object.assign(this, { root, lab, stops: [] });
    this.askSurface = lab.latest(([frame]) => this.#gotSurface(frame), (error) => this.#refused(error));
    this.askRace = lab.latest(([frame]) => this.#gotRace(frame), (error) => this.#noRace(error));
    this.askUpdate = lab.latest(([frame]) => this.next.show(frame), () => this.next.say(""));
  }

  async begin() {
    this.root.append(
      h("h1", {}, "Descent"),
      h("p", { class: "lead" },
        "The gradient points uphill, so a step against it leads down: ",
        h("span", { class: "whole" }, "new = old − learning_rate × gradient"), ". Other optimizers change the length and the direction of ",
        "the step. These are the library's own, the same that train networks."));
    try {
      const [frame] = await this.lab.ask({ type: "choices" });
      this.choices = frame;
    } catch (error) {
      return this.lab.fail(error);
    }
    if (!this.root.isConnected) return;
    this.#take();
    this.root.append(h("div", { class: "columns" }, this.#controls(), this.#pictures()));
    this.stops.push(onKeys({
      " ": () => this.steps.toggle(), ".": () => this.steps.move(1), ",": () => this.steps.move(-1),
    }));
    this.surface();
  }

  /** Take what the address says; what it does not say is that of the surface. */
  #take() {
    const { state } = this.lab;
    this.f = state.get("f", "narrow valley");
    const known = this.#known();
    const listed = (name, otherwise) => {
      const found = state.get(name).split(",").map(Number);
      return found.length === otherwise.length && found.every(Number.isFinite) ? found : [...otherwise];
    };
    this.box = listed("box", known?.box ?? [-3, 3, -3, 3]);
    this.start = [state.number("x", known?.start[0] ?? 2), state.number("y", known?.start[1] ?? 1.5)];
    this.rates = listed("rates", known?.rates ?? this.choices.racers.map((racer) => racer.rate));
    this.runs = listed("run", this.rates.map(() => 1));
    this.count = state.number("steps", 60);
    this.who = state.get("who", "SGD");
  }

  #known() {
    return this.choices.surfaces.find((surface) => surface.name === this.f);
  }

  // ---- what the page is made of

  #controls() {
    const { surfaces, racers } = this.choices;
    this.names = select({
      label: "surface", value: this.#known() ? this.f : "",
      options: [["", "a formula of your own"], ...surfaces.map(({ name }) => [name, name])],
      onChange: (name) => this.choose(name || this.field.value),
    });
    this.field = textField({
      label: "f(x, y) =", value: this.#known()?.text ?? this.f, onCommit: (f) => this.choose(f),
      hint: "Type as you would write: x^2 + 3y^2. Enter takes it.",
    });
    this.sliders = ["x", "y"].map((name, i) => slider({
      label: name, name: `start, ${name}`, min: this.box[2 * i], max: this.box[2 * i + 1],
      value: this.start[i],
      onInput: (v) => this.move(i ? this.start[0] : v, i ? v : this.start[1]),
    }));
    this.number = slider({
      label: "how many", name: "steps", min: 1, max: 300, step: 1, value: this.count,
      onInput: (count) => this.take(Math.round(count)),
    });
    this.lanes = racers.map((racer, i) => this.#lane(racer, i));
    if (this.lab.replay) {
      const ticks = this.lanes.map(({ tick }) => ({ input: tick }));
      fixed(this.names, this.field, this.number, ...ticks, ...this.lanes.map(({ rate }) => rate));
    }
    return h("div", { class: "controls" },
      this.lab.replay ? saved("a start goes to the nearest recorded one") : null,
      group("The surface", this.names.element, this.field.element),
      group("The learning rates", ...this.lanes.map((lane) => lane.element)),
      group("The start", ...this.sliders.map((each) => each.element)),
      group("The steps", this.number.element),
      keys([["Space", "play or stop"], [", .", "a step back, a step on"],
        ["← → ↑ ↓", "on the start: move it (with Shift ten steps)"]]));
  }

  /** The controls of one optimizer. */
  #lane({ name, note }, i) {
    const tick = h("input", { type: "checkbox", "aria-label": `${name} runs` });
    tick.checked = Boolean(this.runs[i]);
    tick.addEventListener("change", () => { this.runs[i] = tick.checked ? 1 : 0; this.#keepRates(); });
    const rate = slider({
      label: h("span", { title: note }, name), name: `${name}, learning rate`, min: LEAST, max: MOST,
      value: this.rates[i], log: true, step: 0.02,
      onInput: (v) => { this.rates[i] = Number(v.toPrecision(3)); this.#keepRates(); },
    });
    return { element: h("div", { class: "lane" }, tick, rate.element), rate, tick };
  }

  #keepRates() {
    this.lab.state.set({ rates: this.rates.join(","), run: this.runs.join(",") });
    this.race();
  }

  #pictures() {
    this.formula = h("div", { class: "formula" });
    this.note = h("p", { class: "sentence note" });
    this.problem = h("p", { class: "problem", role: "alert" });
    this.plot = new Plot(this.lab, {
      label: "The surface from above, with the ways of the optimizers", height: 430,
      x: { label: "x", range: this.box.slice(0, 2) }, y: { label: "y", range: this.box.slice(2) },
    });
    this.plot.handle({
      label: "The start: the arrow keys move it", get: () => this.start,
      set: (x, y) => this.move(...this.#tidy(x, y)),
    });
    this.plot.onPick((x, y) => this.move(...this.#tidy(x, y)));
    this.heights = new Heights(this.lab);
    this.next = new NextStep(this.choices.racers, this.who, (who) => {
      this.who = who;
      this.lab.state.set({ who });
      this.#paint();
    });
    this.steps = new Steps(this.lab, { onStep: () => this.#paint(), perSecond: 12 });
    this.standings = h("div");
    this.table = numbers("The numbers of every step", () => words.steps(this.ways));
    this.map = numbers("The surface in numbers", () => this.#map());
    return h("div", { class: "pictures" },
      h("section", { class: "card", "aria-label": "The surface" },
        this.formula, this.note, this.problem, this.plot.element, this.steps.element, this.standings,
        this.table.element, this.map.element),
      h("div", { class: "pair" }, this.heights.element, this.#ends()), this.next.element);
  }

  #ends() {
    this.endList = h("dl", { class: "endings" });
    return section("How each one ended", this.endList);
  }

  // ---- asking

  /** Take another function, with what suits it. */
  choose(f) {
    this.problem.textContent = "";
    this.lab.state.set({ f, box: null, x: null, y: null, rates: null }, { push: true });
    this.#take();
    const known = this.#known();
    this.names.value = known ? f : "";
    if (known) this.field.value = known.text;
    this.lanes.forEach(({ rate }, i) => { rate.value = this.rates[i]; });
    this.sliders.forEach((each, i) => {
      each.limits(...this.box.slice(2 * i, 2 * i + 2));
      each.value = this.start[i];
    });
    this.surface();
  }

  surface() {
    this.askSurface({ type: "surface", f: this.f, box: this.box });
    this.race();
  }

  race() {
    this.askRace({ type: "race", ...this.#question(), steps: this.count });
  }

  /** Let everybody take so many steps. */
  take(count) {
    this.count = count;
    this.lab.state.set({ steps: count });
    this.race();
  }

  /** What the ways of all optimizers depend on. */
  #question() {
    const [x, y] = this.start;
    return { f: this.f, x, y, rates: this.rates.map((rate, i) => (this.runs[i] ? rate : 0)) };
  }

  /** Start from somewhere else, within the picture. */
  move(x, y) {
    const [left, right, low, high] = this.box;
    this.start = [Math.min(right, Math.max(left, x)), Math.min(high, Math.max(low, y))];
    this.sliders.forEach((each, i) => { each.value = this.start[i]; });
    this.lab.state.set({ x: this.start[0], y: this.start[1] });
    this.race();
  }

  /** Round a place as far as a pixel can tell. */
  #tidy(...place) {
    return place.map((v, i) => {
      const unit = 10 ** Math.floor(Math.log10((this.box[2 * i + 1] - this.box[2 * i]) / 500));
      return Number((Math.round(v / unit) * unit).toPrecision(8));
    });
  }

  // ---- answers

  #refused(error) {
    this.field.fail(error.message);
    this.lab.announce(error.message);
  }

  /** Say why nobody runs, if it is not that the formula itself is wrong. */
  #noRace(error) {
    if (!this.field.failed) this.problem.textContent = error.message;
  }

  #gotSurface(frame) {
    this.field.fail("");
    this.ground = frame;
    this.light = balance(frame.arrays.height.data);
    this.plot.x.range = this.box.slice(0, 2);
    this.plot.y.range = this.box.slice(2);
    this.formula.replaceChildren(math(row("f", row("(", "x", ",", "y", ")"), "=", parse(frame.mathml))));
    this.note.textContent = frame.note;
    this.map.refresh();
    this.#paint();
  }

  #gotRace(frame) {
    this.problem.textContent = "";
    this.endings = frame.endings;
    this.ways = this.choices.racers.flatMap(({ name }, i) => {
      if (!frame.arrays[`${name}.points`]) return [];
      const get = (what) => frame.arrays[`${name}.${what}`].data;
      const points = get("points");
      const [x, y] = [points.filter((_, k) => k % 2 === 0), points.filter((_, k) => k % 2 === 1)];
      return [{ name, i, x, y, values: get("values"), gradients: get("gradients"), last: x.length - 1 }];
    });
    this.endList.replaceChildren(...frame.ranking.flatMap((name) =>
      [h("dt", {}, `${name}: ${this.endings[name].kind}`), h("dd", {}, this.endings[name].words)]));
    this.steps.length = Math.max(...this.ways.map((way) => way.last));
    this.#paint();
  }

  // ---- drawing

  #paint() {
    if (!this.ground || !this.ways) return;
    const k = this.steps.at;
    const { height: { data, shape: [rows, columns] } } = this.ground.arrays;
    const { range, gamma } = this.light;
    const ground = { data, rows, columns, range, gamma };
    this.plot.draw([
      { kind: "heat", ...ground, table: "ground" },
      { kind: "contours", ...ground, at: levels(range, 14, gamma), color: "--contour" },
      this.ground.minima.length && {
        kind: "points", x: this.ground.minima.map((p) => p[0]), y: this.ground.minima.map((p) => p[1]),
        color: "--ink-line", shape: "cross", size: 5, label: "minimum",
      },
      ...this.ways.flatMap((way) => this.#path(way, k)),
    ]);
    const said = words.picture(this.f, this.ways, k);
    this.plot.describe(said);
    this.heights.show(this.ways, this.light.range[0], k, this.steps.length, said);
    this.standings.replaceChildren(table(words.standings(this.ways, k)));
    this.table.refresh();
    this.#ask(k);
  }

  /** The way up to a step, and where it has come. */
  #path({ name, i, x, y, last }, k) {
    const to = Math.min(k, last) + 1;
    const color = COLORS[i];
    return [
      { kind: "line", x: x.slice(0, to), y: y.slice(0, to), color, dash: DASHES[i], marker: SHAPES[i],
        every: 1, size: 2.6, width: 2, halo: true, label: name },
      { kind: "points", x: [x[to - 1]], y: [y[to - 1]], color, shape: SHAPES[i], size: 7 },
    ];
  }

  #ask(k) {
    const way = this.ways.find(({ name }) => name === this.who);
    clearTimeout(this.later);
    if (!way || k >= way.last) {
      return this.next.say(`${this.who} ${way ? "takes no more steps here" : "does not run"}.`);
    }
    const message = { type: "update", ...this.#question(), name: this.who, step: k };
    this.later = setTimeout(() => this.askUpdate(message), this.steps.playing ? 0 : 60);
  }

  #map() {
    if (!this.ground) return null;
    const { data, shape: [rows, columns] } = this.ground.arrays.height;
    return lattice({ caption: `${this.f}, from above`, names: ["x", "y"], data, rows, columns, bounds: this.box });
  }

  end() {
    clearTimeout(this.later);
    this.steps?.end();
    for (const stop of this.stops) stop();
    this.plot?.end();
    this.heights?.end();
  }
}
