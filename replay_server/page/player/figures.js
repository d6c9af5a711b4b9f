/** What the board shows of several agents: where each one is, where it goes, and where it has been. */

import { agentRow, isPresent } from "./agent_row.js";
import { readTrail } from "./step_view.js";

/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { Agent } from "../source/messages.js" */

/**
 * @typedef {object} Figure
 * @property {Agent} agent
 * @property {ArrayLike<number>} position
 * @property {?ArrayLike<number>} next its position in the next step; null if it is not there
 * @property {ArrayLike<number>[]} trail previous positions, oldest first
 * @property {?number} progress of an interaction
 * @property {boolean} isSelected
 */

/**
 * The agents that take part in a step, the selected one last.
 *
 * @param {EpisodeStore} store
 * @param {number} index
 * @param {{selected: ?Agent, hasNext: boolean, trailSteps: number, hasTrails: boolean}} how `hasNext`: whether they move
 *   to the next step; `hasTrails`: whether all have a trail, not only the selected one
 * @returns {?Figure[]} null for an episode of one agent, and for a step that is not loaded
 */
export function readFigures(store, index, { selected, hasNext, trailSteps, hasTrails }) {
  const { agents } = store.opened;
  const chunk = agents.length ? store.chunkAt(index) : null;
  if (!chunk) return null;
  const offsetOf = (/** @type {number} */ at) => at - store.table.chunks[store.table.positionOf(at)].firstIndex;
  const offset = offsetOf(index);
  const after = hasNext && index + 1 < store.nSteps ? store.chunkAt(index + 1) : null;
  const offsetAfter = after ? offsetOf(index + 1) : 0;
  const there = agents.filter((agent) => isPresent(chunk, agent, offset));
  const ordered = [...there.filter((agent) => agent !== selected), ...there.filter((agent) => agent === selected)];
  /** @type {Figure[]} */
  const figures = [];
  for (const agent of ordered) {
    const position = agentRow(chunk, agent, "position", offset);
    if (!position?.length || position.some(Number.isNaN)) continue;
    const isSelected = agent === selected;
    const goesOn = after !== null && isPresent(after, agent, offsetAfter);
    figures.push({
      agent,
      position,
      next: goesOn ? agentRow(after, agent, "position", offsetAfter) : null,
      trail: hasTrails || isSelected ? readTrail(store, index, trailSteps, agent) : [],
      progress: agentRow(chunk, agent, "interaction_progress", offset)?.[0] ?? null,
      isSelected,
    });
  }
  return figures;
}
