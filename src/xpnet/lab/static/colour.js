/** Colours: CSS variables for lines and text, tables of 256 colours for heat maps. */

const ANCHORS = {
  // Low is dark, high is light: told apart by lightness alone.
  viridis: [
    [68, 1, 84], [71, 39, 119], [62, 74, 137], [49, 104, 142], [38, 130, 142],
    [31, 158, 137], [53, 183, 121], [110, 206, 88], [181, 222, 43], [253, 231, 37],
  ],
  // A calm ground for lines that are drawn over it.
  ground: [
    [49, 90, 135], [86, 129, 170], [127, 165, 197], [167, 196, 217], [203, 219, 231],
    [229, 236, 241], [246, 248, 249],
  ],
  groundDark: [
    [10, 13, 18], [16, 24, 33], [23, 36, 49], [32, 50, 66], [42, 65, 84], [54, 81, 102],
    [69, 99, 121],
  ],
  // Two sides of a middle: blue below, orange above.
  sides: [
    [0, 90, 150], [61, 136, 187], [133, 184, 218], [205, 224, 237], [247, 246, 243],
    [250, 226, 193], [244, 190, 120], [230, 149, 44], [196, 108, 0],
  ],
  sidesDark: [
    [74, 163, 223], [55, 124, 173], [42, 88, 124], [32, 54, 75], [26, 28, 33],
    [64, 50, 28], [113, 78, 26], [165, 107, 22], [224, 145, 30],
  ],
};

/** @type {Map<string, Uint8ClampedArray>} */
const tables = new Map();

/**
 * Return 256 colours, three bytes each.
 * @param {string} name viridis, ground, groundDark, sides or sidesDark
 */
export function table(name) {
  if (!tables.has(name)) tables.set(name, between(ANCHORS[name]));
  return tables.get(name);
}

/** Return 256 colours on the straight lines between the anchors. */
function between(anchors) {
  const out = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (anchors.length - 1);
    const low = Math.min(Math.floor(at), anchors.length - 2);
    for (let c = 0; c < 3; c++)
      out[3 * i + c] = anchors[low][c] + (at - low) * (anchors[low + 1][c] - anchors[low][c]);
  }
  return out;
}

/** The colours of the page as it is now shown: light or dark. */
export class Theme {
  #known = new Map();
  #listeners = new Set();
  #probe = document.createElement("span");
  #system = matchMedia("(prefers-color-scheme: dark)");

  constructor() {
    this.#probe.hidden = true;
    document.body.append(this.#probe);
    this.#system.addEventListener("change", () => this.#changed());
  }

  /** Whether the page is dark. */
  get dark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : this.#system.matches;
  }

  /** Choose "light" or "dark"; "" follows the system. */
  choose(name) {
    if (name === "light" || name === "dark") document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
    this.#changed();
  }

  /** Return the colour that a CSS variable has now, such as `--blue`. */
  color(name) {
    if (!this.#known.has(name)) {
      this.#probe.style.color = `var(${name})`;
      this.#known.set(name, getComputedStyle(this.#probe).color);
    }
    return this.#known.get(name);
  }

  /** Call after each change; returns what stops that. */
  onChange(call) {
    this.#listeners.add(call);
    return () => this.#listeners.delete(call);
  }

  #changed() {
    this.#known.clear();
    for (const call of this.#listeners) call();
  }
}
