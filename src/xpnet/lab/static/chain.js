/** An explanation: what was computed, then each path as names, symbols and numbers. */

import { frac, indexed, lines, number, parse, row, sub, words } from "lab/math.js";
import { h, scrolled } from "lab/ui.js";

const SHOWN = 6; // paths that are written out
const ORDER = ["first", "second", "third", "fourth"];

/**
 * Return a place for an explanation, as `Explanation.to_dict()` says it (with MathML).
 * @returns {{element: HTMLElement, show: (explanation: object) => void, say: (sentence: string) => void}}
 */
export function chain() {
  const place = h("div", { class: "chain" });
  return {
    element: place,
    show: (explanation) => place.replaceChildren(...parts(explanation)),
    say: (sentence) => place.replaceChildren(h("p", { class: "problem" }, sentence)),
  };
}

/** Return the elements that show an explanation. */
function parts({ steps, variables }) {
  return [
    h("h3", {}, "Forward"),
    wide("What was computed, step by step", forward(steps)),
    ...variables.flatMap((variable) => backward(variable, steps)),
  ];
}

/** A formula in a box of its own that can be scrolled with the keys. */
function wide(label, content) {
  const box = scrolled(label, content);
  box.classList.add("wide");
  return box;
}

/** The values in the order in which they were computed. */
function forward(steps) {
  const rows = steps.map(({ name, operation, value, mathml }) => [
    called(name), "=", ...(operation === "variable" ? [] : [inner(mathml), "="]), short(value),
  ]);
  return lines(rows);
}

/** The paths from a variable, and the three numbers that agree. */
function backward(variable, steps) {
  const { name, paths, path_count: count } = variable;
  const to = `Backward, to ${indexed(name)}`;
  const title = count === 1 ? to : `${to}, on ${count} paths`;
  return [
    h("h3", {}, title),
    ...paths.slice(0, SHOWN).flatMap((path, i) => count === 1
      ? wide(title, product(path))
      : [h("h4", {}, `Path ${i + 1}${through(path, steps)}`), wide(`Path ${i + 1} of ${count}`, product(path))]),
    count > SHOWN ? h("p", { class: "note" }, `The other ${count - SHOWN} paths are in the sum below.`) : null,
    agreement(variable),
  ].filter(Boolean);
}

/** Say which way a path goes where two steps are joined more than once, as x and x·x are. */
function through({ steps: ids, places }, steps) {
  const known = new Map(steps.map((step) => [step.id, step]));
  const doors = ids.slice(1).flatMap((from, k) => {
    if (!known.has(from) || !known.has(ids[k])) return []; // a step within a formula
    const { name, inputs } = known.get(ids[k]);
    const same = inputs.flatMap((input, i) => (input.id === from ? [i] : []));
    const which = ORDER[same.indexOf(places[k])] ?? "next";
    return same.length > 1 ? [`the ${which} ${known.get(from).name} of ${name}`] : [];
  });
  return doors.length ? `: by ${doors.join(" and ")}` : "";
}

/** One path: what the factors are called, what they are, and their numbers. */
function product({ names, mathml, numbers, contribution }) {
  const one = names.length === 1;
  return lines([
    ["", "", dotted(names.map(fraction))],
    ["", "=", dotted(mathml.map((text) => grouped(inner(text), one)))],
    ["", "=", ...(one ? [] : [dotted(numbers.map((v) => bracketed(v))), "="]), short(contribution)],
  ]);
}

/** `∂f/∂x` as a fraction. */
function fraction(text) {
  const [over, under] = text.split("/");
  return frac(partial(over), partial(under));
}

function partial(text) {
  return row("∂", called(text.replace("∂", "")));
}

/** What something is called: a letter, one with a number below, or an expression as it is. */
function called(text) {
  if (/^[a-z]\d+$/.test(text)) return sub(text[0], text.slice(1));
  return /^[\p{L}\p{M}\d_[\]. ]+$/u.test(text) ? row(text) : words(text);
}

/** Factors with a point between them. */
function dotted(factors) {
  return row(...factors.flatMap((factor, i) => (i ? ["·", factor] : [factor])));
}

/** Brackets around what is not one thing, where it is a factor of several. */
function grouped(content, alone) {
  const signs = [...content.children].filter((child) => child.localName === "mo");
  const sum = signs.some((sign) => "+−-".includes(sign.textContent));
  return sum && !alone ? row("(", content, ")") : content;
}

/** The number of a factor; below 0 it stands in brackets. */
function bracketed(value) {
  const text = short(value);
  return text.startsWith?.("−") ? row("(", text, ")") : text;
}

/** The content of a formula, without the element around it. */
function inner(text) {
  return row(...parse(text).childNodes);
}

/** A number, or for an array what is in it. */
function short(value) {
  if (value === null) return "?";
  if (typeof value === "object") return words(Array.isArray(value) ? list(value) : `${value.size} numbers`);
  return number(value, 5);
}

function list(values) {
  return `[${values.map((v) => (Array.isArray(v) ? list(v) : number(v))).join(", ")}]`;
}

/** The sum over the paths, the gradient of the tape, and a finite difference. */
function agreement({ path_count: count, sum_of_paths: sum, gradient, finite_difference: difference }) {
  const rows = [
    [count === 1 ? "this product" : `the sum of the ${count} paths`, sum],
    ["the tape's gradient", gradient], ["a finite difference", difference],
  ];
  return h("dl", { class: "agree" }, ...rows.flatMap(([what, value]) =>
    [h("dt", {}, what), h("dd", {}, typeof value === "object" && value ? list([value].flat()) : number(value, 8))]));
}
