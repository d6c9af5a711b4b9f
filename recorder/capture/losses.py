"""What a trainer handed over and the hand-over queue never saw: counted, and remembered by episode until its end.

Written on the trainer's threads, whichever they are; read on the background thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from recorder.capture.call_times import CallTimes
from recorder.capture.stats import RecorderStats

__all__ = ["Dropped", "StepRange", "TrainerLosses"]

StepRange = tuple[int, int]
"""First step, and the step behind the last."""


class Dropped(NamedTuple):
    """The steps of one episode that found the queue full."""

    episode_id: int
    lane: int
    ranges: list[StepRange]


class TrainerLosses:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dropped: dict[int, list[StepRange]] = {}
        self._lanes: dict[int, int] = {}
        self._counted = RecorderStats()
        self.calls = CallTimes()
        """How long the calls took that brought all this."""

    @property
    def n_dropped_steps(self) -> int:
        """Steps that found the queue full."""
        return self._counted.n_dropped_steps

    @property
    def n_errors(self) -> int:
        """Calls that failed."""
        return self._counted.n_errors

    def drop(self, places: Iterable[tuple[int, int, int]]) -> None:
        """Steps found the queue full.

        Args:
            places: episode id, step number and lane of each.
        """
        with self._lock:
            for place in places:
                self._counted.n_dropped_steps += 1
                self._mark(*place)

    def mark(self, places: Iterable[tuple[int, int, int]]) -> None:
        """Steps that left the queue and went no further, and are counted as refused: gaps of their episodes, too.

        Args:
            places: episode id, step number and lane of each.
        """
        with self._lock:
            for place in places:
                self._mark(*place)

    def _mark(self, episode_id: int, step: int, lane: int) -> None:
        self._lanes[episode_id] = lane
        ranges = self._dropped.setdefault(episode_id, [])
        if ranges and ranges[-1][1] == step:
            ranges[-1] = (ranges[-1][0], step + 1)
        else:
            ranges.append((step, step + 1))

    def refuse(self, error: Exception, *, n_steps: int = 0, n_values: int = 0) -> None:
        """A call failed, and took that many steps, or values of a step, with it."""
        with self._lock:
            self._counted.count_error(error)
            self._counted.n_refused_steps += n_steps
            self._counted.n_mismatched_values += n_values

    def take_dropped(self, episode_id: int) -> list[StepRange]:
        """The steps of an episode that were dropped, in the order in which they were; forgotten here."""
        with self._lock:
            self._lanes.pop(episode_id, None)
            return self._dropped.pop(episode_id, [])

    def remember(self, dropped: Dropped) -> None:
        """Take over what another process remembered; it is counted there."""
        with self._lock:
            self._lanes[dropped.episode_id] = dropped.lane
            self._dropped[dropped.episode_id] = dropped.ranges

    def counted(self) -> RecorderStats:
        """A copy of what was counted here."""
        with self._lock:
            return replace(self._counted, **self._times())

    def _times(self, *, fresh: bool = False) -> dict[str, Any]:
        """Those of this process; in a sender's, what its trainer told."""
        told = self.calls.told(fresh=fresh)
        return {} if told.call_median_us is None else told._asdict()

    def count_as(self, counted: RecorderStats) -> None:
        """Have counted what another process did."""
        with self._lock:
            self._counted = counted

    def lane_of(self, episode_id: int) -> int | None:
        """Where an episode is played of which steps were dropped; None when none were."""
        return self._lanes.get(episode_id)

    def dropped_episodes(self) -> list[int]:
        """Episodes of which dropped steps are remembered."""
        with self._lock:
            return list(self._dropped)

    def added_to(self, stats: RecorderStats) -> RecorderStats:
        """A copy of the publisher's counters with these added."""
        with self._lock:
            counted = replace(self._counted, **self._times(fresh=True))
            return replace(
                stats,
                call_median_us=counted.call_median_us,
                call_p99_us=counted.call_p99_us,
                n_dropped_steps=self._counted.n_dropped_steps,
                n_refused_steps=stats.n_refused_steps + self._counted.n_refused_steps,
                n_mismatched_values=stats.n_mismatched_values + self._counted.n_mismatched_values,
                n_errors=stats.n_errors + self._counted.n_errors,
                last_error=self._counted.last_error or stats.last_error,
            )
