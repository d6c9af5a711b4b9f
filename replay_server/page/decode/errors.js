/** Errors in an episode's bytes, with messages for people. */

/** Bytes that do not follow FORMAT.md. */
export class CorruptEpisodeError extends Error {
  name = "CorruptEpisodeError";
}

/** A size beyond the reader's limits, refused before memory is allocated. */
export class EpisodeTooLargeError extends Error {
  name = "EpisodeTooLargeError";
}

/**
 * The message of anything that was thrown or reported as an error.
 *
 * @param {unknown} error
 * @returns {string}
 */
export function messageOf(error) {
  const isTold = typeof error === "object" && error !== null && "message" in error;
  return String(isTold ? error.message : error);
}

/**
 * A short description of any value, for error messages.
 *
 * @param {unknown} found
 */
export function brief(found) {
  if (typeof found === "string") return found.length > 60 ? `${found.slice(0, 60)}…` : found;
  if (found === null || ["number", "boolean", "undefined"].includes(typeof found)) return `${found}`;
  return Array.isArray(found) ? "a list" : found instanceof Uint8Array ? "bytes" : "a map";
}
