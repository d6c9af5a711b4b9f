"""When the next step of each playback is due: one heap and one timer for all of them, instead of a thread a viewer."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

__all__ = ["Job", "Scheduler"]

TICK_SECS = 0.004
"""Jobs that are due within one tick run together: far below what an eye sees, and it saves a wake-up for each."""

_MAX_LAG_SECS = 0.5
"""A playback that is later than this (the process was stopped, the machine slept) goes on from now instead of hurrying after."""


class Job:
    """Something that is to be done again and again.

    Args:
        run: does it once; returns the seconds until the next time, or None when it is over.
    """

    __slots__ = ("generation", "run")

    def __init__(self, run: Callable[[], float | None]) -> None:
        self.run = run
        self.generation = 0


class Scheduler:
    """Runs jobs when they are due, on the thread of the event loop.

    Args:
        clock: monotonic seconds.
        call_later: asks the event loop to call a function after so many seconds.
    """

    def __init__(self, clock: Callable[[], float], call_later: Callable[[float, Callable[[], None]], object]) -> None:
        self._clock = clock
        self._call_later = call_later
        self._heap: list[tuple[float, int, Job, int]] = []
        self._order = count()
        self._wake_at: float | None = None

    def __len__(self) -> int:
        """Jobs that wait, those taken back and not yet forgotten included."""
        return len(self._heap)

    def start(self, job: Job, *, after_secs: float) -> None:
        """Run ``job`` after ``after_secs``, instead of when it was due before."""
        job.generation += 1
        self._push(self._clock() + after_secs, job)

    def stop(self, job: Job) -> None:
        """Run ``job`` no more."""
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
