/** Network: one question after another, as all of them are about one run. */

export class Asking {
  #queue = Promise.resolve();
  #ended = false;

  /**
   * @param {import("lab/app.js").Lab} lab
   * @param {(frame: import("lab/wire.js").Frame) => void} draw
   * @param {(error: Error) => void} fail
   */
  constructor(lab, draw, fail) {
    Object.assign(this, { lab, draw, fail });
  }

  /**
   * Ask when all earlier questions are answered, and draw the answer.
   * @param {object | (() => object)} message or what makes it when its turn has come
   * @returns {Promise<import("lab/wire.js").Frame | null>} null where there is no answer
   */
  ask(message) {
    this.#queue = this.#queue.then(() => this.#one(message));
    return this.#queue;
  }

  async #one(message) {
    if (this.#ended) return null;
    const since = performance.now();
    try {
      const [frame] = await this.lab.ask(typeof message === "function" ? message() : message);
      if (this.#ended) return null;
      this.draw(frame);
      this.lab.timed(performance.now() - since);
      return frame;
    } catch (error) {
      if (!this.#ended) this.fail(error);
      return null;
    }
  }

  /** Return a function that asks for its newest value only. */
  newest(type, name) {
    let waiting = null;
    return (value) => {
      const first = waiting === null;
      waiting = { value };
      if (first) this.ask(() => {
        const { value: newest } = waiting;
        waiting = null;
        return { type, [name]: newest };
      });
    };
  }

  /** Nothing that is answered from now on is drawn. */
  end() {
    this.#ended = true;
  }
}
