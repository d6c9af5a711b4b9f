/** Round numbers for axes and bins. Pure. */

import { isNumber } from "../shell/numbers.js";

/**
 * The smallest round step (1, 2 or 5 times a power of ten) that is not smaller than this.
 *
 * @param {number} rough
 */
export function roundStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power;
}

/**
 * Round values between two bounds, about `count` of them.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} count
 */
export function ticks(low, high, count) {
  const step = roundStep((high - low) / count);
  /** @type {number[]} */
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) found.push(exact(value));
  return found;
}

/**
 * Count values in about `count` bins of one round width.
 *
 * @param {(?number)[]} values NaN, null and infinities are ignored
 * @param {number} count
 * @returns {{edges: number[], counts: number[]}} a bin includes its lower edge, the last one both; empty if there are
 *   no values
 */
export function binned(values, count) {
  const finite = values.filter(isNumber);
  if (!finite.length) return { edges: [], counts: [] };
  const low = finite.reduce((least, value) => Math.min(least, value));
  const high = finite.reduce((most, value) => Math.max(most, value));
  const step = high > low ? roundStep((high - low) / count) : 1;
  const first = Math.floor(low / step);
  const nBins = Math.max(1, Math.ceil(high / step) - first);
  const edges = Array.from({ length: nBins + 1 }, (_, edge) => exact((first + edge) * step));
  return { edges, counts: countIn(edges, finite) };
}

/**
 * Count the values in each bin between two edges.
 *
 * @param {number[]} edges
 * @param {(?number)[]} values
 */
export function countIn(edges, values) {
  const counts = Array.from({ length: Math.max(0, edges.length - 1) }, () => 0);
  for (const value of values) {
    const bin = binOf(edges, value);
    if (bin >= 0) counts[bin]++;
  }
  return counts;
}

/**
 * The bin of a value, -1 if it is outside all.
 *
 * @param {number[]} edges
 * @param {?number} value
 */
export function binOf(edges, value) {
  const last = edges.length - 1;
  if (value === null || !(value >= edges[0] && value <= edges[last])) return -1;
  const near = Math.floor(((value - edges[0]) / (edges[last] - edges[0])) * last);
  const bin = Math.min(near, last - 1);
  if (value < edges[bin]) return bin - 1;
  return value >= edges[bin + 1] && bin + 1 < last ? bin + 1 : bin;
}

/**
 * Remove rounding errors of additions.
 *
 * @param {number} value
 */
const exact = (value) => Number(value.toPrecision(12));
