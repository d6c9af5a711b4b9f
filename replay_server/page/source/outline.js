/** What is known of an episode before any of its steps is decoded: one form, whichever source it comes from. */

import { readSchema } from "../decode/columns.js";
import { ChunkTable } from "./chunk_table.js";

/**
 * @typedef {object} Outline
 * @property {string} runId
 * @property {number} episodeId
 * @property {boolean} live steps may still follow
 * @property {object} metadata fields of `EpisodeMetadata`
 * @property {string[]} reasons why the episode was kept
 * @property {{name: string, cell: number[], number: number}[]} affordances `number` chooses their look
 * @property {{type: string, position_dim: number, width: ?number, height: ?number}} substrate
 * @property {boolean} hasIntrinsic whether there is intrinsic reward
 * @property {{low: number[], high: number[]}} bounds of the board, along each axis
 * @property {string[]} meterNames
 * @property {[number, number][]} meterRanges from where to where each meter reaches
 * @property {boolean[]} meterLevels whether each meter can be low
 * @property {string[]} actionNames
 * @property {object[]} schema
 * @property {ChunkTable} table
 * @property {{firstStep: number, endStep: ?number, reason: string}[]} gaps in step numbers
 * @property {{index: number, kind: string, label: string}[]} markers
 * @property {[number, number][]} dull in indexes, the end excluded
 * @property {{stride: number, index: number[], cumulative_reward: number[], meters: number[][]}} overview
 */

/** @returns {Outline} from an `opened` message, or from the same map in an HTML file. */
export function outlineOfMessage(message) {
  const table = new ChunkTable();
  extendTable(table, message.chunks);
  const outline = {
    runId: message.run_id,
    episodeId: message.episode_id,
    live: message.live,
    metadata: message.metadata,
    reasons: message.reasons,
    schema: readSchema(message.schema),
    table,
  };
  retell(outline, message);
  return outline;
}

/** The whole outline anew, as the end of a live episode tells it. */
export function retell(outline, told) {
  const numbers = told.affordance_numbers;
  outline.affordances = Object.entries(told.affordances).map(([name, cell]) => ({ name, cell, number: numbers[name] }));
  outline.meterNames = told.meter_names;
  outline.actionNames = told.action_names;
  outline.substrate = told.substrate;
  outline.gaps = [];
  outline.markers = [];
  outline.dull = [];
  outline.overview = { stride: 1, index: [], cumulative_reward: [], meters: told.meter_names.map(() => []) };
  grow(outline, told);
}

/** Take in what further steps changed, as `grown` messages tell it. */
export function grow(outline, told) {
  outline.gaps.push(...told.gaps.map(([firstStep, endStep, reason]) => ({ firstStep, endStep, reason })));
  outline.markers.push(...told.markers);
  for (const span of told.dull) {
    if (outline.dull.at(-1)?.[0] === span[0]) outline.dull.pop();
    outline.dull.push(span);
  }
  outline.hasIntrinsic = told.has_intrinsic;
  outline.bounds = told.bounds;
  outline.meterRanges = told.meter_ranges;
  outline.meterLevels = told.meter_levels;
  outline.overview = joined(outline.overview, told.overview);
}

/** Append rows `[first_step, n_steps, n_bytes, reward_before, intrinsic_before]` of the protocol. */
export function extendTable(table, rows) {
  for (const [firstStep, nSteps, , rewardBefore, intrinsicBefore] of rows)
    table.add(firstStep, nSteps, rewardBefore, intrinsicBefore);
}

/** Samples and those that follow; the ones that the new stride leaves out go. */
function joined(before, after) {
  const stays = before.index.map((index) => index % after.stride === 0);
  const join = (samples, more) => [...samples.filter((_, sample) => stays[sample]), ...more];
  return {
    stride: after.stride,
    index: join(before.index, after.index),
    cumulative_reward: join(before.cumulative_reward, after.cumulative_reward),
    meters: before.meters.map((samples, meter) => join(samples, after.meters[meter])),
  };
}
