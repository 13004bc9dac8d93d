/** The lab's frame: the pages as links, the state in the address, sentences, the switch. */

import { Theme } from "lab/colour.js";
import { latest } from "lab/latest.js";
import { State, parse } from "lab/state.js";
import { h } from "lab/ui.js";
import { LabError, Live, Replay } from "lab/wire.js";

/** The pages in the guides' order. */
const TITLES = {
  slope: "Slope",
  descent: "Descent",
  neuron: "Neuron",
  network: "Network",
  image: "Image",
  code: "Code",
};

const PATIENCE = 300; // milliseconds until a page says that it waits

/**
 * What a page is given.
 * @typedef {object} Lab
 * @property {(message: object) => Promise<import("lab/wire.js").Frame[]>} ask
 * @property {(draw: Function, fail?: Function) => (message: object) => void} latest
 *   ask for the newest message only; keeps the times of the answers
 * @property {State} state
 * @property {Theme} theme
 * @property {(sentence: string) => void} announce say it to who does not see it
 * @property {(error: Error | string) => void} fail show an error's sentence
 * @property {() => boolean} reduced whether motion is unwelcome
 * @property {boolean} replay whether answers come from an export
 * @property {number} pending how many answers are waited for
 * @property {number[]} times milliseconds from a control to the drawn answer, the last 500
 * @property {(milliseconds: number) => void} timed keep one more of these times
 */

/**
 * Begin.
 * @param {{mode: "live" | "replay", socket?: string, export?: string, records?: object[],
 *   pages: string[], version: string, state?: string, cut?: boolean}} config
 */
export function start(config) {
  const pages = Object.keys(TITLES).filter((id) => config.pages.includes(id));
  if (config.state && !location.hash) history.replaceState(null, "", config.state);
  const frame = new Frame(config, pages);
  window.addEventListener("hashchange", () => frame.route());
  window.addEventListener("popstate", () => frame.route());
  globalThis.lab = frame.lab; // for the curious, in the browser's console
  return frame.route();
}

/** What stays when the page changes. */
class Frame {
  #unmount = () => {};
  #shown = "";
  #turn = 0;
  #late = 0; // answers that are waited for

  constructor(config, pages) {
    this.config = config;
    this.pages = pages;
    this.state = new State();
    this.theme = new Theme();
    this.#build();
    const wire = this.#wire();
    const times = [];
    const timed = (ms) => { times.push(ms); if (times.length > 500) times.shift(); };
    const ask = (message) => this.#awaited(wire.ask({ page: this.state.page, ...message }));
    /** @type {Lab} */
    this.lab = {
      ask,
      latest: (draw, fail = this.fail) => latest(ask, draw, fail, timed),
      state: this.state,
      theme: this.theme,
      announce: (sentence) => { this.said.textContent = sentence; },
      fail: this.fail,
      reduced: () => matchMedia("(prefers-reduced-motion: reduce)").matches,
      replay: config.mode === "replay",
      pending: 0,
      times,
      timed,
    };
  }

  #wire() {
    if (this.config.mode === "replay") {
      this.status.textContent = this.config.cut ? "recorded, without its end" : "recorded";
      return new Replay(this.config.records);
    }
    let lost = false;
    return new Live(this.config.socket, (status, sentence) => {
      if (status === "refused") return this.fail(sentence);
      this.status.textContent = status === "open" ? "connected" : "connection lost, trying again";
      this.status.dataset.status = status;
      if (status === "open") this.problem.textContent = "";
      if (status === "open" && lost) this.route(true);
      lost = status === "lost";
    });
  }

  #build() {
    this.links = this.pages.map((id) => h("a", { href: `#${id}` }, TITLES[id]));
    this.status = h("span", { class: "status", role: "status" }, "connecting");
    this.switch = h("select", { "aria-label": "Colours" },
      ...[["", "As the system"], ["light", "Light"], ["dark", "Dark"]].map(([value, text]) =>
        h("option", { value }, text)));
    this.switch.addEventListener("change", () => {
      this.state.set({ theme: this.switch.value || null }, { push: false });
      this.theme.choose(this.switch.value);
      this.#keepTheme();
    });
    this.problem = h("p", { class: "problem", role: "alert" });
    this.said = h("p", { class: "unseen", "aria-live": "polite" });
    this.waiting = h("p", { class: "waiting", role: "status" });
    this.main = h("main", { id: "main", tabindex: "-1" });
    const save = this.config.export
      ? h("a", { class: "save", href: this.config.export, download: "xpnet-lab.html" }, "Save as a file")
      : null;
    save?.addEventListener("click", () => {
      this.state.flush();
      const state = encodeURIComponent(location.hash);
      save.href = `${this.config.export}&page=${this.state.page}&state=${state}`;
    });
    document.body.append(
      h("a", { class: "skip", href: "#main", onclick: (e) => { e.preventDefault(); this.main.focus(); } },
        "Skip to the page"),
      h("header", {},
        h("p", { class: "brand" }, "xpnet ", h("span", {}, "lab")),
        h("nav", { "aria-label": "Pages" }, ...this.links),
        h("div", { class: "tools" }, this.status, save, this.switch)),
      this.waiting,
      this.main,
      h("footer", {},
        h("div", { class: "messages" }, this.problem, this.said),
        h("p", {}, `xpnet ${this.config.version}: every number here comes from the library itself. `,
          "Nothing leaves this machine.")));
    this.fail = (error) => {
      this.problem.textContent = error instanceof LabError ? error.message : String(error);
      if (!(error instanceof LabError) && error instanceof Error) console.error(error);
    };
  }

  /** Say so where an answer is not there at once. */
  async #awaited(answer) {
    this.lab.pending++;
    let late = 0;
    const timer = setTimeout(() => this.#wait(late = 1), PATIENCE);
    try {
      return await answer;
    } finally {
      this.lab.pending--;
      clearTimeout(timer);
      this.#wait(-late);
    }
  }

  #wait(more) {
    this.#late += more;
    this.waiting.textContent = this.#late ? "One moment: the lab is computing." : "";
    this.main.setAttribute("aria-busy", String(this.#late > 0));
  }

  /** Let the links to the other pages keep the chosen colours. */
  #keepTheme() {
    const theme = this.state.get("theme");
    this.switch.value = theme;
    this.pages.forEach((id, i) => {
      this.links[i].href = `#${id}${theme ? `?theme=${theme}` : ""}`;
    });
  }

  /** Show the page that the address names. */
  async route(again = false) {
    const { page } = parse(location.hash);
    if (!this.pages.includes(page)) {
      history.replaceState(null, "", `#${this.pages[0]}`);
      return this.route(again);
    }
    if (location.hash === this.#shown && !again) return;
    const moved = this.#shown && parse(this.#shown).page !== page;
    this.#shown = location.hash;
    this.state.read();
    this.theme.choose(this.state.get("theme"));
    this.#keepTheme();
    await this.#show(page, moved);
  }

  async #show(page, moved) {
    const turn = ++this.#turn;
    const found = await this.#awaited(import(`lab/pages/${page}.js`)).catch(() => null);
    if (turn !== this.#turn) return;
    if (!found) return this.fail(new LabError("This page cannot be had: is the program of the lab still running?"));
    const { id, title, mount } = found;
    this.#unmount();
    this.problem.textContent = "";
    this.pages.forEach((name, i) => {
      if (name === id) this.links[i].setAttribute("aria-current", "page");
      else this.links[i].removeAttribute("aria-current");
    });
    document.title = `${title} · xpnet lab`;
    const root = h("article", { class: `page ${id}` });
    this.main.replaceChildren(root);
    this.#unmount = mount(root, this.lab) ?? (() => {});
    const heading = root.querySelector("h1");
    if (moved && heading) {
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
  }
}
