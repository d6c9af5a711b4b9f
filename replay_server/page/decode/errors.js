/** What the page can't show, in words that a person can act on. */

/** Bytes that are not what FORMAT.md says. */
export class CorruptEpisodeError extends Error {
  name = "CorruptEpisodeError";
}

/** A size beyond the reader's limits, refused before memory is taken. */
export class EpisodeTooLargeError extends Error {
  name = "EpisodeTooLargeError";
}

/**
 * The words of whatever was thrown, or reported as an error.
 *
 * @param {unknown} error
 * @returns {string}
 */
export function messageOf(error) {
  const isTold = typeof error === "object" && error !== null && "message" in error;
  return String(isTold ? error.message : error);
}

/**
 * A few words for what was found instead of what was expected, whatever it is.
 *
 * @param {unknown} found
 */
export function brief(found) {
  if (typeof found === "string") return found.length > 60 ? `${found.slice(0, 60)}…` : found;
  if (found === null || ["number", "boolean", "undefined"].includes(typeof found)) return `${found}`;
  return Array.isArray(found) ? "a list" : found instanceof Uint8Array ? "bytes" : "a map";
}
