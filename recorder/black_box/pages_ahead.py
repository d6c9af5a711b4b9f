"""The pages of a new ring, made before the trainer comes to them.

The first write into a page of a file costs the writer more than the copy of a step; a step with a picture touches 25 pages. Made
by another process, the sender, a page costs the trainer a third of it. The first ones the trainer makes while it waits for the
sender's start; they cost a call nothing.
"""

from __future__ import annotations

import mmap
import sys

from recorder.black_box.ring import Ring

__all__ = ["PagesAhead"]

_AHEAD_BYTES = 8 * 2**20
"""So far ahead of the head: a sender looks again after 50 ms at most. A run that stays short writes no more than that."""

_MADV_POPULATE_WRITE = 23
"""Of Linux 5.14; Python has no name for it."""


class PagesAhead:
    """For one ring, in its first round.

    Args:
        ring: in a file; whatever else is, has no pages that two processes share.
    """

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._made_until = ring.head
        self._is_over = sys.platform != "linux"

    def make(self) -> None:
        """Make those that the trainer comes to next."""
        ring, head = self._ring, self._ring.head
        if self._is_over or self._made_until - head > _AHEAD_BYTES // 2:
            return
        start, stop = max(self._made_until, head), min(head + _AHEAD_BYTES, ring.capacity)
        self._made_until = stop
        self._is_over = stop == ring.capacity or start >= stop
        if start < stop:
            first = (ring.ring_at + start) // mmap.PAGESIZE * mmap.PAGESIZE
            try:
                ring.memory.madvise(_MADV_POPULATE_WRITE, first, ring.ring_at + stop - first)
            except OSError:  # an older kernel: the trainer makes its pages by itself
                self._is_over = True
