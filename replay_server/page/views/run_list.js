/** The runs: a list next to the page, or one line on a narrow screen. */

import { element, setText } from "../shell/dom.js";
import { cutName } from "../shell/names.js";
import { formatCount } from "../shell/numbers.js";
import { linkTo, MOST_OVER } from "../shell/share.js";
import { chosenTheme } from "../shell/theme.js";
import { explain } from "../shell/tips.js";

/** @import { Run } from "../source/api.js" */
/** @import { Place } from "../shell/share.js" */

const REFUSED =
  "Refused: usually episodes whose id the run already has. To continue a run use resume=True; for a new one use another run_id.";

/** Numbers of the colours of curves over others; unlike those of the chosen run. */
export const OVER_COLOURS = [4, 2, 6, 3, 7, 5];

/** @typedef {{item: HTMLElement, link: HTMLAnchorElement, over: HTMLButtonElement, facts: HTMLElement}} Entry */

export class RunList {
  node = element("nav", { class: "runs", "aria-label": "Runs" });

  /** @type {Map<string, Entry>} */
  #entries = new Map();
  #list = element("ul");
  #on;
  #chosen = "";
  /** @type {string[]} */
  #over = [];

  /** @param {{choose: (runId: string) => void, over: (runIds: string[]) => void}} on */
  constructor(on) {
    this.#on = on;
    this.node.append(element("h2", {}, "Runs"), this.#list);
  }

  /** @param {Run[]} runs */
  show(runs) {
    const known = this.#entries;
    this.#entries = new Map(runs.map((run) => [run.run_id, known.get(run.run_id) ?? this.#entry(run.run_id)]));
    runs.forEach((run) => this.#describe(run));
    const items = [...this.#entries.values()].map(({ item }) => item);
    const isSame =
      items.length === this.#list.children.length && items.every((item, place) => item === this.#list.children[place]);
    this.#mark();
    if (isSame) return;
    this.#list.replaceChildren(...items);
    this.#reveal();
  }

  /**
   * Mark the selected run, and scroll it into view on a narrow screen.
   *
   * @param {string} runId
   * @param {string[]} over runs whose curves are shown over its curve
   */
  choose(runId, over) {
    this.#chosen = runId;
    this.#over = over;
    this.#mark();
    this.#reveal();
  }

  #reveal() {
    const chosen = this.#entries.get(this.#chosen)?.item.getBoundingClientRect();
    const line = this.#list.getBoundingClientRect();
    if (chosen && (chosen.left < line.left || chosen.right > line.right))
      this.#list.scrollLeft += chosen.left - line.left;
  }

  #mark() {
    for (const [id, { link, over }] of this.#entries) {
      if (id === this.#chosen) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
      const place = this.#over.indexOf(id);
      over.hidden = id === this.#chosen || this.#entries.size < 2;
      over.setAttribute("aria-pressed", String(place >= 0));
      over.style.setProperty("--colour", place >= 0 ? `var(--kind-${OVER_COLOURS[place]})` : "");
      over.disabled = place < 0 && this.#over.length >= MOST_OVER;
    }
  }

  /** @param {Run} run */
  #describe({ run_id: runId, n_recordings: nKept, n_episodes: nEpisodes, n_refused: nRefused }) {
    const { facts, link } = /** @type {Entry} */ (this.#entries.get(runId));
    const refused = (nRefused ?? 0) > 0 ? ` · ${formatCount(nRefused ?? 0)} refused` : "";
    setText(facts, `${formatCount(nKept)} kept of ${formatCount(nEpisodes)}${refused}`);
    explain(link, refused && REFUSED);
  }

  /**
   * @param {string} runId
   * @returns {Entry}
   */
  #entry(runId) {
    /** @type {Partial<Place>} */
    const place = { page: "browser", runId, theme: chosenTheme() };
    const facts = element("span", { class: "muted number" });
    const link = element(
      "a",
      {
        href: linkTo(place),
        on: {
          click: (event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            this.#on.choose(runId);
          },
        },
      },
      element("span", { class: "run-name" }, cutName(runId || "(no run)")),
      facts,
    );
    const over = element(
      "button",
      {
        type: "button",
        class: "over",
        "aria-label": `Show the curve of ${runId || "(no run)"} too`,
        on: {
          click: () =>
            this.#on.over(
              this.#over.includes(runId) ? this.#over.filter((each) => each !== runId) : [...this.#over, runId],
            ),
        },
      },
      "+",
    );
    explain(over, "Show this run's curve over the chosen one, and compare their configurations.");
    return { item: element("li", {}, link, over), link, over, facts };
  }
}
