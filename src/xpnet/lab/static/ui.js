/** What a page is made of: real form controls with labels, tables, and sentences. */

import { number } from "lab/math.js";

let names = 0;

/** Return an id that nothing else has. */
export const unique = (word) => `${word}-${++names}`;

/**
 * Make an element. `on…` properties are listeners, `class` and the like are attributes.
 * @param {string} tag
 * @param {Object<string, any>} [properties]
 * @param {...(Node | string | null)} children
 * @returns {HTMLElement}
 */
export function h(tag, properties = {}, ...children) {
  const out = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) out.addEventListener(key.slice(2), value);
    else out.setAttribute(key, value === true ? "" : value);
  }
  out.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return out;
}

/** Make an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  const out = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) out.setAttribute(key, value);
  out.append(...children);
  return out;
}

/** A group of controls with a title. */
export function group(title, ...children) {
  return h("fieldset", { class: "group" }, h("legend", {}, title), ...children);
}

/** A section of a page with a heading. */
export function section(title, ...children) {
  const id = unique("section");
  return h("section", { "aria-labelledby": id }, h("h2", { id }, title), ...children);
}

/** A button; `key` names the key that does the same. */
export function button(text, onclick, { key = null, pressed = null, kind = "" } = {}) {
  return h("button", {
    type: "button", class: kind, onclick, "aria-pressed": pressed,
    "aria-keyshortcuts": key, title: key ? `Key: ${key}` : null,
  }, text);
}

/**
 * A list to choose from.
 * @param {{label: string, options: [string, string][], value: string, onChange: (v: string) => void}} options
 */
export function select({ label, options, value, onChange }) {
  const id = unique("select");
  const input = h("select", { id, onchange: () => onChange(input.value) },
    ...options.map(([name, text]) => h("option", { value: name }, text)));
  input.value = value;
  return {
    element: h("div", { class: "field" }, h("label", { for: id }, label), input),
    input,
    get value() { return input.value; },
    set value(v) { input.value = v; },
  };
}

/** A box to tick. */
export function checkbox({ label, value, onChange }) {
  const input = h("input", { type: "checkbox", onchange: () => onChange(input.checked) });
  input.checked = value;
  return {
    element: h("label", { class: "check" }, input, " ", label),
    input,
    get value() { return input.checked; },
    set value(v) { input.checked = v; },
  };
}

/**
 * A slider and, for the exact value, a field: both say the same number.
 * With `log` the slider goes in equal factors; with `step` 1 there are whole numbers only.
 * @param {{label: Node | string, name?: string, min: number, max: number, value: number,
 *   step?: number, log?: boolean, onInput: (v: number) => void}} options
 */
export function slider({ label, name = label, min, max, value, step, log = false, onInput }) {
  const id = unique("slider");
  const to = log ? Math.log10 : (v) => v;
  const from = log ? (p) => rounded(10 ** p) : (p) => rounded(p);
  const range = h("input", {
    type: "range", id, min: to(min), max: to(max),
    step: log ? step ?? 0.05 : step ?? rounded((max - min) / 400),
  });
  const exact = h("input", { type: "number", step: "any", min, max, "aria-label": `${name}, exactly` });
  const fits = step === 1 ? Math.round : (v) => v;
  let now = value;
  const limits = (low, high) => {
    [min, max] = [low, high];
    [range.min, range.max] = [to(min), to(max)];
    [exact.min, exact.max] = [min, max];
    if (!log && !step) range.step = rounded((max - min) / 400);
  };
  const show = (v) => {
    now = v;
    range.value = to(Math.min(max, Math.max(min, v)));
    range.setAttribute("aria-valuetext", number(v, 4));
    if (document.activeElement !== exact) exact.value = String(rounded(v, 6));
  };
  range.addEventListener("input", () => { show(from(Number(range.value))); onInput(now); });
  exact.addEventListener("input", () => {
    const v = fits(exact.valueAsNumber);
    if (Number.isFinite(v) && v >= min && v <= max) { show(v); onInput(v); }
  });
  exact.addEventListener("blur", () => show(now));
  show(value);
  return {
    element: h("div", { class: "field slider" }, h("label", { for: id }, label), range, exact),
    range,
    exact,
    limits,
    get value() { return now; },
    set value(v) { show(v); },
  };
}

/**
 * A field for one number between `min` and `max`; what is none is taken back.
 * @param {{label: string, value: number, min?: number, max?: number, step?: number | "any", onInput: (v: number) => void}} options
 */
export function numberField({ label, value, min = -Infinity, max = Infinity, step = "any", onInput }) {
  const id = unique("number");
  const input = h("input", { type: "number", id, step });
  let taken = input.value = value;
  input.addEventListener("change", () => {
    const v = input.valueAsNumber;
    if (Number.isFinite(v) && v >= min && v <= max) onInput(taken = v);
    else input.value = taken;
  });
  return {
    element: h("div", { class: "field" }, h("label", { for: id }, label), input),
    input,
    get value() { return input.valueAsNumber; },
    set value(v) { input.value = taken = v; },
  };
}

/** Take away the digits that only come from computing with binary fractions. */
function rounded(value, digits = 8) {
  return Number(value.toPrecision(digits));
}

/**
 * A line of text, taken with Enter or on leaving the field; `fail` shows a sentence.
 * @param {{label: string, value: string, onCommit: (v: string) => void, hint?: string}} options
 */
export function textField({ label, value, onCommit, hint = "" }) {
  const id = unique("text");
  const note = h("p", { id: `${id}-note`, class: "note" }, hint);
  const problem = h("p", { id: `${id}-problem`, class: "problem" });
  const input = h("input", {
    type: "text", id, spellcheck: "false", autocomplete: "off", autocapitalize: "off",
    "aria-describedby": `${id}-problem ${id}-note`,
  });
  input.value = value;
  let taken = value;
  const commit = () => {
    if (input.value === taken) return;
    taken = input.value;
    onCommit(taken);
  };
  input.addEventListener("change", commit);
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") commit(); });
  return {
    element: h("div", { class: "field text" }, h("label", { for: id }, label), input, problem, note),
    input,
    get value() { return input.value; },
    set value(v) { input.value = taken = v; },
    /** Show what is wrong, or with "" that nothing is. */
    fail(sentence) {
      this.failed = Boolean(sentence);
      problem.textContent = sentence;
      input.setAttribute("aria-invalid", sentence ? "true" : "false");
    },
  };
}

/** A box for what may be wider or higher than its place: the keys can scroll it. */
export function scrolled(label, ...content) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, ...content);
}

/**
 * A table; cells may be numbers, words or elements. The first cell of a row is its head.
 * @param {{caption: string, columns: (string | Node)[], rows: (number | string | Node | null)[][]}} what
 */
export function table({ caption, columns, rows }) {
  const counts = (i) => i && rows.some((cells) => typeof cells[i] === "number");
  const head = h("tr", {}, ...columns.map((c, i) => h("th", { scope: "col", class: counts(i) ? "number" : null }, c)));
  const body = rows.map((cells) =>
    h("tr", {}, ...cells.map((cell, i) =>
      h(i ? "td" : "th", { scope: i ? null : "row", class: typeof cell === "number" ? "number" : null },
        typeof cell === "number" ? number(cell) : cell ?? ""))));
  return scrolled(caption,
    h("table", {}, h("caption", {}, caption), h("thead", {}, head), h("tbody", {}, ...body)));
}

/**
 * The numbers of a picture: a table under a line that opens it, made when it is opened.
 * @param {string} title
 * @param {() => {caption: string, columns: any[], rows: any[][]} | null} build null: there are none yet
 */
export function numbers(title, build) {
  const place = h("div");
  const element = h("details", { class: "numbers" }, h("summary", {}, title), place);
  const none = h("p", { class: "note" }, "Nothing is computed yet.");
  const refresh = () => {
    if (!element.open) return;
    const what = build();
    place.replaceChildren(what ? table(what) : none);
  };
  element.addEventListener("toggle", refresh);
  return { element, refresh };
}

/**
 * A few large numbers with their names; the first may be the one that matters.
 * @param {[string, Node | string][]} entries the key to set a number by, and its name
 */
export function figures(entries) {
  const places = new Map();
  const element = h("dl", { class: "figures" }, ...entries.map(([key, name], i) => {
    const place = h("dd", { "data-figure": key });
    places.set(key, place);
    return h("div", { class: i ? null : "first" }, h("dt", {}, name), place);
  }));
  const set = (values) => {
    for (const [key, value] of Object.entries(values)) places.get(key).replaceChildren(value);
  };
  return { element, set };
}

/** Switch controls off that a saved page has no answers for. */
export function fixed(...controls) {
  for (const { input, range, exact } of controls)
    for (const each of [input, range, exact]) if (each) each.disabled = true;
}

/** Say what a saved page can do. */
export function saved(sentence) {
  return h("p", { class: "note" }, `This is a saved page: it shows what was recorded, and ${sentence}.`);
}

/** The keys of a page, under a line that opens them. */
export function keys(rows) {
  const list = rows.flatMap(([key, does]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, does)]);
  return h("details", { class: "keys" }, h("summary", {}, "Keys"), h("dl", {}, ...list));
}

/** Call for keys that are pressed while no field is being typed in; returns the end of it. */
export function onKeys(table) {
  const listen = (event) => {
    const where = event.target.closest?.("input, select, textarea, button, summary, a, [role=slider]");
    const act = table[event.key];
    if (where || !act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  };
  document.addEventListener("keydown", listen);
  return () => document.removeEventListener("keydown", listen);
}
