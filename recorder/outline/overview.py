"""The overview: samples of an episode's curves, so that a timeline can be drawn before its steps have come."""

from __future__ import annotations

from typing import Any

import numpy as np

from recorder.episode import return_of
from recorder.outline.step_columns import Floats

__all__ = ["MAX_SAMPLES", "Overview"]

MAX_SAMPLES = 512
"""More than a timeline has pixels would not be seen."""


class Overview:
    """Samples at every ``stride``-th step; the stride doubles when there are too many, so that memory is bounded.

    Args:
        n_meters: how many curves there are beside the return's.
    """

    def __init__(self, n_meters: int) -> None:
        self.stride = 1
        self._n_meters = n_meters
        self._parts: list[Floats] = []
        """``float64[n, 3 + n_meters]`` each: index, sums of both rewards, meters."""
        self._last = np.empty((0, 3 + n_meters))

    def add(self, first_index: int, reward_so_far: Floats, intrinsic_so_far: Floats, meters: Floats | None) -> None:
        """Take in the next steps.

        Args:
            reward_so_far, intrinsic_so_far: ``float64[n]``, ``n > 0``: sums up to and including each step.
            meters: ``float64[n, n_meters]``, None where the steps have none.
        """
        n_steps = len(reward_so_far)
        rows = np.full((n_steps, 3 + self._n_meters), np.nan)
        rows[:, 0] = np.arange(first_index, first_index + n_steps)
        rows[:, 1], rows[:, 2] = reward_so_far, intrinsic_so_far
        if meters is not None and meters.shape[1] >= self._n_meters:
            rows[:, 3:] = meters[:, : self._n_meters]
        self._last = rows[-1:].copy()
        self._parts.append(rows[-first_index % self.stride :: self.stride].copy())  # a view would keep all rows
        while sum(map(len, self._parts)) > MAX_SAMPLES:
            self.stride *= 2
            whole = np.concatenate(self._parts)
            self._parts = [whole[whole[:, 0] % self.stride == 0]]

    def to_map(self, weight: float | None, first_index: int = 0, end_index: int | None = None) -> dict[str, Any]:
        """The samples between two indexes, and the last step of all, with as many digits as a curve shows.

        Args:
            weight: of the intrinsic reward in the return; None where nobody told it.
        """
        rows = np.concatenate([*self._parts, self._last])
        if len(rows) > 1 and rows[-1, 0] == rows[-2, 0]:
            rows = rows[:-1]
        rows = rows[(rows[:, 0] >= first_index) & (rows[:, 0] < (np.inf if end_index is None else end_index))]
        return {
            "stride": self.stride,
            "index": rows[:, 0].astype(np.int64).tolist(),
            "cumulative_reward": [
                float(f"{value:.9g}") for value in return_of(rows[:, 1], rows[:, 2], weight).tolist()
            ],
            "meters": [[float(f"{value:.6g}") for value in series] for series in rows[:, 3:].T.tolist()],
        }
