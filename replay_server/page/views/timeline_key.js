/** The line above the timeline: which curve has which colour and range, and the kinds of markers, which can be switched. */

import { element } from "../shell/dom.js";
import { MARKER_WORDS } from "../shell/looks.js";
import { formatCount, formatMeter, formatNumber, isNumber } from "../shell/numbers.js";
import { explain } from "../shell/tips.js";
import { TERMS } from "../shell/words.js";
import { colourNameOf } from "./affordance_marks.js";
import { agentColour } from "./agent_marks.js";
import { agentCurves, totalColour } from "./timeline_agents.js";

/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { MarkerKind } from "../source/outline.js" */

export class TimelineKey {
  #curves = element("ul", { class: "curve-key", "aria-label": "Curves" });
  #kinds = element("div", { class: "marker-kinds", role: "group", "aria-label": "Markers" });
  node = element("div", { class: "timeline-key" }, this.#curves, this.#kinds);

  #onSwitch;
  #shown = "";

  /** @param {() => void} onSwitch called when a kind of markers was switched */
  constructor(onSwitch) {
    this.#onSwitch = onSwitch;
  }

  /**
   * @param {EpisodeStore} store
   * @param {Set<number>} meters that have a curve
   * @param {?EpisodeStore} other that is compared
   * @param {?import("../source/messages.js").Agent} agent the selected one of several
   */
  show(store, meters, other, agent) {
    const { overview, meterNames, meterRanges } = store.opened;
    const returns = overview.cumulative_reward.filter(isNumber);
    const least = returns.reduce((low, value) => Math.min(low, value), 0);
    const most = returns.reduce((high, value) => Math.max(high, value), 0);
    const curves = [
      {
        name: TERMS.return_so_far.title + (other ? `, episode ${store.opened.episodeId}` : ""),
        meaning: TERMS.return_so_far.meaning,
        colour: `--${totalColour(store.opened)}`,
        range: `${formatNumber(least)} to ${formatNumber(most)}`,
      },
      ...(other ? [{ name: `Episode ${other.opened.episodeId}`, colour: "--kept", range: "" }] : []),
      ...agentCurves(store.opened, agent).map(({ name, number }) => ({
        name,
        colour: `--${agentColour(number)}`,
        range: "",
      })),
      ...[...meters].map((meter) => ({
        name: meterNames[meter],
        colour: `--${colourNameOf(meter)}`,
        range: meterRanges[meter].map((end) => formatMeter(end, meterRanges[meter])).join(" to "),
      })),
    ];
    /** @type {Map<MarkerKind, number>} */
    const counts = new Map();
    for (const { kind } of store.allMarkers) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    const shown = JSON.stringify([curves, ...counts, ...store.hiddenKinds]);
    if (shown === this.#shown) return; // a button keeps its focus
    this.#shown = shown;
    this.#curves.replaceChildren(...curves.map(curveItem));
    const focused = this.#kinds.contains(document.activeElement) ? document.activeElement : null;
    const place = [...this.#kinds.children].findIndex((node) => node === focused);
    this.#kinds.replaceChildren(...[...counts].map(([kind, count]) => this.#switch(store, kind, count)));
    const again = this.#kinds.children[place];
    if (again instanceof HTMLElement) again.focus();
  }

  /**
   * @param {EpisodeStore} store
   * @param {MarkerKind} kind
   * @param {number} count
   */
  #switch({ hiddenKinds }, kind, count) {
    const { sign, name } = MARKER_WORDS[kind];
    const button = element(
      "button",
      {
        type: "button",
        class: "marker-kind",
        "aria-pressed": String(!hiddenKinds.has(kind)),
        "aria-label": `${name}: ${formatCount(count)}`,
        on: {
          click: () => {
            if (!hiddenKinds.delete(kind)) hiddenKinds.add(kind);
            this.#onSwitch();
          },
        },
      },
      element("span", { "aria-hidden": "true", class: "sign" }, sign),
      formatCount(count),
    );
    button.style.setProperty("--curve", `var(--marker-${kind})`);
    return explain(button, `${name}. Click to hide or show.`);
  }
}

/** @param {{name: string, colour: string, range: string, meaning?: string}} curve */
function curveItem({ name, colour, range, meaning }) {
  const item = element("li", {}, element("span", { class: "name" }, name), element("span", { class: "muted" }, range));
  item.style.setProperty("--curve", `var(${colour})`);
  return meaning ? explain(item, meaning) : item;
}
