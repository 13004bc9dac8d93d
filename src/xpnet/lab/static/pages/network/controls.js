/** Network: the column of what can be chosen. */

import { CHOICES, units } from "lab/pages/network/config.js";
import { group, h, keys, select, slider, textField } from "lab/ui.js";

const NAMES = { own: "my own model and data", xor: "exclusive or", blobs: "three clouds" };
const KEYS = [
  ["Space", "train, or pause"], [".  ,", "one step forward, one step back"], ["r", "start again"],
  ["← →", "on the time slider: one step; on a unit of the drawing: its neighbours"],
];
const SLIDERS = {
  noise: { label: "noise", min: 0, max: 0.5, step: 0.01 },
  seed: { label: "seed", min: 0, max: 50, step: 1 },
  batch: { label: "examples in a batch", min: 1, max: 200, step: 1 },
};

export class Controls {
  /**
   * @param {import("lab/pages/network/config.js").Config} config is changed with the controls
   * @param {{onChange: () => void, onRate: (lr: number) => void}} listeners
   */
  constructor(config, { onChange, onRate }) {
    Object.assign(this, { config, onChange });
    this.lists = Object.fromEntries(Object.keys(CHOICES).map((key) => [key, this.#list(key)]));
    this.sliders = Object.fromEntries(Object.keys(SLIDERS).map((key) => [key, this.#slider(key)]));
    this.layers = textField({
      label: "hidden layers", value: config.layers, onCommit: (text) => this.#layers(text),
      hint: "Units of each, up to four layers: 8-8. Empty: none.",
    });
    this.rate = slider({
      label: "learning rate", min: 1e-4, max: 10, log: true, value: config.lr, onInput: onRate,
    });
    this.saved = h("p", { class: "note", hidden: true },
      "This is a saved run. The time slider goes through it; to change it, run xpnet lab.");
    this.groups = this.#groups();
    this.element = h("div", { class: "controls" }, this.saved, ...this.groups, keys(KEYS));
  }

  #groups() {
    const { lists: { data, activation, loss, optimizer }, sliders: { noise, seed, batch } } = this;
    this.network = group("The network", this.layers.element, activation.element);
    return [
      group("The data", data.element, noise.element, seed.element),
      this.network,
      group("How it learns", loss.element, optimizer.element, this.rate.element, batch.element),
    ];
  }

  #list(key) {
    return select({
      label: key, options: named(CHOICES[key]), value: this.config[key],
      onChange: (value) => {
        this.config[key] = value;
        if (key === "data") this.config.noise = "";
        this.onChange();
      },
    });
  }

  /** A slider that changes something once it rests. */
  #slider(key) {
    return slider({
      ...SLIDERS[key], value: this.config[key] || 0,
      onInput: (value) => {
        this.config[key] = value;
        clearTimeout(this.resting);
        this.resting = setTimeout(() => this.onChange(), 150);
      },
    });
  }

  #layers(text) {
    const found = units(text);
    this.layers.fail(found ? "" : "Write one to four whole numbers from 1 to 64, such as 8-8.");
    if (!found) return;
    this.config.layers = found.join("-");
    this.onChange();
  }

  /** Take what the first answer of a run says was chosen, and can be. */
  take({ config, choices }) {
    const { data, activation, ...others } = this.lists;
    const options = named(choices.data);
    if (data.input.options.length !== options.length)
      data.input.replaceChildren(...options.map(([value, text]) => h("option", { value }, text)));
    Object.assign(this.config, config, { layers: config.layers.join("-") });
    for (const [key, list] of Object.entries({ data, activation, ...others })) list.value = config[key];
    for (const [key, each] of Object.entries(this.sliders)) each.value = config[key];
    this.layers.value = this.config.layers;
    const own = config.data === "own";
    this.network.hidden = this.sliders.noise.element.hidden = own;
  }

  /** A saved run cannot be changed. */
  fix() {
    for (const set of this.groups) set.disabled = true;
    this.saved.hidden = false;
  }

  end() {
    clearTimeout(this.resting);
  }
}

function named(names) {
  return names.map((name) => [name, NAMES[name] ?? name]);
}
