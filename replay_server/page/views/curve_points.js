/** The points of a learning curve: their mean, the stages, the point next to a pointer. Pure. */

import { isNumber } from "../shell/numbers.js";

/** @import { Curve } from "../source/api.js" */

/** Part of all points on each side of the mean. */
const MEAN_SHARE = 0.03;

/** How much nearer a recorded point counts, in CSS pixels, because it can be opened. */
const RECORDED_PIXELS = 10;

/** A point farther away than this is not meant. */
const FARTHEST_PIXELS = 60;

/**
 * The moving mean of a curve, without broken-off episodes, whose values are partial.
 *
 * @param {Curve} curve
 * @param {number} nEpisodes of the run; the curve may have only some of them
 * @returns {{mean: number[], nAveraged: number}} `nAveraged` episodes are averaged
 */
export function smoothed({ value, complete }, nEpisodes) {
  const reach = Math.max(1, Math.round(value.length * MEAN_SHARE));
  const whole = complete.some(Boolean) ? value.map((each, point) => (complete[point] ? each : null)) : value;
  const perPoint = Math.max(1, Math.round(nEpisodes / Math.max(1, value.length)));
  return { mean: movingMean(whole, reach), nAveraged: (2 * reach + 1) * perPoint };
}

/**
 * Mean of up to `2 * reach + 1` values around each; NaN and null are ignored.
 *
 * @param {(?number)[]} values
 * @param {number} reach
 */
export function movingMean(values, reach) {
  let sum = 0;
  let count = 0;
  /**
   * @param {number} index
   * @param {1|-1} sign
   */
  const add = (index, sign) => {
    const value = values[index];
    if (!isNumber(value)) return;
    sum += sign * value;
    count += sign;
  };
  for (let index = 0; index < Math.min(reach, values.length); index++) add(index, 1);
  return values.map((_, index) => {
    add(index + reach, 1);
    add(index - reach - 1, -1);
    return count ? sum / count : NaN;
  });
}

/**
 * Where each stage begins; empty if there is only one.
 *
 * @param {Curve} curve
 * @returns {{stage: number, episodeId: number}[]}
 */
export function stageStarts({ episode_id: ids, curriculum_stage: stages }) {
  /** @type {Map<number, number>} */
  const starts = new Map();
  stages.forEach((stage, point) => {
    if (stage !== null && !starts.has(stage)) starts.set(stage, ids[point]);
  });
  if (starts.size < 2) return [];
  return [...starts].map(([stage, episodeId]) => ({ stage, episodeId }));
}

/**
 * The point next to a place in both directions, -1 if there is none near it.
 *
 * @param {Curve} curve
 * @param {{x: number, y: number}} place in CSS pixels
 * @param {{x: (id: number) => number, y: (value: number) => number}} axes
 */
export function nearestPoint({ episode_id: ids, value, recorded }, place, axes) {
  let nearest = -1;
  let least = FARTHEST_PIXELS;
  ids.forEach((id, point) => {
    const height = value[point];
    const dx = axes.x(id) - place.x;
    if (!isNumber(height) || Math.abs(dx) > least + RECORDED_PIXELS) return;
    const distance = Math.hypot(dx, axes.y(height) - place.y) - (recorded[point] ? RECORDED_PIXELS : 0);
    if (distance < least) [nearest, least] = [point, distance];
  });
  return nearest;
}

/**
 * Lowest and highest finite value of some lists, with a margin.
 *
 * @param {(?number)[][]} lists
 * @returns {[number, number]}
 */
export function niceRange(lists) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of lists.flat()) if (isNumber(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (low > high) return [0, 1];
  if (low === high) return [low - 1, high + 1];
  const margin = (high - low) * 0.06;
  return [low - margin, high + margin];
}
