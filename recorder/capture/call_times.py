"""How long a trainer spends inside the recorder's calls: a sample of the recent ones, and what is told of it."""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple

__all__ = ["TIMED_EVERY_STEPS", "CallTimes", "TimesTold"]

TIMED_EVERY_STEPS = 64
"""``record_step`` looks at the clock at each step whose number this divides: two looks take a twentieth of a call."""

_N_RECENT = 1024
_AGAIN_SECS = 1.0
"""Until the sample is sorted again for a heartbeat, which takes 0.1 ms of the interpreter."""


class TimesTold(NamedTuple):
    """Microseconds; None before any call was timed."""

    call_median_us: float | None = None
    call_p99_us: float | None = None


class CallTimes:
    """Written on the trainer's threads, read on any."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_N_RECENT)
        self.add = self._recent.append
        """Takes the seconds that one call took."""
        self._told = TimesTold()
        self._next = 0.0

    def told(self, *, fresh: bool = False) -> TimesTold:
        """Median and 99th percentile of the sample.

        Args:
            fresh: of this moment, instead of the last second.
        """
        now = time.monotonic()
        if self._recent and (fresh or now >= self._next):
            self._next = now + _AGAIN_SECS
            ordered = sorted(list(self._recent))  # noqa: C414 - the copy is made in one go, while others may append
            last = len(ordered) - 1
            self._told = TimesTold(*(round(ordered[round(last * share)] * 1e6, 2) for share in (0.5, 0.99)))
        return self._told
