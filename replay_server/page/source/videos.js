/** The videos that the server makes: what it offers, and requests for them. */

import { ROOT, change, fetchJson } from "./rest.js";

/** @typedef {{state: string, progress: number, error?: ?string}} VideoJob */

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
