/** What the page can't show, in words that a person can act on. */

/** Bytes that are not what FORMAT.md says. */
export class CorruptEpisodeError extends Error {
  name = "CorruptEpisodeError";
}

/** A size beyond the reader's limits, refused before memory is taken. */
export class EpisodeTooLargeError extends Error {
  name = "EpisodeTooLargeError";
}

/** A few words for what was found instead of what was expected, whatever it is. */
export function brief(found) {
  if (typeof found === "string") return found.length > 60 ? `${found.slice(0, 60)}…` : found;
  if (found === null || ["number", "boolean", "undefined"].includes(typeof found)) return `${found}`;
  return Array.isArray(found) ? "a list" : found instanceof Uint8Array ? "bytes" : "a map";
}
