/**
 * The wire: requests go out as JSON, answers come back as binary frames.
 *
 * One frame is a uint32 (little endian) with the length of a JSON header, the header,
 * zeros up to a multiple of 8, and the arrays that the header lists. Their offsets count
 * from the end of that padding.
 */

/**
 * An array of a frame. @typedef {{data: TypedArray, shape: number[]}} Tensor
 * A frame. @typedef {{page: string, type: string, id: number, arrays: Object<string, Tensor>}} Frame
 * A request. @typedef {{page: string, type: string}} Message
 */

const TYPES = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
};

/** A sentence from the other side, or about the connection. */
export class LabError extends Error {}

/**
 * Read one binary message.
 * @param {ArrayBuffer} buffer
 * @returns {Frame}
 */
export function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length));
  const header = JSON.parse(text);
  const base = Math.ceil((4 + length) / 8) * 8;
  const arrays = {};
  for (const { name, dtype, shape, offset } of header.arrays ?? []) {
    const size = shape.reduce((all, n) => all * n, 1);
    arrays[name] = { data: new TYPES[dtype](buffer, base + offset, size), shape };
  }
  return { ...header, arrays };
}

/** Answers from a running lab, over one WebSocket that comes back by itself. */
export class Live {
  #waiting = new Map();
  #next = 1;
  #pause = 250;
  #unsent = [];
  /** @type {WebSocket} */ #socket;

  /**
   * @param {string} url with the token
   * @param {(status: "open" | "lost" | "refused", sentence?: string) => void} onStatus
   */
  constructor(url, onStatus) {
    this.url = url;
    this.onStatus = onStatus;
    this.#connect();
  }

  /**
   * Ask, and wait for every frame of the answer.
   * @param {Message} message
   * @returns {Promise<Frame[]>}
   */
  ask(message) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, frames: [] });
      this.#send(JSON.stringify({ ...message, id }));
    });
  }

  #send(text) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
    else this.#unsent.push(text);
  }

  #connect() {
    this.#socket = new WebSocket(this.url);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => {
      this.#pause = 250;
      for (const text of this.#unsent.splice(0)) this.#socket.send(text);
      this.onStatus("open");
    };
    this.#socket.onmessage = (event) => this.#receive(decode(event.data));
    this.#socket.onclose = () => this.#lost();
  }

  #receive(frame) {
    const wait = this.#waiting.get(frame.id);
    if (!wait) return void (frame.type === "error" && this.onStatus("refused", frame.message));
    wait.frames.push(frame);
    if (frame.last === false) return;
    this.#waiting.delete(frame.id);
    if (frame.type === "error") wait.reject(new LabError(frame.message));
    else wait.resolve(wait.frames);
  }

  #lost() {
    this.#unsent.length = 0;
    for (const { reject } of this.#waiting.values())
      reject(new LabError("The lab does not answer: is its program still running?"));
    this.#waiting.clear();
    this.onStatus("lost");
    setTimeout(() => this.#connect(), this.#pause);
    this.#pause = Math.min(2 * this.#pause, 5000);
  }
}

/** Answers that were recorded: what an exported page has in place of a lab. */
export class Replay {
  #at = -1; // the last answer of a run: a run is gone through in its order

  /** @param {{message: Message, frames: string[], keep: string}[]} records */
  constructor(records) {
    this.records = records;
  }

  /** Ask; the recorded question that is nearest answers, a run's the next in order. */
  async ask(message) {
    const index = this.#find(message);
    const { frames, keep } = this.records[index];
    if (keep !== "last") this.#at = index;
    return frames.map((text) => decode(bytes(text)));
  }

  #find(message) {
    let [best, least, past] = [-1, Infinity, false];
    this.records.forEach((record, index) => {
      const far = distance(record.message, message);
      const gone = record.keep === "each" && index <= this.#at;
      if (gone && far < Infinity) past = true;
      if (!gone && far < least) [best, least] = [index, far];
    });
    if (best < 0) throw new LabError(past ? END : MISSING);
    return best;
  }
}

const END = "The recorded run ends here.";
const MISSING = "This answer was not recorded when the page was saved; run xpnet lab for it.";

/** Return how far two messages are apart: infinitely where a word differs. */
function distance(one, other) {
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  keys.delete("id");
  return sum([...keys], (key) => apart(one[key], other[key]));
}

/** Return how far two values are apart; numbers that are not small, by their ratio. */
function apart(a, b) {
  if (typeof a === "number" && typeof b === "number")
    return Math.abs(a - b) / (Math.abs(a) + Math.abs(b) + 0.01);
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length)
    return sum(a, (value, i) => apart(value, b[i]));
  return a === b ? 0 : Infinity;
}

const sum = (list, f) => list.reduce((all, each, i) => all + f(each, i), 0);

/** Return the bytes that base64 stands for. */
function bytes(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
}
