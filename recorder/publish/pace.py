"""How often a publisher looks, flushes and encodes chunks that are not full."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Pace"]

_CUTTING_SHARE = 0.005
"""Part of the time that may go into chunks that are not full, on a thread beside the trainer's: many slow lanes have many of
them at each flush."""
_LONGEST_UNCUT_SECS = 2.0
"""How far a live viewer lags at most when chunks are slow to fill."""
_PAUSE_SECS = (0.002, 0.05)
"""The shortest and the longest."""
_SHARED_PAUSE_SECS = (0.05, 0.1)
"""The same beside a trainer's thread."""


class Pace:
    """The times of one publisher.

    Args:
        shares_interpreter: whether the trainer runs in this process, so that this thread looks and cuts less often.
    """

    def __init__(self, *, flush_interval_secs: float, shares_interpreter: bool) -> None:
        self.wake = threading.Event()
        """Set from another thread, it cuts a pause short."""
        self._flush_interval_secs = flush_interval_secs
        self._shortest_secs, self._longest_secs = _SHARED_PAUSE_SECS if shares_interpreter else _PAUSE_SECS
        self._cutting_share = _CUTTING_SHARE if shares_interpreter else 1.0
        self._pause_secs = self._shortest_secs
        self._next_flush = self._next_cut = 0.0

    def pause(self, *, found_something: bool) -> None:
        """Wait: the longer, the longer nothing was found."""
        self._pause_secs = self._shortest_secs if found_something else min(2 * self._pause_secs, self._longest_secs)
        self.wake.wait(self._pause_secs)
        self.wake.clear()

    def is_flush_due(self, now: float) -> bool:
        """Whether the interval between flushes is over."""
        return now >= self._next_flush

    def has_flushed(self, now: float) -> None:
        """The next interval begins."""
        self._next_flush = now + self._flush_interval_secs

    def cut(self, now: float, cut_chunks: Callable[[], None], *, is_ending: bool) -> None:
        """Have chunks cut that are not full, as often as that takes a small part of the time."""
        if now < self._next_cut and not is_ending:
            return
        began = time.thread_time()
        cut_chunks()
        spent_secs = time.thread_time() - began
        self._next_cut = now + min(spent_secs / self._cutting_share, _LONGEST_UNCUT_SECS)
