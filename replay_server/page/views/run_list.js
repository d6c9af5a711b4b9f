/** The runs: a list beside the page, or a single line of them on a narrow screen. */

import { element } from "../shell/dom.js";
import { formatCount } from "../shell/numbers.js";
import { linkTo } from "../shell/share.js";
import { chosenTheme } from "../shell/theme.js";

const REFUSED =
  "Refused: most often episodes whose id the run has already. A run that goes on takes resume=True, a new one another run_id.";

export class RunList {
  node = element("nav", { class: "runs", "aria-label": "Runs" });

  #links = new Map();
  #list = element("ul");
  #onChoose;

  /** @param {function(string): void} onChoose told the run's id */
  constructor(onChoose) {
    this.#onChoose = onChoose;
    this.node.append(element("h2", {}, "Runs"), this.#list);
  }

  /** Show runs, as the server has them. */
  show(runs) {
    this.#links.clear();
    this.#list.replaceChildren(...runs.map((run) => element("li", {}, this.#link(run))));
  }

  /** Mark the run whose episodes are shown, and bring it into sight where the runs are a line of them. */
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

  #link(run) {
    const place = { page: "browser", runId: run.run_id, theme: chosenTheme() };
    const facts = [
      Number.isFinite(run.n_recordings) ? `${formatCount(run.n_recordings)} kept` : null,
      Number.isFinite(run.n_episodes) ? `of ${formatCount(run.n_episodes)}` : null,
      run.n_refused > 0 ? `· ${formatCount(run.n_refused)} refused` : null,
    ].filter(Boolean);
    const link = element(
      "a",
      {
        href: linkTo(place),
        title: run.n_refused > 0 ? REFUSED : "",
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
