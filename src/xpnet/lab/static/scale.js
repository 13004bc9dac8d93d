/** From numbers to pixels and back, and where the ticks of an axis stand. */

import { raised } from "lab/math.js";

/**
 * A scale. @typedef {{to: (v: number) => number, from: (p: number) => number, ticks: {at: number, text: string}[]}} Scale
 */

/**
 * Return the scale that puts `range` on the pixels from `start` to `end`.
 * @param {[number, number]} range
 * @param {number} start
 * @param {number} end
 * @param {boolean} [log]
 * @returns {Scale}
 */
export function scale([low, high], start, end, log = false) {
  const f = log ? Math.log10 : (v) => v;
  const g = log ? (v) => 10 ** v : (v) => v;
  const slope = (end - start) / (f(high) - f(low) || 1);
  const count = Math.max(2, Math.abs(end - start) / 64);
  return {
    to: (v) => start + (f(v) - f(low)) * slope,
    from: (p) => g(f(low) + (p - start) / slope),
    ticks: log ? powers(low, high, count) : nice(low, high, count),
  };
}

/** Return about `count` ticks, two at the least, at multiples of 1, 2 or 5 times a power of ten. */
export function nice(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((m) => m * power >= rough * 0.999) * power;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    ticks.push({ at: i * step, text: plain(i * step, digits) });
  return ticks.length < 2 && count < 10 ? nice(low, high, 2 * count) : ticks;
}

/** Return the powers of ten between two numbers, about `count`; other numbers where they are near. */
function powers(low, high, count) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / count));
  const ticks = [];
  for (let p = Math.ceil(first / every) * every; p <= last; p += every)
    ticks.push({ at: 10 ** p, text: p === 0 ? "1" : p === 1 ? "10" : `10${raised(p)}` });
  return ticks.length < 2 ? nice(low, high, 3) : ticks;
}

/** Write a tick's number; very large and very small ones as powers. */
function plain(value, digits) {
  const size = Math.abs(value);
  const text = size && (size >= 1e6 || digits > 6) ? value.toPrecision(2) : value.toFixed(digits);
  return text.replace(/^-(0(\.0*)?)$/, "$1").replace("e-", "e−").replace(/^-/, "−");
}

/**
 * Return a range that holds the finite numbers among `values`, with some room.
 * @param {Iterable<number>} values
 * @param {number} [room] as a part of the width
 * @returns {[number, number]}
 */
export function extent(values, room = 0.06) {
  let [low, high] = [Infinity, -Infinity];
  for (const v of values)
    if (Number.isFinite(v)) [low, high] = [Math.min(low, v), Math.max(high, v)];
  if (low > high) return [-1, 1];
  const more = high > low ? (high - low) * room : Math.abs(low) * 0.1 || 1;
  return [low - more, high + more];
}

/**
 * Return a range that holds most of the values: a pole does not flatten the rest.
 * @param {ArrayLike<number>} values
 * @param {number[]} [also] values that must be in it
 * @returns {[number, number]}
 */
export function robust(values, also = []) {
  const known = Array.from(values).filter(Number.isFinite).sort((a, b) => a - b);
  if (!known.length) return extent(also);
  const at = (part) => known[Math.round(part * (known.length - 1))];
  const width = at(0.9) - at(0.1);
  const low = Math.max(known[0], at(0.1) - 1.5 * width);
  const high = Math.min(known.at(-1), at(0.9) + 1.5 * width);
  return extent([low, high, ...also.filter(Number.isFinite)]);
}
