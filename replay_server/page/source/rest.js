/** Requests to the REST interface under `/api/v1`, and its paths and errors. */

import { BASE } from "../shell/address.js";

/** @typedef {{[name: string]: string|number|boolean|null|undefined}} Query */

export const ROOT = `${BASE}api/v1`;

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

/**
 * The path of an episode below `ROOT`.
 *
 * @param {string} runId
 * @param {number} episodeId
 */
export const episodePath = (runId, episodeId) => `/episodes/${runSegment(runId)}/${episodeId}`;

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
 * Get JSON from a path below `ROOT`.
 *
 * @param {string} path
 * @param {Query} query empty values are omitted
 */
export function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return fetchJson(ROOT + path + (text ? `?${text}` : ""));
}

/**
 * Send a change to a path below `ROOT`.
 *
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
export async function change(method, path, body) {
  const more = body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(ROOT + path, { method, ...more });
  await check(response);
  return response;
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
