/** Network: what its pictures show, in words and in tables. */

import { indexed, number } from "lab/math.js";

/** What a feature is called. */
export const feature = (index) => indexed(`x${index + 1}`);

/** Where the run is, and how good the network is there. */
export function place({ step, loss, accuracy }) {
  const right = accuracy === null ? "" : `, ${number(100 * accuracy, 3)} % right`;
  return `Step ${step}: the loss of all examples is ${number(loss)}${right}.`;
}

/** The map over two features. */
export function plane(frame) {
  return frame.bounds ? `A map of ${said(frame)} over ${frame.axes.map(feature).join(" and ")}, with the examples. ${place(frame)}` : "";
}

/** What the network says of an example. */
export function said({ task, classes }) {
  return { binary: `the probability of ${classes[1]}`, classes: "how likely the likeliest class is", numbers: "the output" }[task];
}

/** What the drawn numbers belong to: one example, or all. */
export function example({ example: one, task, classes, examples, looked, bounds }) {
  if (!one) {
    const part = looked < examples ? `the first ${looked} of ${examples}` : `all ${examples}`;
    return `Units show their mean over ${part} examples; gradients are those of the mean loss. ` +
      `${bounds ? "Click a point, or move" : "Move"} the slider, to see one example alone.`;
  }
  const shown = one.prediction.map((p) => number(p, 3)).join(", ");
  const name = task === "numbers" ? [one.target].flat().map((v) => number(v)).join(", ") : classes[Number(one.target)];
  const what = {
    numbers: "the network gives", binary: `the network gives ${classes[1]} the probability`,
    classes: "the network gives the classes the probabilities",
  }[task];
  return `Example ${one.index + 1} is ${name}; ${what} ${shown}. Its loss is ${number(one.loss)}.`;
}

/** The examples. */
export function points(frame, tensor, labels) {
  if (!frame || !tensor) return null;
  const { data, shape: [count, features] } = tensor;
  const names = Array.from({ length: features }, (_, k) => feature(k));
  const rows = Array.from({ length: count }, (_, n) => [
    String(n + 1), ...data.slice(n * features, (n + 1) * features), frame.classes[labels[n]] ?? labels[n],
  ]);
  return { caption: `The examples. ${place(frame)}`, columns: ["example", ...names, "target"], rows };
}

/** The losses, the newest first. */
export function curve(frame) {
  if (!frame) return null;
  const losses = frame.arrays["curve.loss"].data;
  const rows = Array.from(frame.arrays["curve.step"].data, (step, i) => [String(step), losses[i]]).reverse();
  return { caption: "The loss of each batch", columns: ["step", "loss"], rows };
}

/** The layers. */
export function layers(frame) {
  if (!frame) return null;
  return {
    caption: "Typical sizes (root of the mean square) over all examples",
    columns: ["layer", "kind", "gives", "numbers trained", "a value", "a weight", "a weight's gradient"],
    rows: frame.layers.map((l) => [
      l.name, l.kind, l.shape.join(" × "), l.parameters, Number(l.value),
      l.weight === null ? "" : Number(l.weight), l.gradient === null ? "" : Number(l.gradient),
    ]),
  };
}
