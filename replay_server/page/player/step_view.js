/** One step as the views need it, read from a decoded chunk. */

/** @import { Chunk } from "../decode/chunk.js" */

/**
 * @typedef {object} StepView
 * @property {number} index place among the recorded steps
 * @property {number} number place in the episode as it was played
 * @property {?ArrayLike<number>} position
 * @property {?ArrayLike<number>} meters
 * @property {?number} action null for an action with several components, which are in `actionVector`
 * @property {?ArrayLike<number>} actionVector
 * @property {?number} reward
 * @property {number} returnSoFar the return up to and including this step
 * @property {number} rewardSoFar its two parts, the intrinsic one without its weight
 * @property {number} intrinsicSoFar
 * @property {?number} intrinsicReward
 * @property {?ArrayLike<number>} qValues
 * @property {?ArrayLike<number>} masks
 * @property {?number} timeOfDay
 * @property {?number} progress of an interaction, 0 to 1
 * @property {?number} epsilon
 * @property {string} end `terminated`, `truncated`, `done` or nothing
 * @property {boolean} isBesideGap steps are missing right after this one
 * @property {[string, ArrayLike<number>][]} extras
 */

/** Longer extras are observations, which nobody reads as numbers. */
const LONGEST_EXTRA = 8;

/** @typedef {{reward: Float64Array, intrinsic: Float64Array}} RewardSums */

/** @type {WeakMap<Chunk, RewardSums>} */
const rewardSums = new WeakMap();

/**
 * Read one step.
 *
 * @param {import("../source/episode_store.js").EpisodeStore} store
 * @param {number} index
 * @returns {?StepView} null if its chunk is not loaded
 */
export function readStep(store, index) {
  const chunk = store.nSteps ? store.chunkAt(index) : null;
  if (!chunk) return null;
  const { table } = store;
  const { firstIndex, rewardBefore, intrinsicBefore } = table.chunks[table.positionOf(index)];
  const offset = index - firstIndex;
  const action = chunk.row("action", offset);
  const isOneAction = chunk.column("action")?.shape.length === 0;
  const number = chunk.firstStep + offset;
  const weight = store.opened.metadata.intrinsic_weight;
  const sums = rewardSumsOf(chunk);
  const rewardSoFar = rewardBefore + sums.reward[offset];
  const intrinsicSoFar = intrinsicBefore + sums.intrinsic[offset];
  return {
    index,
    number,
    position: chunk.row("position", offset),
    meters: chunk.row("meters", offset),
    action: action && isOneAction ? action[0] : null,
    actionVector: action && !isOneAction ? action : null,
    reward: chunk.scalar("reward", offset),
    returnSoFar: weight ? rewardSoFar + weight * intrinsicSoFar : rewardSoFar,
    rewardSoFar,
    intrinsicSoFar,
    intrinsicReward: chunk.scalar("intrinsic_reward", offset),
    qValues: chunk.row("q_values", offset),
    masks: chunk.row("action_masks", offset),
    timeOfDay: chunk.scalar("time_of_day", offset),
    progress: chunk.scalar("interaction_progress", offset),
    epsilon: chunk.scalar("epsilon", offset),
    end: ["terminated", "truncated", "done"].find((name) => chunk.scalar(name, offset)) ?? "",
    isBesideGap: store.opened.gaps.some(({ firstStep }) => firstStep === number + 1),
    extras: extrasOf(chunk, offset),
  };
}

/**
 * Positions of the previous steps, oldest first, as far as they are loaded.
 *
 * @param {import("../source/episode_store.js").EpisodeStore} store
 * @param {number} index
 * @param {number} nSteps
 */
export function readTrail(store, index, nSteps) {
  /** @type {ArrayLike<number>[]} */
  const positions = [];
  for (let before = index - 1; before >= 0 && positions.length < nSteps; before--) {
    const chunk = store.chunkAt(before);
    if (!chunk) break;
    const { firstIndex } = store.table.chunks[store.table.positionOf(before)];
    const position = chunk.row("position", before - firstIndex);
    if (!position?.length) break;
    positions.push(position);
  }
  return positions.reverse();
}

/**
 * Sums of the chunk's rewards up to and including each step.
 *
 * @param {Chunk} chunk
 */
function rewardSumsOf(chunk) {
  let sums = rewardSums.get(chunk);
  if (!sums) {
    sums = { reward: sumsOf(chunk, "reward"), intrinsic: sumsOf(chunk, "intrinsic_reward") };
    rewardSums.set(chunk, sums);
  }
  return sums;
}

/**
 * @param {Chunk} chunk
 * @param {string} column
 */
function sumsOf(chunk, column) {
  const sums = new Float64Array(chunk.nSteps);
  let sum = 0;
  for (let offset = 0; offset < chunk.nSteps; offset++) {
    const value = chunk.scalar(column, offset) ?? 0;
    sum += Number.isFinite(value) ? value : 0;
    sums[offset] = sum;
  }
  return sums;
}

/**
 * @param {Chunk} chunk
 * @param {number} offset
 */
function extrasOf(chunk, offset) {
  /** @type {StepView["extras"]} */
  const extras = [];
  for (const name of chunk.names) {
    if (!name.startsWith("extras.")) continue;
    const values = chunk.width(name) <= LONGEST_EXTRA ? chunk.row(name, offset) : null;
    if (values) extras.push([name.slice("extras.".length), values]);
  }
  return extras;
}
