/** The state of a page, kept in the address: `#slope?f=x**2&x=3`. */

/**
 * Read an address's fragment. A plus sign is one: it stands in formulas.
 * @param {string} hash
 * @returns {{page: string, values: Map<string, string>}}
 */
export function parse(hash) {
  const [page, query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  const values = new Map();
  for (const word of query.split("&").filter(Boolean)) {
    const [key, value = ""] = word.split(/=(.*)/s);
    values.set(decoded(key), decoded(value));
  }
  return { page, values };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that escapes nothing
  }
}

/** Write an address's fragment so that it can be read: `x**2+1/y` stays as it is. */
export function format(page, values) {
  const words = [...values].map(([key, value]) => `${key}=${escaped(value)}`);
  return `#${page}${words.length ? "?" + words.join("&") : ""}`;
}

function escaped(value) {
  return encodeURIComponent(value).replace(/%(2B|2F|3A|2C|3D)/g, decodeURIComponent);
}

/** What a page remembers in the address; small changes are written a little later. */
export class State {
  #timer = 0;
  #page;
  #values;

  constructor() {
    this.read();
  }

  /** Take the address as it is now. */
  read() {
    clearTimeout(this.#timer);
    const { page, values } = parse(location.hash);
    this.#page = page;
    this.#values = values;
  }

  /** The page's name. */
  get page() {
    return this.#page;
  }

  /** Return a word of the address. */
  get(name, otherwise = "") {
    return this.#values.get(name) ?? otherwise;
  }

  /** Return a number of the address, or `otherwise` where it is none. */
  number(name, otherwise) {
    const text = this.#values.get(name);
    const value = Number(text);
    return text === null || text === "" || !Number.isFinite(value) ? otherwise : value;
  }

  /**
   * Keep values. With `push` the step can be taken back with the browser's button.
   * @param {Object<string, string | number | null>} values null takes one out
   * @param {{push?: boolean}} options
   */
  set(values, { push = false } = {}) {
    clearTimeout(this.#timer);
    if (push) this.#write(false); // what stood here until now is what is gone back to
    for (const [key, value] of Object.entries(values))
      if (value === null) this.#values.delete(key);
      else this.#values.set(key, String(value));
    if (push) this.#write(true);
    else this.#timer = setTimeout(() => this.#write(false), 150);
  }

  /** Write now what is waiting to be written. */
  flush() {
    clearTimeout(this.#timer);
    this.#write(false);
  }

  #write(push) {
    const hash = format(this.#page, this.#values);
    if (hash === location.hash) return;
    history[push ? "pushState" : "replaceState"](null, "", hash);
  }
}
