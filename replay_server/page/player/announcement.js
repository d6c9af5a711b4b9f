/** What screen readers hear where playback rests. */

import { formatNumber } from "../shell/numbers.js";
import { actionText } from "../views/info_view.js";
import { readStep } from "./step_view.js";

/**
 * The step in words: its number, action and reward, and what is marked there.
 *
 * @param {import("../source/episode_store.js").EpisodeStore} store
 * @param {number} index
 */
export function describeStep(store, index) {
  const step = readStep(store, index);
  const facts = [`Step ${store.nSteps ? store.table.numberOf(index) : 0}`];
  if (step) {
    const action = actionText(store.opened.actionNames, step.action);
    facts.push(action, `reward ${formatNumber(step.reward)}`, `return ${formatNumber(step.returnSoFar)}`);
  }
  facts.push(...store.markers.filter((marker) => marker.index === index).map(({ label }) => label));
  return facts.join(", ");
}
