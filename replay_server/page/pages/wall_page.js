/** The page of many lanes: up to 16 small boards of a run that is being recorded, over one socket. */

import { messageOf } from "../decode/errors.js";
import { KEYS } from "../playback/keys.js";
import { FrameLoop } from "../player/frame_loop.js";
import { LaneTile } from "../player/lane_tile.js";
import { showHelp } from "../shell/dialogs.js";
import { element, setText } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { bindKeys, withKeys } from "../shell/keys.js";
import { formatCountOf } from "../shell/numbers.js";
import { followLink, linkTo, visit } from "../shell/share.js";
import { chosenTheme } from "../shell/theme.js";
import { fetchLanes } from "../source/api.js";

/** @import { Binding } from "../shell/keys.js" */
/** @import { Place } from "../shell/share.js" */

const MOST_LANES = 16;

/** How often the page looks for lanes that have begun. */
const POLL_MILLIS = 2000;

/** Time between two drawings: 30 a second are enough for small boards. */
const FRAME_SECS = 1 / 30;

/** A smaller tile cannot be read: the page scrolls instead. */
const LEAST_TILE = { width: 104, height: 132 };
const GAP = 12;

export class WallPage {
  node = element("main", { class: "wall-page" });

  #place;
  #socket;
  /** @type {Map<number, LaneTile>} */
  #tiles = new Map();
  #wall = element("div", { class: "wall" });
  #count = element("span", { class: "muted", role: "status" });
  #notice = element("p", { class: "stage-message", hidden: true });
  #banner = element("p", { class: "banner", role: "status", hidden: true });
  #heading = element("h1", { class: "where", tabIndex: -1 });
  #pause;
  #isPaused = false;
  #isClosed = false;
  #sinceDrawn = 0;
  #pollTimer = 0;
  #frames = new FrameLoop(
    () => this.node.isConnected,
    (secs) => this.#frame(secs),
  );
  #sizes = new ResizeObserver(() => this.#layOut());
  #stopState;
  #unbind = () => {};
  /** @type {Binding[]} */
  #keys;

  /**
   * @param {Place} place
   * @param {import("../source/socket.js").ReplaySocket} socket
   */
  constructor(place, socket) {
    this.#place = place;
    this.#socket = socket;
    this.#pause = element("button", {
      type: "button",
      class: "button icon-button",
      on: { click: () => this.#togglePause() },
    });
    this.#showPause();
    if (!place.embed) this.node.append(this.#header());
    this.node.append(this.#banner, this.#notice, this.#wall);
    this.#keys = this.#bindings();
    this.#stopState = socket.onState((isOpen) => {
      setText(this.#banner, "The connection to the server is lost. Reconnecting…");
      this.#banner.hidden = isOpen;
    });
    this.#poll();
  }

  /** Called when the page is on the screen. */
  enter() {
    this.#unbind = bindKeys(this.#keys);
    document.title = `Live lanes · ${this.#place.runId}`;
    this.#sizes.observe(document.documentElement);
    this.#layOut();
    this.#frames.request();
  }

  /** Tell people with a screen reader where they are after a navigation. */
  focusHeading() {
    if (document.activeElement === document.body) this.#heading.focus();
  }

  close() {
    this.#isClosed = true;
    this.#frames.isClosed = true;
    clearTimeout(this.#pollTimer);
    this.#sizes.disconnect();
    this.#stopState();
    this.#unbind();
    for (const tile of this.#tiles.values()) tile.close();
  }

  /** @returns {Partial<Place>} */
  get #runPlace() {
    return { page: "browser", runId: this.#place.runId, theme: chosenTheme() };
  }

  /**
   * One lane alone.
   *
   * @param {?number} lane null for the one that was active last
   * @returns {Partial<Place>}
   */
  #laneOf(lane) {
    const { runId, embed } = this.#place;
    return { page: "player", runId, episodeId: null, live: true, lane, embed, theme: chosenTheme() };
  }

  #header() {
    const { runId } = this.#place;
    this.#heading.append(
      element(
        "a",
        {
          class: "run-link",
          href: linkTo(this.#runPlace),
          on: { click: (event) => followLink(event, this.#runPlace) },
        },
        runId || "episodes",
      ),
      element("span", { class: "muted", "aria-hidden": "true" }, "/"),
      element("span", {}, "Live lanes"),
    );
    const oneLane = element(
      "a",
      {
        class: "button",
        href: linkTo(this.#laneOf(null)),
        title: withKeys("Watch one lane", KEYS.wall[0]),
        on: { click: (event) => followLink(event, this.#laneOf(null)) },
      },
      "One lane",
    );
    const end = element("div", { class: "group end" }, this.#pause, oneLane);
    return element("header", { class: "episode-header" }, this.#heading, this.#count, end);
  }

  /** @returns {Binding[]} */
  #bindings() {
    const move = (/** @type {number} */ n) => this.#moveFocus(n);
    return [
      { keys: KEYS.play, does: "pause or go on", run: () => this.#togglePause() },
      { keys: KEYS.arrowBack, does: "previous lane", run: () => move(-1) },
      { keys: KEYS.arrowForward, does: "next lane", run: () => move(1) },
      { keys: ["ArrowUp"], does: "the lane above", run: () => move(-this.#columns) },
      { keys: ["ArrowDown"], does: "the lane below", run: () => move(this.#columns) },
      { keys: ["Enter"], does: "watch this lane alone", run: () => {} },
      { keys: KEYS.wall, does: "watch one lane", run: () => visit(this.#laneOf(this.#focusedLane)) },
      { keys: KEYS.help, does: "this help", run: () => showHelp(this.#keys) },
      ...(this.#place.embed
        ? []
        : [{ keys: KEYS.leave, does: "go back to the episodes", run: () => visit(this.#runPlace) }]),
    ];
  }

  /** Look for lanes, again and again. */
  async #poll() {
    const { runId } = this.#place;
    try {
      const { live, lanes } = await fetchLanes(runId ?? "", MOST_LANES);
      if (this.#isClosed) return;
      this.#show(lanes);
      this.#say(
        live
          ? "No lane is being recorded right now. Waiting for the first one…"
          : "This server can't see live runs: start it with recording.redis.url set to their Redis.",
      );
    } catch (error) {
      if (this.#isClosed) return;
      this.#say(messageOf(error));
    }
    this.#pollTimer = setTimeout(() => this.#poll(), POLL_MILLIS);
  }

  /** @param {string} text shown while there is no lane */
  #say(text) {
    setText(this.#notice, text);
    this.#notice.hidden = this.#tiles.size > 0;
  }

  /**
   * Add these lanes; while there is no room, in the place of lanes without an episode.
   *
   * @param {number[]} lanes
   */
  #show(lanes) {
    for (const lane of lanes) {
      if (this.#tiles.has(lane)) continue;
      if (this.#tiles.size >= MOST_LANES && !this.#dropIdle(lanes)) break;
      this.#add(lane);
    }
    setText(this.#count, this.#tiles.size ? formatCountOf(this.#tiles.size, "lane") : "");
  }

  /** @param {number} lane */
  #add(lane) {
    const { runId } = this.#place;
    const tile = new LaneTile(this.#socket, {
      runId,
      lane,
      link: linkTo(this.#laneOf(lane)),
      open: (event) => followLink(event, this.#laneOf(lane)),
    });
    this.#tiles.set(lane, tile);
    const after = [...this.#tiles.keys()].filter((other) => other > lane).sort((one, other) => one - other);
    this.#wall.insertBefore(tile.node, after.length ? (this.#tiles.get(after[0])?.node ?? null) : null);
    this.#layOut();
  }

  /** @param {number[]} lanes that have an episode */
  #dropIdle(lanes) {
    for (const [lane, tile] of this.#tiles) {
      if (!tile.isWaiting || lanes.includes(lane)) continue;
      tile.close();
      return this.#tiles.delete(lane);
    }
    return false;
  }

  #togglePause() {
    this.#isPaused = !this.#isPaused;
    this.#showPause();
    this.#frames.request();
  }

  #showPause() {
    const label = withKeys(this.#isPaused ? "Go on" : "Pause", KEYS.play[0]);
    this.#pause.replaceChildren(icon(this.#isPaused ? "play" : "pause"));
    this.#pause.title = label;
    this.#pause.setAttribute("aria-label", label);
  }

  /** Lane of the tile that has the focus, or null. */
  get #focusedLane() {
    return [...this.#tiles].find(([, { node }]) => node === document.activeElement)?.[0] ?? null;
  }

  /** @param {number} n places, back if negative */
  #moveFocus(n) {
    const nodes = [...this.#wall.children].filter((node) => node instanceof HTMLElement);
    const from = nodes.findIndex((node) => node === document.activeElement);
    const to = from < 0 ? 0 : from + n;
    if (nodes[to]) nodes[to].focus();
  }

  #columns = 1;

  /** Choose the number of columns that makes the tiles as large as the window allows. */
  #layOut() {
    const { left, right, top } = this.#wall.getBoundingClientRect();
    const height = window.innerHeight - (top + window.scrollY) - GAP;
    const layout = tileLayout(this.#tiles.size, right - left, height);
    this.#columns = layout.columns;
    this.#wall.style.setProperty("--columns", String(layout.columns));
    this.#wall.style.setProperty("--tile-height", `${layout.height}px`);
  }

  /** @param {number} secs */
  #frame(secs) {
    this.#sinceDrawn += secs;
    if (!this.#isPaused && this.#sinceDrawn >= FRAME_SECS) {
      for (const tile of this.#tiles.values()) tile.advance(this.#sinceDrawn);
      this.#sinceDrawn = 0;
    }
    return !this.#isPaused;
  }
}

/**
 * The number of columns with the largest tiles, and the height of a tile; as many columns as can be read if not all fit.
 *
 * @param {number} nTiles
 * @param {number} width of the wall
 * @param {number} height of the wall
 */
export function tileLayout(nTiles, width, height) {
  let best = { columns: 1, height: LEAST_TILE.height, side: 0 };
  for (let columns = 1; columns <= Math.max(1, nTiles); columns++) {
    const rows = Math.ceil(nTiles / columns) || 1;
    const tileWidth = (width - GAP * (columns - 1)) / columns;
    if (columns > 1 && tileWidth < LEAST_TILE.width) break;
    const tileHeight = Math.floor((height - GAP * (rows - 1)) / rows);
    const side = Math.min(tileWidth, tileHeight);
    if (tileHeight < LEAST_TILE.height) best = { columns, height: LEAST_TILE.height, side: 0 };
    else if (side > best.side) best = { columns, height: tileHeight, side };
  }
  return best;
}
