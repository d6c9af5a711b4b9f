/** The text for screen readers when playback pauses. */

import { actionsOf } from "./agent_row.js";
import { DECIMALS } from "../shell/looks.js";
import { formatNumber } from "../shell/numbers.js";
import { actionText } from "../views/info_view.js";
import { readStep } from "./step_view.js";

/**
 * Describe a step: its number, action, reward and markers.
 *
 * @param {import("../source/episode_store.js").EpisodeStore} store
 * @param {number} index
 * @param {?import("../source/messages.js").Agent} agent whose numbers are shown, of several
 */
export function describeStep(store, index, agent = null) {
  const step = readStep(store, index, agent);
  const facts = [`Step ${store.nSteps ? store.table.numberOf(index) : 0}`, ...(agent ? [agent.id] : [])];
  if (step) {
    const action = actionText(actionsOf(store.opened, agent).names, step.action);
    facts.push(
      action,
      `reward ${formatNumber(step.reward, DECIMALS.reward)}`,
      `return ${formatNumber(step.returnSoFar)}`,
    );
  }
  facts.push(...store.markers.filter((marker) => marker.index === index).map(({ label }) => label));
  return facts.join(", ");
}
