/** Reads and writes links: the page, the episode and how it is shown. Pure, except `visit` and `replaceLink`. */

import { usualSpeed } from "../playback/clock.js";
import { runOfSegment, runSegment } from "../source/rest.js";
import { BASE } from "./address.js";
import { isNumber } from "./numbers.js";
import { isMeasure } from "./measures.js";

/**
 * How a comparison is aligned.
 *
 * @type {Alignment[]}
 */
export const ALIGNMENTS = ["step", "divergence", "end"];

/** @typedef {"step"|"divergence"|"end"} Alignment */

/** Panels that the player can show next to its timeline. */
export const PANELS = ["grid", "meters", "q", "info", "annotations"];

/**
 * @typedef {object} Place
 * @property {"browser"|"player"|"wall"} page
 * @property {?string} runId
 * @property {?number} episodeId null on the player's page: follow the latest episode of the run
 * @property {boolean} live follow the episode while it is recorded
 * @property {?number} lane the lane of the run to follow; null for any
 * @property {?number} step number of the step
 * @property {?number} marker go to the marker with this number, from 1; `step` goes before it
 * @property {?number} speed
 * @property {boolean} autoplay
 * @property {?[number, number]} selection step numbers of the loop
 * @property {boolean} loops repeat the whole episode
 * @property {boolean} skipsDull
 * @property {?string} agent id of the agent to show, of several; null for the one with the highest return
 * @property {?{runId: ?string, episodeId: number}} compared
 * @property {Alignment} align
 * @property {?string[]} panels some of `PANELS`; null for all
 * @property {boolean} embed the player alone, for a frame in another page
 * @property {?string} theme
 * @property {ListState} list what the browser's list shows
 */

/**
 * What the list of episodes and its charts show.
 *
 * @typedef {object} ListState
 * @property {string} stage empty for all; so are the following
 * @property {string} status
 * @property {string} reason
 * @property {?number} least lowest return
 * @property {?number} most highest return
 * @property {?[number, number]} range ids of the first and the last episode
 * @property {string} sort the server's name of the order; empty for the newest first, with broken-off episodes at the end
 * @property {string} measure of charts and cards; empty for the run's
 * @property {string[]} over ids of runs whose curves are shown too
 */

/** @type {Readonly<ListState>} */
export const WHOLE_LIST = Object.freeze({
  stage: "",
  status: "",
  reason: "",
  least: null,
  most: null,
  range: null,
  sort: "",
  measure: "",
  over: [],
});

/** Curves that can be told apart over another one. */
export const MOST_OVER = 6;

const ORDERS = ["finished", "episode_id", "reward", "length", "stage"];

/** Limits of the speed in a link, as in the protocol. */
const SPEED_RANGE = [0.05, 200];

/** Convert seconds at the base rate to steps: `12.5s` and `1:23` are times instead of steps. */
const STEPS_PER_SEC = 5;

/**
 * Read a link. A path without an episode, or one that cannot be decoded, is the browser's.
 *
 * @param {URL} url
 * @returns {Place}
 */
export function readPlace(url) {
  const query = url.searchParams;
  const path = readPath(url.pathname);
  const follow = query.get("follow");
  const wall = path ? null : query.get("wall");
  const episodeId = path ? path.episodeId : wholeNumber(query.get("episode"));
  const runId = path ? path.runId : (wall ?? follow ?? query.get("run"));
  const other = wholeNumber(query.get("compare"));
  return {
    page: wall !== null ? "wall" : episodeId !== null || follow !== null ? "player" : "browser",
    runId,
    episodeId,
    live: follow !== null || query.get("live") === "1",
    lane: wholeNumber(query.get("lane")),
    step: readStep(query.get("t")),
    marker: wholeNumber(query.get("marker")),
    speed: readSpeed(query.get("speed")),
    autoplay: query.get("autoplay") === "1",
    selection: readSelection(query.get("sel")),
    loops: query.get("loop") === "1",
    skipsDull: query.get("skip") === "1",
    agent: query.get("agent") || null,
    compared: other === null ? null : { runId: query.get("compare_run") ?? runId, episodeId: other },
    align: ALIGNMENTS.find((name) => name === query.get("align")) ?? "step",
    panels: readPanels(query.get("panels")),
    embed: query.get("embed") === "1",
    theme: query.get("theme"),
    list: readList(query),
  };
}

/**
 * @param {URLSearchParams} query
 * @returns {ListState}
 */
function readList(query) {
  const sort = query.get("sort") ?? "";
  const range = readSelection(query.get("episodes"));
  return {
    stage: /^-?\d+$/.test(query.get("stage") ?? "") ? String(query.get("stage")) : "",
    status: query.get("status") ?? "",
    reason: query.get("reason") ?? "",
    least: readNumber(query.get("min_return")),
    most: readNumber(query.get("max_return")),
    range,
    sort: ORDERS.includes(sort.replace(/^-/, "")) ? sort : "",
    measure: isMeasure(query.get("measure") ?? "") ? String(query.get("measure")) : "",
    over: query.getAll("over").slice(0, MOST_OVER),
  };
}

/**
 * @param {URLSearchParams} query
 * @param {ListState} list
 */
function writeList(query, list) {
  const { stage, status, reason, least, most, range, sort, measure, over } = list;
  for (const [name, value] of Object.entries({ stage, status, reason })) if (value) query.set(name, value);
  if (least !== null) query.set("min_return", String(least));
  if (most !== null) query.set("max_return", String(most));
  if (range) query.set("episodes", range.join(".."));
  if (sort) query.set("sort", sort);
  if (measure) query.set("measure", measure);
  for (const runId of over) query.append("over", runId);
}

/**
 * Write a link.
 *
 * @param {Partial<Place>} place
 * @returns {string} path and query
 */
export function linkTo(place) {
  const query = new URLSearchParams();
  const { runId } = place;
  const isOfRun = runId !== null && runId !== undefined;

  const isOfEpisode = place.page === "player" && place.episodeId !== null;
  const path = isOfEpisode && isOfRun ? `${BASE}runs/${runSegment(runId)}/episodes/${place.episodeId}` : BASE;
  if (isOfEpisode && !isOfRun) query.set("episode", String(place.episodeId));
  if (place.page === "wall") query.set("wall", String(runId));
  else if (place.page === "player" && place.episodeId === null) {
    query.set("follow", String(runId));
    if (isNumber(place.lane)) query.set("lane", String(place.lane));
  } else if (place.live) query.set("live", "1");
  if (place.page === "browser" && isOfRun) query.set("run", runId);
  if (place.step) query.set("t", String(place.step));
  if (place.speed && place.speed !== usualSpeed(place)) query.set("speed", String(place.speed));
  if (place.selection) query.set("sel", place.selection.join(".."));
  else if (place.loops) query.set("loop", "1");
  if (place.autoplay) query.set("autoplay", "1");
  if (place.skipsDull) query.set("skip", "1");
  if (place.agent) query.set("agent", place.agent);
  if (place.compared) {
    query.set("compare", String(place.compared.episodeId));
    if (place.compared.runId !== place.runId) query.set("compare_run", String(place.compared.runId));
    if (place.align && place.align !== "step") query.set("align", place.align);
  }
  if (place.panels) query.set("panels", place.panels.join(","));
  if (place.embed) query.set("embed", "1");
  if (place.page === "browser" && place.list) writeList(query, place.list);
  if (place.theme) query.set("theme", place.theme);
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/**
 * Go to a place of the page without loading it again.
 *
 * @param {Partial<Place>} place
 */
export function visit(place) {
  history.pushState(null, "", linkTo(place));
  window.dispatchEvent(new PopStateEvent("popstate"));
}

/**
 * Replace the address without a new entry in the history.
 *
 * @param {Partial<Place>} place
 */
export function replaceLink(place) {
  history.replaceState(history.state, "", linkTo(place));
}

/**
 * Whether a press or click should open its link here, not in a new tab, and is not handled yet.
 *
 * @param {MouseEvent} event
 */
export function isFollowed({ defaultPrevented, button, ctrlKey, metaKey, shiftKey, altKey }) {
  return !defaultPrevented && button === 0 && !ctrlKey && !metaKey && !shiftKey && !altKey;
}

/**
 * Open a link without loading the page again, unless the person asks for a new tab.
 *
 * @param {MouseEvent} event
 * @param {Partial<Place>} place
 */
export function followLink(event, place) {
  if (!isFollowed(event)) return;
  event.preventDefault();
  visit(place);
}

/** @param {?string} text */
const readNumber = (text) =>
  text !== null && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : null;

/** @param {?string} text */
const wholeNumber = (text) => (/^\d+$/.test(text ?? "") ? Number(text) : null);

/** @param {string} path */
function readPath(path) {
  const below = path.startsWith(BASE) ? path.slice(BASE.length) : "";
  const [, segment, episode] = /^runs\/([^/]+)\/episodes\/(\d+)\/?$/.exec(below) ?? [];
  try {
    return segment === undefined ? null : { runId: runOfSegment(segment), episodeId: Number(episode) };
  } catch {
    return null;
  }
}

/** @param {?string} text */
function readSpeed(text) {
  const [slowest, fastest] = SPEED_RANGE;
  return Number(text) > 0 ? Math.min(Math.max(slowest, Number(text)), fastest) : null;
}

/** @param {?string} text */
function readStep(text) {
  const clock = /^(\d+):([0-5]?\d)$/.exec(text ?? "");
  if (clock) return (Number(clock[1]) * 60 + Number(clock[2])) * STEPS_PER_SEC;
  const secs = /^(\d+(?:\.\d+)?)s$/.exec(text ?? "");
  return secs ? Math.round(Number(secs[1]) * STEPS_PER_SEC) : wholeNumber(text);
}

/**
 * @param {?string} text
 * @returns {?[number, number]}
 */
function readSelection(text) {
  const range = /^(\d+)\.\.(\d+)$/.exec(text ?? "");
  return range && Number(range[1]) <= Number(range[2]) ? [Number(range[1]), Number(range[2])] : null;
}

/** @param {?string} text */
function readPanels(text) {
  const panels = (text ?? "").split(",").filter((name) => PANELS.includes(name));
  return panels.length ? panels : null;
}
