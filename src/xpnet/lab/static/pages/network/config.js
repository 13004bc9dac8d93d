/** Network: what can be chosen, in the address and in a request. */

const ACTIVATIONS = ["tanh", "ReLU", "leaky ReLU", "sigmoid", "GELU", "identity"];
const DATA = ["spirals", "moons", "circles", "xor", "blobs"];
const LOSSES = ["logistic cost", "squared error"];
const OPTIMIZERS = ["Adam", "AdamW", "RMSprop", "Adagrad", "SGD", "SGD with momentum"];

/** What each list offers, until the first answer says it. */
export const CHOICES = { data: DATA, activation: ACTIVATIONS, loss: LOSSES, optimizer: OPTIMIZERS };

/**
 * What was chosen. "" leaves the data, or their noise, to the lab.
 * @typedef {{data: string, points: number, noise: number | "", layers: string, activation: string,
 *   loss: string, optimizer: string, lr: number, batch: number, seed: number}} Config
 */

/**
 * Read what the address says; what is wrong in it is as if it were not there.
 * @param {import("lab/state.js").State} state
 * @returns {Config}
 */
export function read(state) {
  const oneOf = (names, name) => (names.includes(name) ? name : names[0]);
  const whole = (name, otherwise, low, high) => Math.round(within(state.number(name, otherwise), low, high));
  const data = state.get("data");
  return {
    data: ["own", ...DATA].includes(data) ? data : "",
    points: whole("points", 200, 10, 1000),
    noise: state.get("noise") && within(state.number("noise", 0), 0, 1),
    layers: units(state.get("layers", "8-8")) ? state.get("layers", "8-8") : "8-8",
    activation: oneOf(ACTIVATIONS, state.get("activation")),
    loss: oneOf(LOSSES, state.get("loss")),
    optimizer: oneOf(OPTIMIZERS, state.get("optimizer")),
    lr: within(state.number("lr", 0.03), 0, 100),
    batch: whole("batch", 32, 1, 1000),
    seed: whole("seed", 0, 0, 2 ** 31 - 1),
  };
}

/** Return the request that begins a run. @param {Config} config */
export function start({ layers, data, noise, ...rest }) {
  const message = { type: "start", ...rest, layers: units(layers) };
  if (data) message.data = data;
  if (noise !== "") message.noise = noise;
  return message;
}

/** Return the units of hidden layers in words such as 8-8; null where it is none of that. */
export function units(text) {
  const numbers = text.split(/[-,;\s]+/).filter(Boolean).map(Number);
  const good = numbers.length <= 4 && numbers.every((n) => Number.isInteger(n) && n >= 1 && n <= 64);
  return good ? numbers : null;
}

function within(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
