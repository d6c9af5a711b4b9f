"""How an episode ended, in words."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["END_WORDS", "STATUS_WORDS", "StatusWord", "status_in_words"]


class StatusWord(NamedTuple):
    """A short word, and what it means."""

    word: str
    meaning: str


STATUS_WORDS = {
    "complete": StatusWord("complete", "The trainer finished the episode."),
    "truncated": StatusWord("broken off", "The trainer or its end broke the episode off. Its return is partial."),
    "salvaged": StatusWord("salvaged", "The trainer died during the episode. The steps that had arrived were kept."),
    "aborted": StatusWord("discarded", "The trainer discarded the episode. It has no recording."),
    "live": StatusWord("live", "The episode is being recorded now."),
}
"""By the names that files and catalogs store, and ``live``."""


END_WORDS = {
    "terminated": "the episode is over",
    "truncated": "ended by time limit",
    "done": "the episode is over",
}
"""How a step ends its episode, by the names of a step's columns."""


def status_in_words(status: str) -> str:
    """Return the word for a status."""
    known = STATUS_WORDS.get(status)
    return status.replace("_", " ") if known is None else known.word
