/** What screen readers hear when playback pauses: the step, once. */

import { actionsOf } from "./agent_row.js";
import { DECIMALS } from "../shell/looks.js";
import { afterPaint, element, setText } from "../shell/dom.js";
import { formatNumber } from "../shell/numbers.js";
import { actionText } from "../views/info_view.js";
import { readStep } from "./step_view.js";

/** @import { PlaybackClock } from "../playback/clock.js" */
/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { Agent } from "../source/messages.js" */
/** @import { TimelineView } from "../views/timeline_view.js" */

export class Announcer {
  node = element("p", { class: "sr-only", "aria-live": "polite" });
  /** Whether the current step must still be announced. */
  isDue = false;
  isClosed = false;

  #store;
  #clock;
  #timeline;

  /**
   * @param {EpisodeStore} store
   * @param {PlaybackClock} clock
   * @param {TimelineView} timeline whose slider has the step as its value
   */
  constructor(store, clock, timeline) {
    this.#store = store;
    this.#clock = clock;
    this.#timeline = timeline;
  }

  /**
   * Announce the current step once it is painted, if that is due.
   *
   * @param {function(): ?Agent} agentOf whose numbers are shown then, of several
   */
  announceSoon(agentOf) {
    if (this.isDue) afterPaint(() => this.#announce(agentOf()));
  }

  /** @param {?Agent} agent */
  #announce(agent) {
    if (this.#clock.isPlaying || this.isClosed) return;
    this.isDue = false;
    const text = describeStep(this.#store, this.#clock.index, agent);
    setText(this.node, text);
    this.#timeline.announce(this.#store.nSteps ? this.#store.table.numberOf(this.#clock.index) : 0, text);
  }
}

/**
 * Describe a step: its number, action, reward and markers.
 *
 * @param {EpisodeStore} store
 * @param {number} index
 * @param {?Agent} agent whose numbers are shown, of several
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
