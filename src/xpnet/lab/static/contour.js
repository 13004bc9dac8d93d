/** Lines of equal height through a grid of numbers. */

/** Return `count` heights inside a range; with gamma < 1 they lie closer at its bottom. */
export function levels([low, high], count, gamma = 1) {
  return Array.from({ length: count }, (_, i) => low + (high - low) * ((i + 0.5) / count) ** (1 / gamma));
}

/**
 * Return the gamma that gives half of the places the lower half of the colours.
 * @param {ArrayLike<number>} data
 * @returns {{range: [number, number], gamma: number}}
 */
export function balance(data) {
  const known = Array.from(data).filter(Number.isFinite).sort((a, b) => a - b);
  const [low, high] = [known[0], known[Math.round(0.99 * (known.length - 1))]];
  const middle = (known[known.length >> 1] - low) / (high - low || 1);
  const gamma = middle > 0 && middle < 1 ? Math.log(0.5) / Math.log(middle) : 1;
  return { range: [low, high], gamma: Math.min(1, Math.max(0.15, gamma)) };
}

/**
 * Yield the pieces of a level's lines as [x0, y0, x1, y1], counted in columns and rows.
 *
 * Each cell of the grid is cut where its edges cross the level (marching squares).
 */
export function* segments(data, rows, columns, level) {
  for (let r = 0; r + 1 < rows; r++)
    for (let c = 0; c + 1 < columns; c++) {
      const at = r * columns + c;
      const a = data[at] - level;
      const b = data[at + 1] - level;
      const d = data[at + columns] - level;
      const e = data[at + columns + 1] - level;
      const cuts = [];
      if (a < 0 !== b < 0) cuts.push(c + a / (a - b), r);
      if (b < 0 !== e < 0) cuts.push(c + 1, r + b / (b - e));
      if (d < 0 !== e < 0) cuts.push(c + d / (d - e), r + 1);
      if (a < 0 !== d < 0) cuts.push(c, r + a / (a - d));
      for (let i = 0; i + 3 < cuts.length; i += 4) yield cuts.slice(i, i + 4);
    }
}
