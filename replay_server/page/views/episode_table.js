/** The table of episodes: thumbnails, sorting, selection with up and down, and more rows on scrolling. */

import { element } from "../shell/dom.js";
import { formatCount, formatMoment, formatNumber } from "../shell/numbers.js";
import { followLink, isFollowed, linkTo } from "../shell/share.js";
import { chosenTheme, onThemeChange } from "../shell/theme.js";
import { explain } from "../shell/tips.js";
import { TERMS } from "../shell/words.js";
import { episodeKey, thumbnailUrl } from "../source/api.js";
import { reasonChips, statusChip } from "./chips.js";
import { FilmBubble } from "./film.js";

/** @import { Place } from "../shell/share.js" */
/** @import { EpisodeRow } from "../source/api.js" */

/** Columns: name of the term, and the server's name of the order if they can be sorted. */
/** @type {[term: keyof typeof TERMS | "preview", order: ?string][]} */
const COLUMNS = [
  ["preview", null],
  ["episode", "episode_id"],
  ["return", "reward"],
  ["steps", "length"],
  ["stage", "stage"],
  ["status", null],
  ["reasons", null],
  ["finished", "finished"],
];

const THUMBNAIL_PIXELS = 80;

/**
 * @typedef {object} TableListener
 * @property {(order: string) => void} sort by another order
 * @property {() => void} more rows are wanted
 * @property {(place: Partial<Place>) => void} prepare the place of an episode that is being pressed
 * @property {(reason: string) => void} reason show the episodes with this reason
 * @property {() => void} leave an episode is being opened
 */

export class EpisodeTable {
  node;

  #body = element("tbody");
  #foot = element("div", { class: "table-foot", role: "status" });
  #bubble = new FilmBubble();
  #headers;
  #on;
  #sentinel;
  #stopTheme = onThemeChange(() => this.#drawAgain());

  /** @param {TableListener} on */
  constructor(on) {
    this.#on = on;
    this.#headers = COLUMNS.map(([term, order]) => this.#header(term, order));
    this.node = element(
      "div",
      { class: "table-wrap" },
      element("table", { class: "episodes" }, element("thead", {}, element("tr", {}, ...this.#headers)), this.#body),
      this.#foot,
      this.#bubble.node,
    );
    this.#body.addEventListener("pointerover", (event) => this.#play(event));
    this.#body.addEventListener("pointerleave", () => this.#bubble.hide());
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
   * Mark the column by which the rows are sorted.
   *
   * @param {string} sort
   */
  showOrder(sort) {
    this.#headers.forEach((header, column) => {
      const order = COLUMNS[column][1];
      const direction = sort === order ? "ascending" : sort === `-${order}` ? "descending" : "none";
      if (order) header.setAttribute("aria-sort", direction);
    });
  }

  /**
   * Show these rows; those that are there already stay as they are.
   *
   * @param {EpisodeRow[]} episodes
   */
  show(episodes) {
    const known = new Map(this.#rows.map((each) => [each.dataset.key, each]));
    const wanted = episodes.map((episode) => known.get(episodeKey(episode)) ?? this.#row(episode));
    const kept = new Set(wanted);
    for (const each of this.#rows) if (!kept.has(each)) each.remove();
    wanted.forEach((each, place) => {
      const there = this.#body.children[place];
      if (there !== each) this.#body.insertBefore(each, there ?? null);
    });
  }

  /**
   * Whether showing these rows would move one that is visible.
   *
   * @param {EpisodeRow[]} episodes
   */
  wouldMove(episodes) {
    const shown = this.#rows;
    const visible = shown.findLastIndex((each) => isVisible(each));
    return visible >= 0 && episodeKey(episodes[visible]) !== shown[visible].dataset.key;
  }

  /** @param {string} text */
  say(text) {
    if (this.#foot.textContent !== text) this.#foot.textContent = text;
  }

  /** @param {number} direction */
  walk(direction) {
    const rows = this.#rows;
    const at = rows.findIndex((each) => each.contains(document.activeElement));
    const row = rows[at < 0 ? 0 : Math.min(Math.max(0, at + direction), rows.length - 1)];
    linkIn(row)?.focus();
    row?.scrollIntoView({ block: "nearest" });
  }

  /**
   * The row that the person is at: the focused one, or else the first visible one.
   *
   * @returns {{anchor: ?string, top: number, isFocused: boolean}}
   */
  get place() {
    const focused = this.#rows.find((each) => each.contains(document.activeElement));
    const row = focused ?? this.#rows.find(isVisible);
    return {
      anchor: row?.dataset.key ?? null,
      top: row?.getBoundingClientRect().top ?? 0,
      isFocused: focused !== undefined,
    };
  }

  /** Keys of the rows. */
  get keys() {
    return this.#rows.map((each) => each.dataset.key);
  }

  /**
   * Scroll to a row.
   *
   * @param {number} place
   */
  reveal(place) {
    this.#rows[place]?.scrollIntoView({ block: "nearest" });
  }

  /**
   * Put a row where it was.
   *
   * @param {{anchor: ?string, top: number, isFocused: boolean}} place
   */
  restore({ anchor, top, isFocused }) {
    const row = this.#rows.find((each) => each.dataset.key === anchor);
    if (!row) return;
    if (isFocused) linkIn(row)?.focus({ preventScroll: true });
    window.scrollBy({ top: row.getBoundingClientRect().top - top, behavior: "instant" });
  }

  /** Request more rows while the end of the table is visible. */
  checkEnd() {
    this.#sentinel.unobserve(this.#foot);
    this.#sentinel.observe(this.#foot);
  }
  close() {
    this.#sentinel.disconnect();
    this.#stopTheme();
  }

  get #rows() {
    return /** @type {HTMLTableRowElement[]} */ ([...this.#body.children]);
  }

  /**
   * @param {keyof typeof TERMS | "preview"} term
   * @param {?string} order
   */
  #header(term, order) {
    if (term === "preview")
      return element("th", { scope: "col", class: "col-preview" }, element("span", { class: "sr-only" }, "Preview"));
    const { title, meaning } = TERMS[term];
    const content = order
      ? element("button", { type: "button", class: "sort", on: { click: () => this.#on.sort(order) } }, title)
      : element("span", {}, title);
    explain(content, meaning);
    return element("th", { scope: "col", class: `col-${term}` }, content);
  }

  /** @param {EpisodeRow} episode */
  #row(episode) {
    const { run_id: runId, episode_id: episodeId } = episode;
    /** @type {Partial<Place>} */
    const place = { page: "player", runId, episodeId, theme: chosenTheme() };
    const open = (/** @type {MouseEvent} */ event) => {
      if (isFollowed(event)) this.#on.leave();
      followLink(event, place);
    };
    const link = element(
      "a",
      { class: "episode-link number", href: linkTo(place), on: { click: open } },
      formatCount(episodeId),
    );
    const cells = [
      picture(episode),
      link,
      formatNumber(episode.total_reward),
      formatCount(episode.n_steps),
      String(episode.curriculum_stage ?? "—"),
      statusChip(episode.status),
      reasonChips(episode, this.#on.reason),
      formatMoment(episode.timestamp),
    ];
    const row = element(
      "tr",
      {
        on: {
          pointerdown: (event) => isFollowed(event) && !isButton(event) && this.#on.prepare(place),
          click: (event) => !isControl(event) && open(event),
        },
      },
      ...cells.map((content, column) => {
        const [term] = COLUMNS[column];
        const title = term === "preview" ? "" : TERMS[term].title;
        return element("td", { class: `col-${term}`, "data-title": title }, content);
      }),
    );
    row.dataset.key = episodeKey(episode);
    return row;
  }

  /**
   * Play the episode beside its thumbnail.
   *
   * @param {PointerEvent} event
   */
  #play(event) {
    const cell = event.target instanceof Element ? event.target.closest("td.col-preview") : null;
    const row = cell?.closest("tr");
    if (cell && row && event.pointerType !== "touch") this.#bubble.play(cell, episodeOf(row));
    else this.#bubble.hide();
  }

  /** The pictures have the ground of the theme. */
  #drawAgain() {
    this.#bubble.forget();
    for (const row of this.#rows) {
      const image = row.querySelector("img");
      const { runId, episodeId } = episodeOf(row);
      if (image) image.src = thumbnailUrl(runId, episodeId, THUMBNAIL_PIXELS);
    }
  }
}

/** @param {EpisodeRow} episode */
function picture({ run_id: runId, episode_id: episodeId }) {
  /** @type {HTMLImageElement} */
  const image = element("img", {
    class: "thumbnail",
    src: thumbnailUrl(runId, episodeId, THUMBNAIL_PIXELS),
    alt: "",
    loading: "lazy",
    width: 40,
    height: 40,
    on: { error: () => image.classList.add("missing") },
  });
  return image;
}

/** @param {HTMLTableRowElement} row */
function episodeOf(row) {
  const [, id, runId] = /^(\d+)\/(.*)$/s.exec(row.dataset.key ?? "") ?? [];
  return { runId, episodeId: Number(id) };
}

/** @param {Element} row */
function isVisible(row) {
  const { top, bottom } = row.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
}

/** @param {?Element | undefined} row */
const linkIn = (row) => /** @type {?HTMLAnchorElement | undefined} */ (row?.querySelector("a.episode-link"));

/** @param {Event} event */
const isButton = ({ target }) => target instanceof Element && Boolean(target.closest("button"));

/** @param {Event} event */
const isControl = ({ target }) => target instanceof Element && Boolean(target.closest("a, button"));
