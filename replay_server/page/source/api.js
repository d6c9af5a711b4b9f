/** The REST interface under `/api/v1`, as far as the page uses it; PROTOCOL.md describes it. */

import { BASE } from "../shell/address.js";

const ROOT = `${BASE}api/v1`;

/** An answer that is not what was asked for; `message` is the server's sentence for people. */
export class ApiError extends Error {
  name = "ApiError";

  constructor(message, code, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** A run id as one segment of a path. */
export function runSegment(runId) {
  return encodeURIComponent(runId === "" || /^[.~]/.test(runId) ? `~${runId}` : runId);
}

/** The run id that `runSegment` made a segment of. */
export function runOfSegment(segment) {
  const runId = decodeURIComponent(segment);
  return runId.startsWith("~") ? runId.slice(1) : runId;
}

export const fetchRuns = async () => (await get("/runs")).runs;

export const fetchCurve = (runId) => get(`/runs/${runSegment(runId)}/curve`, { max_points: 2000 });

export const fetchLive = (runId) => get(`/runs/${runSegment(runId)}/live`);

/** One page of episodes; `filters` are the protocol's, empty ones are left out. */
export const fetchEpisodes = (filters) => get("/episodes", filters);

export const fetchEpisode = (runId, episodeId) => get(episodePath(runId, episodeId));

/** The nearest recorded episode of the run before (-1) or behind (1) this one, or null. */
export async function fetchNeighbour(runId, episodeId, direction) {
  if (direction < 0 && episodeId === 0) return null;
  const bound = direction > 0 ? { min_episode: episodeId + 1 } : { max_episode: episodeId - 1 };
  const sort = direction > 0 ? "episode_id" : "-episode_id";
  const { episodes } = await fetchEpisodes({ run: runId, recorded: true, limit: 1, sort, ...bound });
  return episodes[0]?.episode_id ?? null;
}

export const thumbnailUrl = (runId, episodeId, size) =>
  `${ROOT}${episodePath(runId, episodeId)}/thumbnail.png?size=${size}`;

let videosOffered = null;

/** Whether this server makes videos; asked once. */
export function offersVideos() {
  videosOffered ??= fetch(`${ROOT}/videos`).then(
    ({ ok }) => ok,
    () => false,
  );
  return videosOffered;
}

/** Ask for a video of an episode; returns the address under which its progress stands. */
export async function requestVideo(runId, episodeId) {
  const response = await change("POST", "/videos", { run_id: runId, episode_id: episodeId });
  return response.headers.get("Location");
}

/** Notes that people wrote on steps, in the order of their steps, as the protocol's annotations. */
export const fetchNotes = async (runId, episodeId) => (await get(notesPath(runId, episodeId))).annotations;

/** Write a note on a step. */
export const addNote = (runId, episodeId, note) => change("POST", notesPath(runId, episodeId), note);

/** Write a note anew. */
export const changeNote = (runId, episodeId, noteId, note) =>
  change("PATCH", `${notesPath(runId, episodeId)}/${noteId}`, note);

/** Remove a note. */
export const removeNote = (runId, episodeId, noteId) => change("DELETE", `${notesPath(runId, episodeId)}/${noteId}`);

/** What stands under an address of this server. */
export async function fetchJson(url) {
  const response = await fetch(url);
  await check(response);
  return response.json();
}

const episodePath = (runId, episodeId) => `/episodes/${runSegment(runId)}/${episodeId}`;

const notesPath = (runId, episodeId) => `${episodePath(runId, episodeId)}/annotations`;

async function change(method, path, body) {
  const more = body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(ROOT + path, { method, ...more });
  await check(response);
  return response;
}

function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given).toString();
  return fetchJson(ROOT + path + (text ? `?${text}` : ""));
}

async function check(response) {
  if (response.ok) return;
  const { error } = await response.json().catch(() => ({}));
  throw new ApiError(
    error?.message ?? `the server answered ${response.status}`,
    error?.code ?? "internal",
    response.status,
  );
}
