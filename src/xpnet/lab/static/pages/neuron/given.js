/** Neuron: what is given, in the address and at first. */

import { areExamples } from "lab/pages/neuron/examples.js";

export const ACTIVATIONS = ["sigmoid", "tanh", "ReLU", "identity"];
export const LOSSES = ["logistic cost", "squared error"];

const WEIGHTS = [0.5, -0.3];
const BIAS = 0.1;
const RATE = 0.5;
const EXAMPLES = [[2, -1, 1], [1, 1, 0], [-1.5, 0.5, 0], [0.5, -2, 1]];

/**
 * A neuron and its examples, each with its target at the end.
 * @typedef {{weights: number[], bias: number, activation: string, loss: string,
 *   examples: number[][], chosen: number, lr: number}} Given
 */

/**
 * Read what the address says; what is wrong in it is as if it were not there.
 * @param {import("lab/state.js").State} state
 * @returns {Given}
 */
export function read(state) {
  const weights = list(state.get("w")) ?? [...WEIGHTS];
  if (weights.length !== 3) weights.length = 2;
  const rows = state.get("examples").split(";").map(list);
  const examples = areExamples(rows, weights.length) ? rows : EXAMPLES.map((row) => fitted(row, weights.length));
  return {
    weights,
    bias: state.number("b", BIAS),
    activation: oneOf(ACTIVATIONS, state.get("activation")),
    loss: oneOf(LOSSES, state.get("loss")),
    examples,
    chosen: Math.min(Math.max(0, Math.round(state.number("example", 0))), examples.length - 1),
    lr: state.number("lr", RATE),
  };
}

/** Return what the address says of it. @param {Given} given */
export function written({ weights, bias, activation, loss, examples, chosen, lr }) {
  const rows = examples.map((row) => row.join(",")).join(";");
  return { w: weights.join(","), b: bias, activation, loss, lr, example: chosen, examples: rows };
}

/** Return an example with as many inputs as there are weights. */
export function fitted(example, count) {
  const inputs = Array.from({ length: count }, (_, i) => (i < example.length - 1 ? example[i] : 1));
  return [...inputs, example.at(-1)];
}

/**
 * Take formulas; the logistic cost goes with a sigmoid and targets from 0 to 1.
 * @param {Given} given
 * @param {{activation?: string, loss?: string}} chosen
 * @returns {string} what else had to change
 */
export function take(given, chosen) {
  Object.assign(given, chosen);
  let said = "";
  if (chosen.activation && given.loss === "logistic cost" && given.activation !== "sigmoid") {
    given.loss = "squared error";
    said = "The logistic cost needs a sigmoid, so the loss is now the squared error.";
  }
  if (chosen.loss === "logistic cost" && given.activation !== "sigmoid") {
    given.activation = "sigmoid";
    said = "The logistic cost needs a probability, so the activation is now the sigmoid.";
  }
  if (given.loss === "logistic cost")
    for (const example of given.examples) example.push(Math.min(1, Math.max(0, example.pop())));
  return said;
}

/** Return numbers written as 1,-2,0.5; null where one is none. */
function list(text) {
  const values = text.split(",").map(Number);
  return text && values.every(Number.isFinite) ? values : null;
}

/** Return a word of the address if it is one of a few, else the first of them. */
function oneOf(names, name) {
  return names.includes(name) ? name : names[0];
}
