"""Maps step numbers to indexes of recorded steps, which differ after a gap."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from recorder.episode import Gap

__all__ = ["Stretches"]


class Stretches:
    """Runs of steps without a gap."""

    def __init__(self) -> None:
        self._first_steps: list[int] = []
        self._first_indexes: list[int] = []
        self._next_step = 0
        self._n_steps = 0

    def add(self, step_numbers: NDArray[np.int64], first_index: int) -> None:
        """Add ``int64[n]`` of the next steps, ``n > 0``, in order."""
        jumps = np.flatnonzero(np.diff(step_numbers, prepend=self._next_step - 1) != 1)
        if not self._first_steps and (not len(jumps) or jumps[0] != 0):
            jumps = np.concatenate([[0], jumps])
        self._first_steps += step_numbers[jumps].tolist()
        self._first_indexes += (first_index + jumps).tolist()
        self._next_step = int(step_numbers[-1]) + 1
        self._n_steps = first_index + len(step_numbers)

    def index_of(self, step: int) -> int:
        """Index of the step with this number, or of the next recorded one; ``n_steps`` if none follows."""
        place = bisect_right(self._first_steps, step) - 1
        if place < 0:
            return 0
        following = [*self._first_indexes[place + 1 : place + 2], self._n_steps][0]
        return min(self._first_indexes[place] + step - self._first_steps[place], following)

    def gaps(self, reason: str) -> list[Gap]:
        """The steps missing before and between the recorded ones."""
        stops = [*self._first_indexes[1:], self._n_steps]
        rows = zip(self._first_steps, self._first_indexes, stops, strict=False)
        ends = [0, *(first + stop - start for first, start, stop in rows)]
        return [Gap(end, first, reason) for end, first in zip(ends, self._first_steps, strict=False) if end < first]
