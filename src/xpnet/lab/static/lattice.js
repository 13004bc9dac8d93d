/** A map in numbers: a few of its places, as a table. */

import { number } from "lab/math.js";

const MOST = 7; // places, each way

/**
 * Return what `numbers` of lab/ui.js shows for the values of a map.
 * @param {{caption: string, names: [string, string], data: ArrayLike<number>, rows: number,
 *   columns: number, bounds: [number, number, number, number]}} map
 *   row 0 is at the bottom; the bounds are left, right, bottom, top
 */
export function lattice({ caption, names: [x, y], data, rows, columns, bounds }) {
  const [left, right, bottom, top] = bounds;
  const across = places(columns);
  const at = (low, high, i, count) => number(low + ((high - low) * i) / (count - 1), 3);
  return {
    caption,
    columns: [`${y} \\ ${x}`, ...across.map((i) => at(left, right, i, columns))],
    rows: places(rows).reverse().map((j) => [
      at(bottom, top, j, rows), ...across.map((i) => data[j * columns + i]),
    ]),
  };
}

/** Places among so many, the first and the last too. */
function places(count) {
  const most = Math.min(MOST, count);
  return Array.from({ length: most }, (_, k) => Math.round((k * (count - 1)) / (most - 1)));
}
