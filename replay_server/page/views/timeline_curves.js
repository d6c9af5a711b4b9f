/** The samples of the timeline's curves: of the whole episode, or each step of a small part. */

import { readStep } from "../player/step_view.js";

/** @import { EpisodeStore } from "../source/episode_store.js" */

/** @typedef {{index: number[], returns: (?number)[], meters: (?number)[][]}} Curves */

/** Steps that are drawn one by one at most. */
const MOST_STEPS = 2000;

/**
 * Get the curves between two indexes. If the samples are far apart there, each step counts; steps that are not loaded are
 * requested.
 *
 * @param {EpisodeStore} store
 * @param {[first: number, last: number]} part of the episode that is shown
 * @param {() => void} onLoaded called when more steps can be shown
 * @param {?import("../source/messages.js").Agent} agent whose meters are shown, of several
 * @returns {Curves}
 */
export function curvesOf(store, [first, last], onLoaded, agent = null) {
  const { overview } = store.opened;
  const whole = { index: overview.index, returns: overview.cumulative_reward, meters: overview.meters };
  if ((overview.stride === 1 && !agent) || last - first > MOST_STEPS) return whole;
  const missing = firstMissing(store, first, last);
  if (missing !== null) {
    store.load(missing).then(onLoaded, () => {});
    return whole;
  }
  /** @type {Curves} */
  const exact = { index: [], returns: [], meters: overview.meters.map(() => []) };
  for (let index = first; index <= last; index++) {
    const step = readStep(store, index);
    if (!step) continue;
    exact.index.push(index);
    exact.returns.push(step.returnSoFar);
    const { meters } = (agent && readStep(store, index, agent)) ?? step;
    exact.meters.forEach((values, meter) => values.push(meters?.[meter] ?? null));
  }
  return exact;
}

/**
 * @param {EpisodeStore} store
 * @param {number} first
 * @param {number} last
 */
function firstMissing(store, first, last) {
  const { table } = store;
  for (let position = table.positionOf(first); position <= table.positionOf(last); position++) {
    const index = Math.max(first, table.chunks[position].firstIndex);
    if (!store.chunkAt(index)) return index;
  }
  return null;
}
