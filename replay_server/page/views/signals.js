/**
 * Selects what is shown over time of an episode without positions: reward, action, meters and extras, a row per number.
 * Pure.
 */

import { AGENTS_PREFIX, fieldsOf } from "../player/agent_row.js";

/** @import { Chunk } from "../decode/chunk.js" */
/** @import { Agent } from "../source/messages.js" */

/** Limit of rows that can be told apart; if there are more numbers, wide columns become one band each. */
export const MAX_ROWS = 12;

/**
 * @typedef {object} Signal
 * @property {string} name its label
 * @property {string} column what it is, such as `reward`
 * @property {string} source the column of the chunks
 * @property {number} first where its numbers begin in a step of the source
 * @property {?number} component which of the column's numbers; null for a band, which shows them all
 * @property {number} nValues numbers of the column
 */

/** @typedef {{column: string, source: string, first: number, name: string, nValues: number, names?: string[], isBand?: boolean}} SignalGroup */

/** @typedef {{name: string, nValues: number, source?: string, first?: number}} SignalColumn */

/** @typedef {{firstIndex: number, chunk: Chunk}} Part a chunk of the window that is shown, and the index of its first step */

/**
 * Select the rows: a line per number. If that is too many, the widest column becomes a band, then the next. Rows beyond
 * the limit are dropped.
 *
 * @param {SignalColumn[]} columns of the episode, or of one of its agents
 * @param {string[]} meterNames
 * @param {unknown} [observationNames] names of the numbers of an observation; of another length they are unknown
 * @returns {Signal[]}
 */
export function chooseSignals(columns, meterNames, observationNames) {
  const groupOf = (/** @type {string} */ name, /** @type {string[]} */ ...names) => {
    const { nValues = 0, source = name, first = 0 } = columns.find((column) => column.name === name) ?? {};
    return { column: name, source, first, name, nValues, ...(names.length && { names }) };
  };
  /** @type {SignalGroup[]} */
  const groups = [
    groupOf("reward"),
    groupOf("action"),
    groupOf("meters", ...meterNames),
    ...columns.filter(({ name }) => name.startsWith("extras.")).map((column) => extraGroup(column, observationNames)),
  ].filter(({ nValues }) => nValues > 0);
  const rowsOf = (/** @type {SignalGroup} */ group) => (group.isBand ? 1 : group.nValues);
  while (groups.reduce((sum, group) => sum + rowsOf(group), 0) > MAX_ROWS) {
    const widest = groups.reduce((most, group) => (rowsOf(group) > rowsOf(most) ? group : most));
    if (rowsOf(widest) === 1) break;
    widest.isBand = true;
  }
  return groups.flatMap(signalsOf).slice(0, MAX_ROWS);
}

/**
 * The steps around one, up to `nShown`, centred unless an end of the episode is near.
 *
 * @param {number} index
 * @param {number} nSteps
 * @param {number} nShown
 * @returns {[number, number]} indexes, the end excluded
 */
export function windowAround(index, nSteps, nShown) {
  const first = Math.max(0, Math.min(index - (nShown >> 1), nSteps - nShown));
  return [first, Math.min(nSteps, first + nShown)];
}

/**
 * The columns of which the rows of an agent are chosen: its own, and the episode's without those of other agents.
 *
 * @param {import("../decode/columns.js").ColumnSpec[]} columns
 * @param {?Agent} agent null in an episode of one agent
 * @returns {SignalColumn[]}
 */
export function columnsOf(columns, agent) {
  const own = columns.filter(({ name }) => !name.startsWith(AGENTS_PREFIX));
  if (!agent) return own;
  const fields = fieldsOf(columns, agent);
  return [...fields, ...own.filter(({ name }) => !fields.some((field) => field.name === name))];
}

/**
 * @param {SignalColumn} column
 * @param {unknown} observationNames
 */
function extraGroup({ name, nValues, source = name, first = 0 }, observationNames) {
  const isNamed =
    name === "extras.observation" && Array.isArray(observationNames) && observationNames.length === nValues;
  const names = isNamed ? observationNames.map(String) : undefined;
  return { column: name, source, first, name: name.slice("extras.".length), nValues, names };
}

/**
 * @param {SignalGroup} group
 * @returns {Signal[]}
 */
function signalsOf({ column, source, first, name, nValues, names, isBand }) {
  if (isBand) return [{ name, column, source, first, component: null, nValues }];
  return Array.from({ length: nValues }, (_, component) => ({
    name: names?.[component] ?? (nValues > 1 ? `${name} ${component}` : name),
    column,
    source,
    first,
    component,
    nValues,
  }));
}

/**
 * The numbers of a signal from `first` to `end`; NaN where missing or not loaded.
 *
 * @param {Part[]} parts
 * @param {Signal} signal
 * @param {number} first
 * @param {number} end
 */
export function readLine(parts, { source, first: before, component }, first, end) {
  const values = new Float64Array(end - first).fill(NaN);
  for (const { firstIndex, chunk } of parts) {
    const column = chunk.column(source);
    if (!column || component === null || before + component >= column.nValues) continue;
    const last = Math.min(end, firstIndex + chunk.nSteps);
    for (let index = Math.max(first, firstIndex); index < last; index++) {
      const offset = index - firstIndex;
      const row = column.rowOf ? column.rowOf[offset] : offset;
      if (row >= 0) values[index - first] = column.values[row * column.nValues + before + component];
    }
  }
  return values;
}
