/** The part of the REST interface under `/api/v1` that the page uses; PROTOCOL.md describes it. */

import { BASE } from "../shell/address.js";
import { currentTheme } from "../shell/theme.js";

/** @typedef {{run_id: string, n_recordings: number, n_episodes: number, n_refused?: ?number}} Run */

/**
 * The learning curve: lists with one entry per episode.
 *
 * @typedef {object} Curve
 * @property {number[]} episode_id
 * @property {(?number)[]} total_reward
 * @property {boolean[]} recorded
 * @property {boolean[]} complete whether the trainer finished them
 * @property {(?number)[]} curriculum_stage
 * @property {(?number)[]} value the chosen measure
 */

/** @typedef {keyof typeof import("../shell/words.js").MEASURES} MeasureName */

/** @typedef {{kind: string, title: string, text: string, episode: EpisodeRow}} Highlight */

/**
 * What happened in a run.
 *
 * @typedef {object} Highlights
 * @property {MeasureName} measure
 * @property {MeasureName[]} measures those that differ between episodes
 * @property {string} sentence
 * @property {number} n_episodes
 * @property {number} n_recordings
 * @property {Highlight[]} highlights
 * @property {{reason: string, words: string, n_episodes: number}[]} reasons
 */

/** @typedef {{criterion: string, title: string, text: string, reasons?: string[]}} Why */

/**
 * @typedef {object} EpisodeRow
 * @property {string} run_id
 * @property {number} episode_id
 * @property {?number} total_reward
 * @property {number} n_steps
 * @property {?number} curriculum_stage
 * @property {string} status
 * @property {string[]} reasons
 * @property {string[]} reason_words the same for people
 * @property {?number} timestamp seconds since 1970
 */

/**
 * An annotation on a step.
 *
 * @typedef {object} Annotation
 * @property {number} annotation_id
 * @property {number} step
 * @property {?number} end_step
 * @property {?string} label
 * @property {string} text
 * @property {?string} author
 */

/** @typedef {{state: string, progress: number, error?: ?string}} VideoJob */

const ROOT = `${BASE}api/v1`;

/** An error from the server; `message` is its sentence for people. */
export class ApiError extends Error {
  name = "ApiError";

  /**
   * @param {string} message
   * @param {string} code
   * @param {number} status
   */
  constructor(message, code, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/**
 * A run id as one segment of a path.
 *
 * @param {string} runId
 */
export function runSegment(runId) {
  return encodeURIComponent(runId === "" || /^[.~]/.test(runId) ? `~${runId}` : runId);
}

/**
 * The reverse of `runSegment`.
 *
 * @param {string} segment
 */
export function runOfSegment(segment) {
  const runId = decodeURIComponent(segment);
  return runId.startsWith("~") ? runId.slice(1) : runId;
}

/** @returns {Promise<Run[]>} */
export const fetchRuns = async () => (await get("/runs")).runs;

/**
 * @param {string} runId
 * @param {MeasureName} measure
 * @returns {Promise<Curve>}
 */
export const fetchCurve = (runId, measure) => get(`/runs/${runSegment(runId)}/curve`, { max_points: 2000, measure });

/**
 * @param {string} runId
 * @param {string} measure empty for the one that the run opens with
 * @returns {Promise<Highlights>}
 */
export const fetchHighlights = (runId, measure) => get(`/runs/${runSegment(runId)}/highlights`, { measure });

/**
 * @param {string} runId
 * @returns {Promise<{run_id: string, config: ?object}>}
 */
export const fetchRun = (runId) => get(`/runs/${runSegment(runId)}`);

/**
 * Why an episode was kept or not.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @returns {Promise<{decision: string, reasons: string[], why: Why[]}>}
 */
export const fetchWhy = (runId, episodeId) => get(`${episodePath(runId, episodeId)}/why`);

/**
 * @param {string} runId
 * @returns {Promise<{episodes: unknown[]}>}
 */
export const fetchLive = (runId) => get(`/runs/${runSegment(runId)}/live`);

/**
 * Lanes of the run that are being recorded, in order.
 *
 * @param {string} runId
 * @param {number} most
 * @returns {Promise<{live: boolean, lanes: number[]}>}
 */
export const fetchLanes = (runId, most) => get(`/runs/${runSegment(runId)}/live`, { lanes: most });

/**
 * An episode, whether kept or not; null if there is none.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @returns {Promise<?(EpisodeRow & {decision?: string, recorded?: boolean})>}
 */
export async function fetchEpisode(runId, episodeId) {
  const { episodes } = await fetchEpisodes({ run: runId, min_episode: episodeId, max_episode: episodeId, limit: 1 });
  return episodes[0] ?? null;
}

/**
 * Get one page of episodes.
 *
 * @param {Query} filters of the protocol; empty ones are omitted
 * @returns {Promise<{episodes: EpisodeRow[], next_cursor: ?string}>}
 */
export const fetchEpisodes = (filters) => get("/episodes", filters);

/**
 * Identifies an episode among all runs.
 *
 * @param {EpisodeRow} episode
 */
export const episodeKey = ({ run_id: runId, episode_id: id }) => `${id}/${runId}`;

/**
 * The nearest recorded episode before (-1) or after (1) this one in the run, or null.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @param {number} direction
 */
export async function fetchNeighbour(runId, episodeId, direction) {
  if (direction < 0 && episodeId === 0) return null;
  const bound = direction > 0 ? { min_episode: episodeId + 1 } : { max_episode: episodeId - 1 };
  const sort = direction > 0 ? "episode_id" : "-episode_id";
  const { episodes } = await fetchEpisodes({ run: runId, recorded: true, limit: 1, sort, ...bound });
  return episodes[0]?.episode_id ?? null;
}

/**
 * A complete episode of the run to compare this one with, or null: the one with the highest or the lowest return, or the
 * one before or after it.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @param {"best"|"worst"|"previous"|"next"} choice
 * @returns {Promise<?number>}
 */
export async function fetchOther(runId, episodeId, choice) {
  const sort = { best: "-reward", worst: "reward", previous: "-episode_id", next: "episode_id" }[choice];
  const bound = { previous: { max_episode: episodeId }, next: { min_episode: episodeId }, best: {}, worst: {} }[choice];
  const { episodes } = await fetchEpisodes({ run: runId, recorded: true, complete: true, limit: 2, sort, ...bound });
  return episodes.find(({ episode_id: id }) => id !== episodeId)?.episode_id ?? null;
}

/**
 * The picture of one step.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @param {number} index
 */
export const stillUrl = (runId, episodeId, index) =>
  `${ROOT}${episodePath(runId, episodeId)}/thumbnail.png?t=${index}&size=640&theme=${currentTheme()}`;

/**
 * What the server offers for saving.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @param {"file"|"player.html"|"steps.csv"|"steps.npz"} name
 */
export const episodeFileUrl = (runId, episodeId, name) => `${ROOT}${episodePath(runId, episodeId)}/${name}`;

/**
 * @param {string} runId
 * @param {number} episodeId
 * @param {number} size in pixels
 */
export const thumbnailUrl = (runId, episodeId, size) =>
  `${ROOT}${episodePath(runId, episodeId)}/thumbnail.png?size=${size}&theme=${currentTheme()}`;

/**
 * Pictures of evenly spaced steps below each other.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @param {{frames: number, size: number}} film
 */
export const filmUrl = (runId, episodeId, { frames, size }) =>
  `${ROOT}${episodePath(runId, episodeId)}/film.png?frames=${frames}&size=${size}&theme=${currentTheme()}`;

/** @type {?Promise<Record<string, any>>} */
let videoRoutes = null;

/** What the description of the server's routes says of videos: empty if it makes none. Requested once. */
function describeVideos() {
  videoRoutes ??= fetchJson(`${ROOT}/openapi.json`).then(
    ({ paths }) => paths["/videos"] ?? {},
    () => ({}),
  );
  return videoRoutes;
}

/** Whether this server makes videos. */
export const offersVideos = async () => "post" in (await describeVideos());

/**
 * The values of the choices of a video that have names, by choice.
 *
 * @returns {Promise<Record<string, string[]>>}
 */
export async function fetchVideoChoices() {
  const { post } = await describeVideos();
  const { properties } = post.requestBody.content["application/json"].schema;
  return Object.fromEntries(
    Object.entries(properties).map(([name, { enum: values = [] }]) => [
      name,
      values.filter((/** @type {?string} */ value) => value !== null),
    ]),
  );
}

/**
 * Request a video of an episode; return the address of its progress.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @param {Record<string, string | boolean>} choices
 */
export async function requestVideo(runId, episodeId, choices) {
  const response = await change("POST", "/videos", { ...choices, run_id: runId, episode_id: episodeId });
  const location = response.headers.get("Location");
  if (location === null) throw new Error("the server's answer has no address of the video");
  return location;
}

/**
 * A picture of what a video of an episode would look like.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @param {Record<string, string | boolean>} choices
 */
export async function fetchVideoStill(runId, episodeId, choices) {
  const response = await change("POST", "/videos/still", { ...choices, run_id: runId, episode_id: episodeId });
  return response.blob();
}

/**
 * Get the annotations of an episode, in the order of their steps.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @returns {Promise<Annotation[]>}
 */
export const fetchAnnotations = async (runId, episodeId) => (await get(annotationsPath(runId, episodeId))).annotations;

/**
 * Add an annotation to a step.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @param {{step: number, text: string}} annotation
 */
export const addAnnotation = (runId, episodeId, annotation) =>
  change("POST", annotationsPath(runId, episodeId), annotation);

/**
 * Change an annotation.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @param {number} annotationId
 * @param {{text: string}} annotation
 */
export const changeAnnotation = (runId, episodeId, annotationId, annotation) =>
  change("PATCH", `${annotationsPath(runId, episodeId)}/${annotationId}`, annotation);

/**
 * Delete an annotation.
 *
 * @param {string} runId
 * @param {number} episodeId
 * @param {number} annotationId
 */
export const removeAnnotation = (runId, episodeId, annotationId) =>
  change("DELETE", `${annotationsPath(runId, episodeId)}/${annotationId}`);

/**
 * Get JSON from an address of this server, which is trusted.
 *
 * @param {string} url
 * @returns {Promise<any>}
 */
export async function fetchJson(url) {
  const response = await fetch(url).catch(() => {
    throw new ApiError("The server does not answer", "unreachable", 0);
  });
  await check(response);
  return response.json();
}

/**
 * @param {string} runId
 * @param {number} episodeId
 */
const episodePath = (runId, episodeId) => `/episodes/${runSegment(runId)}/${episodeId}`;

/**
 * @param {string} runId
 * @param {number} episodeId
 */
const annotationsPath = (runId, episodeId) => `${episodePath(runId, episodeId)}/annotations`;

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
async function change(method, path, body) {
  const more = body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(ROOT + path, { method, ...more });
  await check(response);
  return response;
}

/** @typedef {{[name: string]: string|number|boolean|null|undefined}} Query */

/**
 * @param {string} path
 * @param {Query} query
 */
function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return fetchJson(ROOT + path + (text ? `?${text}` : ""));
}

/** @param {Response} response */
async function check(response) {
  if (response.ok) return;
  const { error } = await response.json().catch(() => ({}));
  throw new ApiError(
    error?.message ?? `the server answered ${response.status}`,
    error?.code ?? "internal",
    response.status,
  );
}
