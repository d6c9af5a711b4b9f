/** The table of episodes: thumbnails, sorting, selection with up and down, and more rows on scrolling. */

import { element } from "../shell/dom.js";
import { formatCount, formatMoment, formatNumber } from "../shell/numbers.js";
import { followLink, isFollowed, linkTo } from "../shell/share.js";
import { chosenTheme } from "../shell/theme.js";
import { thumbnailUrl } from "../source/api.js";
import { chip } from "./episode_header.js";

/** @import { Place } from "../shell/share.js" */
/** @import { EpisodeRow } from "../source/api.js" */

/** Columns: title, and the server's name of the order if they can be sorted. */
/** @type {[title: string, order: ?string][]} */
const COLUMNS = [
  ["Preview", null],
  ["Episode", "episode_id"],
  ["Return", "reward"],
  ["Steps", "length"],
  ["Stage", "stage"],
  ["Kept because", null],
  ["Finished", "finished"],
];

const THUMBNAIL_PIXELS = 128;

export class EpisodeTable {
  node;

  #body = element("tbody");
  #foot = element("div", { class: "table-foot" });
  #headers;
  #on;
  #sentinel;

  /**
   * @param {{sort: function(string): void, more: function(): void, prepare: function(Partial<Place>): void}} on another
   *   order;
   *   more rows; the place of an episode that is being pressed
   */
  constructor(on) {
    this.#on = on;
    this.#headers = COLUMNS.map(([title, order]) => this.#header(title, order));
    this.node = element(
      "div",
      { class: "table-wrap" },
      element("table", { class: "episodes" }, element("thead", {}, element("tr", {}, ...this.#headers)), this.#body),
      this.#foot,
    );
    this.#sentinel = new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && on.more(), {
      rootMargin: "400px",
    });
    this.#sentinel.observe(this.#foot);
  }

  /** Number of rows shown. */
  get nRows() {
    return this.#body.children.length;
  }

  /**
   * Clear the table; `sort` is the order of the rows to come.
   *
   * @param {string} sort
   */
  clear(sort) {
    this.#body.replaceChildren();
    this.#headers.forEach((header, column) => {
      const order = COLUMNS[column][1];
      const direction = sort === order ? "ascending" : sort === `-${order}` ? "descending" : "none";
      if (order) header.setAttribute("aria-sort", direction);
    });
  }

  /** @param {EpisodeRow[]} episodes */
  add(episodes) {
    this.#body.append(...episodes.map((episode) => row(episode, this.#on.prepare)));
  }

  /** @param {string} text */
  say(text) {
    this.#foot.textContent = text;
  }

  /** @param {number} direction */
  walk(direction) {
    /** @type {NodeListOf<HTMLAnchorElement>} */
    const found = this.#body.querySelectorAll("a.episode-link");
    const links = [...found];
    const focused = document.activeElement?.closest("tr");
    const at = links.findIndex((each) => focused?.contains(each));
    const link = links[at < 0 ? 0 : Math.min(Math.max(0, at + direction), links.length - 1)];
    link?.focus();
    link?.closest("tr")?.scrollIntoView({ block: "nearest" });
  }

  /** Request more rows while the end of the table is visible. */
  checkEnd() {
    this.#sentinel.unobserve(this.#foot);
    this.#sentinel.observe(this.#foot);
  }
  close() {
    this.#sentinel.disconnect();
  }

  /**
   * @param {string} title
   * @param {?string} order
   */
  #header(title, order) {
    const content = order
      ? element("button", { type: "button", class: "sort", on: { click: () => this.#on.sort(order) } }, title)
      : element("span", { class: title === "Preview" ? "sr-only" : "" }, title);
    return element("th", { scope: "col", class: classOf(title) }, content);
  }
}

/** @param {string} title */
const classOf = (title) => `col-${title.split(" ")[0].toLowerCase()}`;

/**
 * @param {EpisodeRow} episode
 * @param {(place: Partial<Place>) => void} prepare
 */
function row(episode, prepare) {
  /** @type {Partial<Place>} */
  const place = { page: "player", runId: episode.run_id, episodeId: episode.episode_id, theme: chosenTheme() };
  const open = (/** @type {MouseEvent} */ event) => followLink(event, place);
  const link = element(
    "a",
    { class: "episode-link number", href: linkTo(place), on: { click: open } },
    formatCount(episode.episode_id),
  );
  /** @type {HTMLImageElement} */
  const picture = element("img", {
    class: "thumbnail",
    src: thumbnailUrl(episode.run_id, episode.episode_id, THUMBNAIL_PIXELS),
    alt: "",
    loading: "lazy",
    width: 56,
    height: 56,
    on: { error: () => picture.classList.add("missing") },
  });
  const cells = [
    picture,
    link,
    formatNumber(episode.total_reward),
    formatCount(episode.n_steps),
    String(episode.curriculum_stage ?? "—"),
    element(
      "div",
      { class: "chips" },
      episode.status !== "complete" && chip(episode.status, `status-${episode.status}`),
      ...episode.reasons.map((reason) => chip(reason, "reason")),
    ),
    formatMoment(episode.timestamp),
  ];
  return element(
    "tr",
    {
      on: {
        pointerdown: (event) => isFollowed(event) && prepare(place),
        click: (event) => event.target instanceof Element && !event.target.closest("a") && open(event),
      },
    },
    ...cells.map((content, column) =>
      element("td", { class: classOf(COLUMNS[column][0]), "data-title": COLUMNS[column][0] }, content),
    ),
  );
}
