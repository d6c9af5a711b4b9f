/** One step as the views need it, read from a decoded chunk. */

import { AGENTS_PREFIX, agentReturn, agentRow, isPresent } from "./agent_row.js";

/** @import { Chunk } from "../decode/chunk.js" */
/** @import { Agent } from "../source/messages.js" */

/**
 * @typedef {object} StepView
 * @property {number} index place among the recorded steps
 * @property {number} number place in the episode as it was played
 * @property {?ArrayLike<number>} position
 * @property {?ArrayLike<number>} meters
 * @property {?number} action null for an action with several components, which are in `actionVector`
 * @property {?ArrayLike<number>} actionVector
 * @property {?number} reward
 * @property {?number} returnSoFar the return up to and including this step
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
 * @param {?Agent} agent one of several; nothing of it in steps in which it takes no part
 * @returns {?StepView} null if its chunk is not loaded
 */
export function readStep(store, index, agent = null) {
  const chunk = store.nSteps ? store.chunkAt(index) : null;
  if (!chunk) return null;
  const { table } = store;
  const { firstIndex, rewardBefore, intrinsicBefore } = table.chunks[table.positionOf(index)];
  const offset = index - firstIndex;
  const isThere = !agent || isPresent(chunk, agent, offset);
  const row = (/** @type {string} */ name) =>
    !agent ? chunk.row(name, offset) : isThere ? agentRow(chunk, agent, name, offset) : null;
  const scalar = (/** @type {string} */ name) => row(name)?.[0] ?? null;
  const action = row("action");
  const isOneAction = agent ? action?.length === 1 : chunk.column("action")?.shape.length === 0;
  const number = chunk.firstStep + offset;
  const weight = store.opened.metadata.intrinsic_weight;
  const sums = rewardSumsOf(chunk);
  const rewardSoFar = rewardBefore + sums.reward[offset];
  const intrinsicSoFar = intrinsicBefore + sums.intrinsic[offset];
  return {
    index,
    number,
    position: row("position"),
    meters: row("meters"),
    action: action && isOneAction ? action[0] : null,
    actionVector: action && !isOneAction ? action : null,
    reward: scalar("reward"),
    returnSoFar: agent
      ? agentReturn(store, agent, index)
      : weight
        ? rewardSoFar + weight * intrinsicSoFar
        : rewardSoFar,
    rewardSoFar,
    intrinsicSoFar,
    intrinsicReward: scalar("intrinsic_reward"),
    qValues: row("q_values"),
    masks: row("action_masks"),
    timeOfDay: chunk.scalar("time_of_day", offset),
    progress: scalar("interaction_progress"),
    epsilon: chunk.scalar("epsilon", offset),
    end: ["terminated", "truncated", "done"].find(scalar) ?? "",
    isBesideGap: store.opened.gaps.some(({ firstStep }) => firstStep === number + 1),
    extras: extrasOf(chunk, offset, isThere ? agent : null),
  };
}

/**
 * Positions of the previous steps, oldest first, as far as they are loaded.
 *
 * @param {import("../source/episode_store.js").EpisodeStore} store
 * @param {number} index
 * @param {number} nSteps
 * @param {?Agent} agent
 */
export function readTrail(store, index, nSteps, agent = null) {
  /** @type {ArrayLike<number>[]} */
  const positions = [];
  for (let before = index - 1; before >= 0 && positions.length < nSteps; before--) {
    const chunk = store.chunkAt(before);
    if (!chunk) break;
    const { firstIndex } = store.table.chunks[store.table.positionOf(before)];
    const offset = before - firstIndex;
    const isThere = !agent || isPresent(chunk, agent, offset);
    const position = agent ? agentRow(chunk, agent, "position", offset) : chunk.row("position", offset);
    if (!position?.length || !isThere) break;
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
 * The extras of the episode, and those of an agent.
 *
 * @param {Chunk} chunk
 * @param {number} offset
 * @param {?Agent} agent
 */
function extrasOf(chunk, offset, agent) {
  /** @type {StepView["extras"]} */
  const extras = [];
  const own = agent ? `${AGENTS_PREFIX}${agent.group}.` : "";
  for (const name of chunk.names) {
    const isShared = name.startsWith(AGENTS_PREFIX);
    const field = !isShared ? name : agent && name.startsWith(own) ? name.slice(own.length) : "";
    if (!field.startsWith("extras.") || (!isShared && chunk.width(name) > LONGEST_EXTRA)) continue;
    const values = isShared && agent ? agentRow(chunk, agent, field, offset) : chunk.row(name, offset);
    if (values && values.length <= LONGEST_EXTRA) extras.push([field.slice("extras.".length), values]);
  }
  return extras;
}
