/** The runs: a list next to the page, or one line on a narrow screen. */

import { element } from "../shell/dom.js";
import { formatCount, isNumber } from "../shell/numbers.js";
import { linkTo } from "../shell/share.js";
import { chosenTheme } from "../shell/theme.js";

/** @import { Run } from "../source/api.js" */
/** @import { Place } from "../shell/share.js" */

const REFUSED =
  "Refused: usually episodes whose id the run already has. To continue a run use resume=True; for a new one use another run_id.";

export class RunList {
  node = element("nav", { class: "runs", "aria-label": "Runs" });

  /** @type {Map<string, HTMLElement>} */
  #links = new Map();
  #list = element("ul");
  #onChoose;

  /** @param {function(string): void} onChoose called with the run's id */
  constructor(onChoose) {
    this.#onChoose = onChoose;
    this.node.append(element("h2", {}, "Runs"), this.#list);
  }

  /** @param {Run[]} runs */
  show(runs) {
    this.#links.clear();
    this.#list.replaceChildren(...runs.map((run) => element("li", {}, this.#link(run))));
  }

  /**
   * Mark the selected run, and scroll it into view on a narrow screen.
   *
   * @param {string} runId
   */
  choose(runId) {
    for (const [id, link] of this.#links) {
      if (id === runId) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const chosen = this.#links.get(runId)?.getBoundingClientRect();
    const line = this.#list.getBoundingClientRect();
    if (chosen && (chosen.left < line.left || chosen.right > line.right))
      this.#list.scrollLeft += chosen.left - line.left;
  }

  /** @param {Run} run */
  #link(run) {
    /** @type {Partial<Place>} */
    const place = { page: "browser", runId: run.run_id, theme: chosenTheme() };
    const nRefused = run.n_refused ?? 0;
    const facts = [
      isNumber(run.n_recordings) ? `${formatCount(run.n_recordings)} kept` : null,
      isNumber(run.n_episodes) ? `of ${formatCount(run.n_episodes)}` : null,
      nRefused > 0 ? `· ${formatCount(nRefused)} refused` : null,
    ].filter(Boolean);
    const link = element(
      "a",
      {
        href: linkTo(place),
        title: nRefused > 0 ? REFUSED : "",
        on: {
          click: (event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            this.#onChoose(run.run_id);
          },
        },
      },
      element("span", { class: "run-name" }, run.run_id || "(no run)"),
      facts.length > 0 && element("span", { class: "muted number" }, facts.join(" ")),
    );
    this.#links.set(run.run_id, link);
    return link;
  }
}
