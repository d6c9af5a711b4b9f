/** What the page reads of runs and episodes; PROTOCOL.md describes the whole REST interface. */

import { currentTheme } from "../shell/theme.js";
import { ROOT, episodePath, get, runSegment } from "./rest.js";

/** @import { Query } from "./rest.js" */

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

/** @typedef {{kind: string, title: string, text: string, value: ?number, episode: EpisodeRow}} Highlight */

/**
 * What happened in a run.
 *
 * @typedef {object} Highlights
 * @property {string} measure
 * @property {string[]} measures those that differ between episodes
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

/** @returns {Promise<Run[]>} */
export const fetchRuns = async () => (await get("/runs")).runs;

/**
 * @param {string} runId
 * @param {string} measure
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
