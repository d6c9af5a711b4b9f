"""Schedules the next step of each playback with one heap and one timer."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

__all__ = ["Job", "Scheduler"]

TICK_SECS = 0.004
"""Jobs due within one tick run together, which saves wake-ups and is not visible."""

_MAX_LAG_SECS = 0.5
"""A playback that is later than this, because the machine slept, continues from now instead of catching up."""


class Job:
    """A repeated job.

    Args:
        run: runs it once; returns the seconds until the next time, or None to end it.
    """

    __slots__ = ("generation", "run")

    def __init__(self, run: Callable[[], float | None]) -> None:
        self.run = run
        self.generation = 0


class Scheduler:
    """Runs jobs when they are due, on the thread of the event loop.

    Args:
        clock: monotonic seconds.
        call_later: calls a function after some seconds.
    """

    def __init__(self, clock: Callable[[], float], call_later: Callable[[float, Callable[[], None]], object]) -> None:
        self._clock = clock
        self._call_later = call_later
        self._heap: list[tuple[float, int, Job, int]] = []
        self._order = count()
        self._wake_at: float | None = None

    def __len__(self) -> int:
        """Number of waiting jobs, including cancelled ones that are still in the heap."""
        return len(self._heap)

    def start(self, job: Job, *, after_secs: float) -> None:
        """Run ``job`` after ``after_secs``, replacing its earlier schedule."""
        job.generation += 1
        self._push(self._clock() + after_secs, job)

    def stop(self, job: Job) -> None:
        """Cancel ``job``."""
        job.generation += 1

    def _push(self, due: float, job: Job) -> None:
        heappush(self._heap, (due, next(self._order), job, job.generation))
        self._arm(due)

    def _arm(self, due: float) -> None:
        if self._wake_at is None or due < self._wake_at - TICK_SECS:
            self._wake_at = due
            self._call_later(max(0.0, due - self._clock()), self._wake)

    def _wake(self) -> None:
        now = self._clock()
        self._wake_at = None
        while self._heap and self._heap[0][0] <= now + TICK_SECS:
            due, _, job, generation = heappop(self._heap)
            if generation != job.generation:
                continue
            again_secs = job.run()
            if again_secs is not None and generation == job.generation:
                heappush(self._heap, (max(due, now - _MAX_LAG_SECS) + again_secs, next(self._order), job, generation))
        if self._heap:
            self._arm(self._heap[0][0])
