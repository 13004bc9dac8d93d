/** Neuron: its formulas, with symbols and then with numbers. */

import { derivative, element, frac, lines, number, row, sub, sup, words } from "lab/math.js";

const BENDS = { sigmoid: "σ", tanh: "tanh", ReLU: "ReLU", identity: "" };

/**
 * Return the formulas of the chosen example: the sum, the activation, the loss, the cost.
 * @param {import("lab/wire.js").Frame} frame
 */
export function formulas({ given, names, pulls, cost }) {
  const pull = pulls[given.chosen];
  const all = given.examples.length;
  const about = (inner) => (BENDS[given.activation] ? row(BENDS[given.activation], "(", inner, ")") : row(inner));
  return lines([
    ["z", "=", ...sum(given, names), "=", number(pull.z)],
    ["a", "=", about("z"), "=", about(number(pull.z)), "=", number(pull.a)],
    ["L", "=", ...loss(given, pull), "=", number(pull.loss)],
    [words("cost"), "=", frac(1, all), element("msubsup", row("∑"), row("i", "=", 1), row(all)), sub("L", "i"), "=", number(cost)],
  ]);
}

/** The weighted sum, with names and with numbers. */
function sum({ weights, bias, examples, chosen }, names) {
  const plus = (things) => things.flatMap((thing, i) => (i ? ["+", ...thing] : thing));
  const inputs = names.slice(0, -1);
  return [
    ...plus([...inputs.map((name, i) => [symbol(name), sub("x", i + 1)]), ["b"]]), "=",
    ...plus([...weights.map((w, i) => [factor(w), "·", factor(examples[chosen][i])]), [factor(bias)]]),
  ];
}

/** The loss of the chosen example, with names and with numbers. */
function loss({ loss: name, examples, chosen }, { a }) {
  const y = examples[chosen].at(-1);
  const square = (target, output) => sup(row("(", output, "−", target, ")"), 2);
  if (name === "squared error") return [square("y", "a"), "=", square(factor(y), number(a))];
  return [
    "−", "(", "y", log("a"), "+", "(", 1, "−", "y", ")", log(1, "−", "a"), ")", "=",
    "−", "(", factor(y), log(number(a)), "+", factor(1 - y), log(number(1 - a)), ")",
  ];
}

/** A factor that is a logarithm. */
function log(...inside) {
  return row("·", "log", "(", ...inside, ")");
}

/**
 * Return the update of each parameter: `w₁ ← w₁ − learning rate · ∂cost/∂w₁`, then in numbers.
 * @param {import("lab/wire.js").Frame} frame
 */
export function updates({ given, update }) {
  return lines(update.map(({ name, old, gradient, new: after }) => [
    symbol(name), "←", symbol(name), "−", words("learning rate"), "·", derivative(words("cost"), symbol(name), "∂"),
    "=", number(old), "−", number(given.lr), "·", factor(gradient), "=", number(after),
  ]));
}

/** `w1` with its number below the line. */
function symbol(name) {
  return name.length > 1 ? sub(name[0], name.slice(1)) : row(name);
}

/** A number as a factor: below 0 it stands in brackets. */
function factor(value) {
  return Number(value) < 0 ? row("(", number(value), ")") : row(number(value));
}
