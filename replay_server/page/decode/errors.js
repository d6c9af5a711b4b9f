/** What the page can't show, in words that a person can act on. */

/** Bytes that are not what FORMAT.md says. */
export class CorruptEpisodeError extends Error {
  name = "CorruptEpisodeError";
}

/** A size beyond the reader's limits, refused before memory is taken. */
export class EpisodeTooLargeError extends Error {
  name = "EpisodeTooLargeError";
}
