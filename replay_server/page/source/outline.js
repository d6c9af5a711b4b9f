/** An episode's outline, known before any step is decoded; the same form for all sources. */

import { readSchema } from "../decode/columns.js";
import { ChunkTable } from "./chunk_table.js";

/** @import { Agent, AgentRow, ChunkRow, Growth, Metadata, OutlineMessage, Overview, FinalOutline, Span, Team } from "./messages.js" */
/** @import { ColumnSpec } from "../decode/columns.js" */

/** @typedef {{name: string, kind: string, cell: number[], number: number}} Affordance `number` chooses its look */

/** @typedef {{type: string, position_dim: number, width?: ?number, height?: ?number}} Substrate */

/** @typedef {{firstStep: number, endStep: ?number, reason: string}} Gap in step numbers; an end that nobody knows is null */

/** @typedef {keyof typeof import("../shell/looks.js").MARKER_WORDS} MarkerKind */

/** @typedef {{index: number, kind: MarkerKind, label: string, agent?: string}} Marker */

/**
 * @typedef {object} Outline
 * @property {string} runId
 * @property {number} episodeId
 * @property {boolean} live steps may still follow
 * @property {Metadata} metadata
 * @property {string[]} reasons why the episode was kept
 * @property {string[]} reasonWords the same for people
 * @property {Affordance[]} affordances
 * @property {Substrate} substrate
 * @property {boolean} hasIntrinsic whether there is intrinsic reward
 * @property {{low: number[], high: number[]}} bounds of the board, along each axis
 * @property {string[]} meterNames
 * @property {[number, number][]} meterRanges from where to where each meter reaches
 * @property {boolean[]} meterLevels whether each meter can be low
 * @property {string[]} actionNames
 * @property {string[]} meterLabels the same for narrow places
 * @property {string[]} actionLabels
 * @property {string[]} pictures columns that are shown as pictures, the one to show first
 * @property {ColumnSpec[]} schema
 * @property {ChunkTable} table
 * @property {Gap[]} gaps
 * @property {Marker[]} markers
 * @property {Span[]} dull in indexes, the end excluded
 * @property {Span[]} critical the same, in which a meter is critical
 * @property {Overview} overview
 * @property {Agent[]} agents empty in an episode of one agent
 * @property {Team[]} teams
 * @property {?string} shownAgent the id of the one that is selected first
 */

/**
 * @param {OutlineMessage} message
 * @returns {Outline} from an `opened` message, or from the same map in an HTML file
 */
export function outlineOfMessage(message) {
  const table = new ChunkTable();
  extendTable(table, message.chunks);
  return {
    runId: message.run_id,
    episodeId: message.episode_id,
    live: message.live,
    metadata: message.metadata,
    reasons: message.reasons,
    reasonWords: message.reason_words,
    schema: readSchema(message.schema),
    table,
    ...findings(message),
  };
}

/**
 * Replace the outline at the end of a live episode.
 *
 * @param {Outline} outline
 * @param {FinalOutline} message
 */
export function replaceFindings(outline, message) {
  Object.assign(outline, findings(message));
}

/**
 * The parts that were found in the steps.
 *
 * @param {FinalOutline} message
 * @returns {Omit<Outline, "runId" | "episodeId" | "live" | "metadata" | "reasons" | "reasonWords" | "schema" | "table">}
 */
function findings(message) {
  const [numbers, kinds] = [message.affordance_numbers, message.affordance_kinds];
  const found = {
    affordances: Object.entries(message.affordances).map(([name, cell]) => ({
      name,
      cell,
      number: numbers[name],
      kind: kinds[name],
    })),
    meterNames: message.meter_names,
    actionNames: message.action_names,
    meterLabels: message.meter_labels,
    actionLabels: message.action_labels,
    pictures: message.pictures ?? [],
    substrate: message.substrate,
    gaps: [],
    markers: [],
    dull: [],
    critical: [],
    hasIntrinsic: message.has_intrinsic,
    bounds: message.bounds,
    meterRanges: message.meter_ranges,
    meterLevels: message.meter_levels,
    overview: {
      stride: 1,
      index: [],
      cumulative_reward: [],
      meters: message.meter_names.map(() => []),
      agents: [],
      teams: [],
    },
    agents: [],
    teams: [],
    shownAgent: null,
  };
  grow(found, message);
  return found;
}

/**
 * Append spans; one that begins where the last known one begins replaces it.
 *
 * @param {Span[]} known
 * @param {Span[]} more
 */
function extend(known, more) {
  for (const span of more) {
    if (known.at(-1)?.[0] === span[0]) known.pop();
    known.push(span);
  }
}

/**
 * Apply what new steps have changed, from a `grown` message.
 *
 * @param {Pick<Outline, "gaps"|"markers"|"dull"|"critical"|"hasIntrinsic"|"bounds"|"meterRanges"|"meterLevels"|"overview"|"agents"|"teams"|"shownAgent">} outline
 * @param {Growth} message
 */
export function grow(outline, message) {
  outline.gaps.push(...message.gaps.map(([firstStep, endStep, reason]) => ({ firstStep, endStep, reason })));
  outline.markers.push(...message.markers);
  extend(outline.dull, message.dull);
  extend(outline.critical, message.critical);
  outline.agents = withRows(outline.agents, message.agents);
  outline.teams = message.teams;
  outline.shownAgent = message.shown_agent;
  outline.hasIntrinsic = message.has_intrinsic;
  outline.bounds = message.bounds;
  outline.meterRanges = message.meter_ranges;
  outline.meterLevels = message.meter_levels;
  outline.overview = joined(outline.overview, message.overview);
}

/**
 * Agents that are known get what has changed; new ones follow, in order.
 *
 * @param {Agent[]} agents
 * @param {AgentRow[]} rows
 */
function withRows(agents, rows) {
  const known = new Map(agents.map((agent) => [agent.id, agent]));
  const more = [];
  for (const row of rows ?? []) {
    const agent = known.get(row.id);
    if (agent) Object.assign(agent, row);
    else more.push(/** @type {Agent} */ (row));
  }
  return [...agents, ...more];
}

/**
 * Append rows `[first_step, n_steps, n_bytes, reward_before, intrinsic_before]` of the protocol.
 *
 * @param {ChunkTable} table
 * @param {ChunkRow[]} rows
 */
export function extendTable(table, rows) {
  for (const [firstStep, nSteps, , rewardBefore, intrinsicBefore] of rows)
    table.add(firstStep, nSteps, rewardBefore, intrinsicBefore);
}

/**
 * Join samples with those that follow; those between the new stride are dropped.
 *
 * @param {Overview} before
 * @param {Overview} after
 * @returns {Overview}
 */
function joined(before, after) {
  const stays = before.index.map((index) => index % after.stride === 0);
  /**
   * @template T
   * @param {T[]} samples
   * @param {T[]} more
   */
  const join = (samples, more) => [...samples.filter((_, sample) => stays[sample]), ...more];
  /**
   * Curves that are new have no earlier samples.
   *
   * @param {(?number)[][]} curves
   * @param {(?number)[][]} more
   */
  const joinAll = (curves, more) => more.map((each, curve) => join(curves[curve] ?? stays.map(() => null), each));
  return {
    stride: after.stride,
    index: join(before.index, after.index),
    cumulative_reward: join(before.cumulative_reward, after.cumulative_reward),
    meters: joinAll(before.meters, after.meters),
    agents: joinAll(before.agents, after.agents),
    teams: joinAll(before.teams, after.teams),
  };
}
