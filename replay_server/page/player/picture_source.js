/** Where the pictures of a step come from: a column of the episode, or the place of an agent in that of its group. */

import { pictureShape } from "../decode/pictures.js";
import { isPresent, placeOf } from "./agent_row.js";

/** @import { Chunk } from "../decode/chunk.js" */
/** @import { ColumnSpec, Numbers } from "../decode/columns.js" */
/** @import { Agent } from "../source/messages.js" */
/** @import { Outline } from "../source/outline.js" */

/** @typedef {{column: string, agent: ?Agent, title: string}} PictureSource */

const EXTRAS = /^.*extras\./;

/**
 * All pictures of a step, the one to show first.
 *
 * @param {string[]} columns of the episode
 * @param {?Agent} agent whose pictures are shown, of several
 * @returns {PictureSource[]}
 */
export function pictureSources(columns, agent) {
  const shared = columns.map((column) => ({ column, agent: null, title: column.replace(EXTRAS, "") }));
  const own = agent?.pictures.map((column) => ({ column, agent, title: `${agent.id}: ${column.replace(EXTRAS, "")}` }));
  return [...shared, ...(own ?? [])];
}

/**
 * The agent that is shown where nobody chooses one.
 *
 * @param {Pick<Outline, "agents" | "shownAgent">} outline
 * @returns {?Agent}
 */
export const firstAgent = ({ agents, shownAgent }) => agents.find(({ id }) => id === shownAgent) ?? agents[0] ?? null;

/**
 * How a column's values are shown as pictures; null for what is none, as a column may be for a while.
 *
 * @param {ColumnSpec | undefined} spec
 * @param {PictureSource} source
 */
export function shapeOf(spec, { agent }) {
  if (!spec) return null;
  return pictureShape(agent ? { dtype: spec.dtype, shape: spec.shape.slice(1) } : spec);
}

/**
 * The numbers of the picture of a step; null if it has none.
 *
 * @param {Chunk} chunk
 * @param {ColumnSpec} spec
 * @param {PictureSource} source
 * @param {number} offset
 * @returns {?Numbers}
 */
export function pictureAt(chunk, spec, { column, agent }, offset) {
  if (!agent) return chunk.row(column, offset);
  return isPresent(chunk, agent, offset) ? placeOf(agent, spec.shape, chunk.row(column, offset)) : null;
}
