/** Formulas in MathML, which browsers set by themselves, and how numbers are written. */

const SPACE = "http://www.w3.org/1998/Math/MathML";
const KNOWN = new Set(
  ("math mrow mi mn mo ms mtext mspace mfrac msqrt mroot mstyle msub msup msubsup " +
    "munder mover munderover mtable mtr mtd mpadded mphantom").split(" "),
);
const ATTRIBUTES = new Set(
  "display form mathvariant stretchy fence separator lspace rspace accent class width displaystyle scriptlevel".split(" "),
);

const INDEXED = /^[a-z]\d+$/; // such as w1

/** Make a MathML element; words and numbers among the children become mi and mn. */
export function element(name, ...children) {
  const out = document.createElementNS(SPACE, name);
  out.append(...children.map(child));
  return out;
}

function child(what) {
  if (what instanceof Node) return what;
  const text = typeof what === "number" ? number(what) : String(what);
  if (!text) return document.createElementNS(SPACE, "mrow");
  const name = /^[−-]?[\d.∞]/.test(text) ? "mn" : /^[^\p{L}\p{N}]+$/u.test(text) ? "mo" : "mi";
  const out = document.createElementNS(SPACE, name);
  out.textContent = text;
  return out;
}

/** A fraction. */
export const frac = (top, bottom) => element("mfrac", child(top), child(bottom));
/** Something with an exponent. */
export const sup = (base, power) => element("msup", child(base), child(power));
/** Something with an index. */
export const sub = (base, index) => element("msub", child(base), child(index));
/** Several things in a row: strings of signs are operators, other words are names. */
export const row = (...things) => element("mrow", ...things);
/** Words inside a formula. */
export function words(text) {
  const out = document.createElementNS(SPACE, "mtext");
  out.textContent = text;
  return out;
}
/** A derivative: d above, or ∂ where there are other variables. */
export const derivative = (of, by, sign = "d") => frac(row(sign, of), row(sign, by));

/** A whole formula. `block` gives it a line of its own. */
export function math(things, { block = false } = {}) {
  const out = element("math", ...[things].flat());
  if (block) out.setAttribute("display", "block");
  return out;
}

/**
 * Take MathML that the library wrote; what is not MathML is left out.
 * @param {string} text
 * @param {{block?: boolean}} [options]
 * @returns {Element}
 */
export function parse(text, options) {
  const source = /^\s*<math[\s>]/.test(text) ? text : `<math>${text}</math>`;
  const tree = new DOMParser().parseFromString(named(source), "application/xml");
  if (tree.querySelector("parsererror")) return math(words(text), options);
  const out = math(copies(tree.documentElement), options);
  return out;
}

/** A formula of several lines, in columns: what, the sign of equality, and the rest. */
export function lines(rows) {
  return math(element("mtable", ...rows.map(([what, sign, ...rest]) =>
    element("mtr", ...[row(what), row(sign), row(...rest)].map((cell) => element("mtd", cell))))));
}

/**
 * What something is, in names, in numbers, and what that makes: a line for each.
 * @param {{name: string, mathml: string, numbers: string, value: number}} quantity
 */
export function equation({ name, mathml, numbers, value }) {
  const sides = [mathml, numbers].map((text) => row(...parse(text).childNodes));
  return lines([...sides, number(value, 6)].map((side, i) => [i ? "" : name, "=", side]));
}

/** Say which language the elements are of, where the text does not. */
function named(text) {
  return text.includes("xmlns") ? text : text.replace("<math", `<math xmlns="${SPACE}"`);
}

/** Copy the children that are known, with the attributes that are known. */
function copies(from) {
  const out = [];
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) out.push(document.createTextNode(node.data));
    if (node.nodeType !== Node.ELEMENT_NODE || !KNOWN.has(node.localName)) continue;
    if (node.localName === "mi" && INDEXED.test(node.textContent)) {
      out.push(sub(node.textContent[0], node.textContent.slice(1)));
      continue;
    }
    const copy = document.createElementNS(SPACE, node.localName);
    for (const { name, value } of node.attributes)
      if (ATTRIBUTES.has(name)) copy.setAttribute(name, value);
    copy.append(...copies(node));
    out.push(copy);
  }
  return out;
}

/**
 * Write a number with so many significant digits, just as the library does in its texts:
 * `−0.25`, `2.5×10⁻⁹`; zeros at the end stay only where the number was rounded.
 * @param {number | string | null} value "NaN" and the like are how JSON says them
 * @param {number} [digits]
 */
export function number(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  const v = Number(value);
  if (Number.isNaN(v)) return "NaN";
  if (!Number.isFinite(v)) return v > 0 ? "infinity" : "−infinity";
  return real(v, digits).replace("-", "−");
}

/** Write a finite number, with a hyphen for its sign. */
function real(value, digits) {
  const size = Math.abs(value);
  if (size < 1e7 && Number.isInteger(value)) return String(value || 0);
  if (size >= 1e-4 && size < 1e7) {
    const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
    return shortened(value.toFixed(decimals), value);
  }
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const power = Number(exponent);
  return `${shortened(mantissa, value / 10 ** power)}×10${raised(power)}`;
}

/** Drop zeros at the end where they say nothing but that the number is exact. */
function shortened(text, value) {
  const exact = Math.abs(Number(text) - value) <= 1.2e-7 * Math.abs(value);
  return exact && text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Write a letter and a number, such as w1, with the number below the line. */
export function indexed(name) {
  return !INDEXED.test(name) ? name : name.replace(/\d/g, (d) => "₀₁₂₃₄₅₆₇₈₉"[d]);
}

/** Write an exponent above the line. */
export function raised(power) {
  return String(power).replace("-", "⁻").replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]);
}
