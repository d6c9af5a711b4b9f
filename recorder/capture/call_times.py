"""How long a trainer spends inside the recorder's calls: a sample of the recent ones."""

from __future__ import annotations

from collections import deque

__all__ = ["LOOKED_EVERY_EVENTS", "TIMED_EVERY_CALLS", "TIMED_EVERY_STEPS", "CallTimes"]

TIMED_EVERY_STEPS = 64
"""``record_step`` looks at the clock, and after the sender, at each step whose number this divides: two looks take a twentieth of
a call. Of first steps it is one in ``LOOKED_EVERY_EVENTS``."""

TIMED_EVERY_CALLS = 8
"""``record_batch`` looks at the clock, and after the sender, at one call in so many, the first among them."""

LOOKED_EVERY_EVENTS = 8
"""The beginning and the end of an episode look after the sender at one in so many: a look takes a fifth of such a call."""

_N_RECENT = 1024


class CallTimes:
    """Written on the trainer's threads, read on any."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_N_RECENT)
        self.add = self._recent.append
        """Takes the seconds that one call took."""

    def read(self) -> tuple[float, float] | None:
        """Microseconds, median and 99th percentile; None before any call was timed."""
        ordered = sorted(list(self._recent))  # noqa: C414 - the copy is made in one go, while others may append
        if not ordered:
            return None
        last = len(ordered) - 1
        median, p99 = (round(ordered[round(last * share)] * 1e6, 2) for share in (0.5, 0.99))
        return median, p99
