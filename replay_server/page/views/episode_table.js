/** The table of episodes: thumbnails, sortable, walked with up and down, more rows as they come into sight. */

import { element } from "../shell/dom.js";
import { formatCount, formatMoment, formatNumber } from "../shell/numbers.js";
import { followLink, isFollowed, linkTo } from "../shell/share.js";
import { chosenTheme } from "../shell/theme.js";
import { thumbnailUrl } from "../source/api.js";
import { chip } from "./episode_header.js";

/** Columns: what stands above them, and the server's name for their order, if they can be sorted by. */
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
   * @param {{sort: function(string): void, more: function(): void, prepare: function(object): void}} on another order,
   *   more rows, and the place of an episode that will be opened if the press goes on to be a click
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

  /** Rows shown so far. */
  get nRows() {
    return this.#body.children.length;
  }

  /** Begin anew; `sort` is the order of the rows to come. */
  clear(sort) {
    this.#body.replaceChildren();
    this.#headers.forEach((header, column) => {
      const order = COLUMNS[column][1];
      const direction = sort === order ? "ascending" : sort === `-${order}` ? "descending" : "none";
      if (order) header.setAttribute("aria-sort", direction);
    });
  }

  /** Append episodes, as the server has them. */
  add(episodes) {
    this.#body.append(...episodes.map((episode) => row(episode, this.#on.prepare)));
  }

  /** Say something below the rows. */
  say(text) {
    this.#foot.textContent = text;
  }

  /** Move the focus to the next or the previous episode. */
  walk(direction) {
    const links = [...this.#body.querySelectorAll("a.episode-link")];
    const at = links.indexOf(document.activeElement?.closest("tr")?.querySelector("a.episode-link"));
    const link = links[at < 0 ? 0 : Math.min(Math.max(0, at + direction), links.length - 1)];
    link?.focus();
    link?.closest("tr").scrollIntoView({ block: "nearest" });
  }

  /** Ask for more rows while the end of the table is in sight. */
  checkEnd() {
    this.#sentinel.unobserve(this.#foot);
    this.#sentinel.observe(this.#foot);
  }

  /** Give everything back. */
  close() {
    this.#sentinel.disconnect();
  }

  #header(title, order) {
    const content = order
      ? element("button", { type: "button", class: "sort", on: { click: () => this.#on.sort(order) } }, title)
      : element("span", { class: title === "Preview" ? "sr-only" : "" }, title);
    return element("th", { scope: "col", class: classOf(title) }, content);
  }
}

const classOf = (title) => `col-${title.split(" ")[0].toLowerCase()}`;

function row(episode, prepare) {
  const place = { page: "player", runId: episode.run_id, episodeId: episode.episode_id, theme: chosenTheme() };
  const open = (event) => followLink(event, place);
  const link = element(
    "a",
    { class: "episode-link number", href: linkTo(place), on: { click: open } },
    formatCount(episode.episode_id),
  );
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
        click: (event) => !event.target.closest("a") && open(event),
      },
    },
    ...cells.map((content, column) =>
      element("td", { class: classOf(COLUMNS[column][0]), "data-title": COLUMNS[column][0] }, content),
    ),
  );
}
