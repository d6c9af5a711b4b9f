"""Which episode ids a recorder has given out, and which of its episodes are open: two must never share an id."""

from __future__ import annotations

import threading
from typing import Any

from recorder.capture.reading.values import whole_number
from recorder.errors import UsageError

__all__ = ["EpisodeIds"]


class EpisodeIds:
    """One for each recorder; whatever records through it takes ids from here. Safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[int, int] = {}
        """By first id of a series, the id after its last one."""
        self._chosen_end = 0
        """The id after the highest one that a trainer has chosen by itself."""
        self._open: set[int] = set()
        self.end = self._open.discard
        """Takes the id of an episode that is over."""

    def take(self, n_ids: int = 1, *, first: int = 0) -> int:
        """Give out ids in a row that nobody has, and return the first of them.

        Args:
            first: where the series begins. Several series may run beside each other: each passes over the others' ids.
        """
        with self._lock:
            ends = self._ends
            at = ends.get(first, first)
            if at < self._chosen_end:
                at = self._chosen_end
            if len(ends) > (first in ends):
                others = sorted((start, end) for start, end in ends.items() if start != first)
                for start, end in others:
                    if start < at + n_ids and at < end:
                        at = end
            ends[first] = at + n_ids
            return at

    def begin(self, episode_id: Any) -> None:
        """A first step is recorded by a single call.

        Raises:
            UsageError: an open episode has this id.
        """
        number = whole_number(episode_id)
        with self._lock:
            if number in self._open:
                raise UsageError(
                    f"episode {number}: step 0 came again before the episode's end: another episode has this id, and what comes "
                    "now is refused; take ids from new_episode_id() of the recorder"
                )
            self._open.add(number)
            for start, end in self._ends.items():
                if start <= number < end:
                    return
            self._chosen_end = max(self._chosen_end, number + 1)
