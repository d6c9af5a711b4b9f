"""Samples of an episode's curves, to draw a timeline before the steps are loaded."""

from __future__ import annotations

from typing import Any

import numpy as np

from recorder.episode import return_of
from recorder.outline.step_columns import Floats

__all__ = ["MAX_SAMPLES", "Overview"]

MAX_SAMPLES = 512
"""A timeline has no more pixels."""


class Overview:
    """Samples of every ``stride``-th step. The stride doubles when there are too many samples.

    Args:
        n_meters: number of curves besides the return.
    """

    def __init__(self, n_meters: int) -> None:
        self.stride = 1
        self._n_meters = n_meters
        self._parts: list[Floats] = []
        """``float64[n, 3 + n_meters]`` each: index, sums of both rewards, meters."""
        self._last = np.empty((0, 3 + n_meters))

    def add(self, first_index: int, reward_so_far: Floats, intrinsic_so_far: Floats, meters: Floats | None) -> None:
        """Add the next steps.

        Args:
            reward_so_far, intrinsic_so_far: ``float64[n]``, ``n > 0``: sums up to and including each step.
            meters: ``float64[n, n_meters]``; None if the steps have none.
        """
        n_steps = len(reward_so_far)
        rows = np.full((n_steps, 3 + self._n_meters), np.nan)
        rows[:, 0] = np.arange(first_index, first_index + n_steps)
        rows[:, 1], rows[:, 2] = reward_so_far, intrinsic_so_far
        if meters is not None and meters.shape[1] >= self._n_meters:
            rows[:, 3:] = meters[:, : self._n_meters]
        self._last = rows[-1:].copy()
        self._parts.append(
            rows[-first_index % self.stride :: self.stride].copy()
        )  # a view would keep all rows in memory
        while sum(map(len, self._parts)) > MAX_SAMPLES:
            self.stride *= 2
            whole = np.concatenate(self._parts)
            self._parts = [whole[whole[:, 0] % self.stride == 0]]

    def to_map(self, weight: float | None, first_index: int = 0, end_index: int | None = None) -> dict[str, Any]:
        """Samples between two indexes, and the last step, rounded for display.

        Args:
            weight: weight of the intrinsic reward in the return; None if unknown.
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
