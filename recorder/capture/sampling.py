"""``on_full='sample'``: while the ring fills, record one episode in k whole, and leave the others out whole.

Holes in every episode would be of less use. k doubles while the ring is more than half full, and halves once it is nearly
empty. An episode that has begun is never left out.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.black_box import RingWriter
from recorder.capture.refusals import Refusals
from recorder.schema import NO_STEP

__all__ = ["Sampling"]

_FULL_SHARE = 0.5
_EMPTY_SHARE = 0.1
_CHANGE_SECS = 0.5
"""Until the effect of the last change shows."""

_MAX_K = 2**20
_MIX = 0x9E3779B97F4A7C15
"""Fibonacci hashing: neighbouring ids fall far apart."""


class Sampling:
    """One for each recorder."""

    def __init__(self, writer: RingWriter, refusals: Refusals) -> None:
        self._writer = writer
        self._refusals = refusals
        self._next_change = 0.0
        self._left_out: set[int] = set()
        self.k = 1
        """One episode in so many is recorded."""

    @property
    def is_active(self) -> bool:
        """Whether any step has to be asked about."""
        return self.k > 1 or bool(self._left_out)

    def look(self) -> None:
        """Adapt to how full the ring is."""
        now = time.monotonic()
        if now < self._next_change:
            return
        share = self._writer.n_used_bytes / self._writer.ring.capacity
        if share > _FULL_SHARE and self.k < _MAX_K:
            self.k *= 2
        elif share < _EMPTY_SHARE and self.k > 1:
            self.k //= 2
        else:
            return
        self._next_change = now + _CHANGE_SECS

    def takes(self, episode_id: int, step: int) -> bool:
        """Whether a step is recorded; an episode is decided on with its step 0."""
        if step == 0 and episode_id not in self._left_out and not self._is_chosen(episode_id):
            self._left_out.add(episode_id)
            self._refusals.count(n_sampled_out_episodes=1)
        if episode_id not in self._left_out:
            return True
        self._refusals.count(n_sampled_out_steps=1)
        return False

    def leaves_out(self, episode_id: int) -> bool:
        """Whether an episode was left out."""
        return episode_id in self._left_out

    def ends(self, episode_id: int) -> None:
        """An episode that was left out has ended."""
        self._left_out.discard(episode_id)

    def taken(self, episode_ids: NDArray[np.int64], steps: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ids of a block, with -1 where the step is left out."""
        ids = episode_ids.copy()
        for place in np.argwhere(ids != NO_STEP):
            index: Any = tuple(place)
            if not self.takes(int(ids[index]), int(steps[index])):
                ids[index] = NO_STEP
        return ids

    def _is_chosen(self, episode_id: int) -> bool:
        return self.k == 1 or (episode_id * _MIX % 2**64) >> 40 < 2**24 // self.k
