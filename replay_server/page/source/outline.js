/** What is known of an episode before any of its steps is decoded: one form, whichever source it comes from. */

import { readSchema } from "../decode/columns.js";
import { ChunkTable } from "./chunk_table.js";

/** Meters and actions that get a name where the trainer gave none. */
const MAX_NAMED = 1024;

/**
 * @typedef {object} Outline
 * @property {string} runId
 * @property {number} episodeId
 * @property {boolean} live steps may still follow
 * @property {object} metadata fields of `EpisodeMetadata`
 * @property {string[]} reasons why the episode was kept
 * @property {{name: string, cell: number[]}[]} affordances
 * @property {{type: string, position_dim: number, width: ?number, height: ?number}} substrate
 * @property {string[]} meterNames
 * @property {string[]} actionNames
 * @property {object[]} schema
 * @property {ChunkTable} table
 * @property {{firstStep: number, endStep: ?number, reason: string}[]} gaps in step numbers
 * @property {{index: number, kind: string, label: string}[]} markers
 * @property {[number, number][]} dull in indexes, the end excluded
 * @property {?{index: number[], cumulative_reward: number[], meters: number[][]}} overview null when it must be found
 *   from the steps
 */

/** @returns {Outline} from the server's `opened` message. */
export function outlineOfMessage(message) {
  const table = new ChunkTable();
  extendTable(table, message.chunks);
  return {
    runId: message.run_id,
    episodeId: message.episode_id,
    live: message.live,
    metadata: message.metadata,
    reasons: message.reasons,
    affordances: affordanceList(message.affordances),
    substrate: message.substrate,
    meterNames: message.meter_names,
    actionNames: message.action_names,
    schema: readSchema(message.schema),
    table,
    gaps: gapsOf(message.gaps),
    markers: message.live ? [] : message.markers, // of a live episode they are found from the steps, as its curves are
    dull: message.dull,
    overview: message.live ? null : message.overview,
  };
}

/** @returns {Outline} from a file in memory, as `readEpisodeFile` reads it. */
export function outlineOfFile(file) {
  const table = new ChunkTable();
  for (const { firstStep, nSteps } of file.chunks) table.add(firstStep, nSteps);
  const { metadata, schema } = file;
  const width = (name) => schema.find((column) => column.name === name)?.nValues ?? 0;
  return {
    runId: metadata.run_id ?? "",
    episodeId: metadata.episode_id,
    live: false,
    metadata,
    reasons: file.reasons,
    affordances: affordanceList(file.affordances),
    substrate: substrateOf(metadata, width("position")),
    meterNames: namesFor(metadata.meter_names, width("meters"), "meter"),
    actionNames: namesFor(metadata.action_names, width("q_values"), "action"),
    schema,
    table,
    gaps: gapsOf(file.gaps),
    markers: [],
    dull: [],
    overview: null,
  };
}

/** Append rows `[first_step, n_steps, n_bytes, reward_before]` of the protocol. */
export function extendTable(table, rows) {
  for (const [firstStep, nSteps, , rewardBefore] of rows) table.add(firstStep, nSteps, rewardBefore);
}

/** Gaps of the protocol or of a file, by name. */
export function gapsOf(rows) {
  return rows.map(([firstStep, endStep, reason]) => ({ firstStep, endStep, reason }));
}

const affordanceList = (cells) => Object.entries(cells ?? {}).map(([name, cell]) => ({ name, cell }));

function substrateOf({ substrate, grid_size: gridSize }, positionDim) {
  const [type, dim, width, height] = substrate ?? ["grid", positionDim, null, null];
  const [sizeX, sizeY] = Array.isArray(gridSize) ? gridSize : [gridSize, gridSize];
  return { type, position_dim: dim, width: width ?? sizeX ?? null, height: height ?? sizeY ?? null };
}

function namesFor(names, atLeast, word) {
  const all = [...(names ?? [])];
  while (all.length < Math.min(atLeast, MAX_NAMED)) all.push(`${word} ${all.length}`);
  return all;
}
