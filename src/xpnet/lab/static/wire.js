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
   * @param {(status: "open" | "lost") => void} onStatus
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
    if (!wait) return;
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
  /** @param {{message: Message, frames: string[]}[]} records */
  constructor(records) {
    this.records = records;
  }

  /** Ask; the nearest question that was recorded answers. */
  async ask(message) {
    const record = nearest(this.records, message);
    if (!record) throw new LabError("This answer was not recorded in the exported page.");
    return record.frames.map((text) => decode(bytes(text)));
  }
}

/** Return the record whose words are the message's and whose numbers are nearest. */
function nearest(records, message) {
  let best = null;
  let least = Infinity;
  for (const record of records) {
    const far = distance(record.message, message);
    if (far < least) [best, least] = [record, far];
  }
  return best;
}

/** Return how far two messages are apart: infinitely where a word differs. */
function distance(one, other) {
  let sum = 0;
  for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
    if (key === "id") continue;
    const [a, b] = [one[key], other[key]];
    if (typeof a === "number" && typeof b === "number")
      sum += Math.abs(a - b) / (Math.abs(a) + Math.abs(b) || 1);
    else if (JSON.stringify(a) !== JSON.stringify(b)) return Infinity;
  }
  return sum;
}

/** Return the bytes that base64 stands for. */
function bytes(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
}
