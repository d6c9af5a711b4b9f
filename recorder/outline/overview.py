"""The curves of an episode as samples, to draw a timeline before the steps are loaded."""

from __future__ import annotations

from typing import Any

import numpy as np

from recorder.episode import return_of
from recorder.outline.step_columns import Floats

__all__ = ["MAX_SAMPLES", "Overview", "Samples"]

MAX_SAMPLES = 512
"""A timeline has no more pixels."""


class Samples:
    """The values of every ``stride``-th step. The stride doubles when there are too many samples.

    Args:
        n_curves: number of values of a step; it may grow.
    """

    def __init__(self, n_curves: int) -> None:
        self.stride = 1
        self.n_steps = 0
        self._parts: list[Floats] = []
        """``float64[n, 1 + n_curves]`` each, the index first."""
        self._last = np.empty((0, 1 + n_curves))

    def add(self, first_index: int, values: Floats) -> None:
        """Add the next steps, ``float64[n, n_curves]``, ``n > 0``; earlier steps have NaN for curves that are new."""
        rows = np.column_stack([np.arange(first_index, first_index + len(values)), values])
        self._last = rows[-1:].copy()
        self.n_steps = first_index + len(rows)
        self._parts.append(
            rows[-first_index % self.stride :: self.stride].copy()
        )  # a view would keep all rows in memory
        while sum(map(len, self._parts)) > MAX_SAMPLES:
            self.stride *= 2
            self._parts = [part[part[:, 0] % self.stride == 0] for part in self._parts]
            self._parts = [self._joined(self._parts)]

    def between(self, first_index: int, end_index: int | None) -> Floats:
        """``float64[n, 1 + n_curves]``: the samples between two indexes, and the last step, the index first."""
        rows = self._joined([*self._parts, self._last])
        if len(rows) > 1 and rows[-1, 0] == rows[-2, 0]:
            rows = rows[:-1]
        return rows[(rows[:, 0] >= first_index) & (rows[:, 0] < (np.inf if end_index is None else end_index))]

    def _joined(self, parts: list[Floats]) -> Floats:
        n_columns = self._last.shape[1]
        return np.concatenate(
            [np.pad(part, ((0, 0), (0, n_columns - part.shape[1])), constant_values=np.nan) for part in parts]
        )


class Overview:
    """Samples of the return and of the meters.

    Args:
        n_meters: number of curves besides the return.
    """

    def __init__(self, n_meters: int) -> None:
        self._n_meters = n_meters
        self._samples = Samples(2 + n_meters)
        """Sums of both rewards, and the meters."""

    def add(self, first_index: int, reward_so_far: Floats, intrinsic_so_far: Floats, meters: Floats | None) -> None:
        """Add the next steps.

        Args:
            reward_so_far, intrinsic_so_far: ``float64[n]``, ``n > 0``: sums up to and including each step.
            meters: ``float64[n, n_meters]``; None if the steps have none.
        """
        values = np.full((len(reward_so_far), 2 + self._n_meters), np.nan)
        values[:, 0], values[:, 1] = reward_so_far, intrinsic_so_far
        if meters is not None and meters.shape[1] >= self._n_meters:
            values[:, 2:] = meters[:, : self._n_meters]
        self._samples.add(first_index, values)

    def to_map(self, weight: float | None, first_index: int = 0, end_index: int | None = None) -> dict[str, Any]:
        """Samples between two indexes, and the last step, rounded for display.

        Args:
            weight: weight of the intrinsic reward in the return; None if unknown.
        """
        rows = self._samples.between(first_index, end_index)
        return {
            "stride": self._samples.stride,
            "index": rows[:, 0].astype(np.int64).tolist(),
            "cumulative_reward": [
                float(f"{value:.9g}") for value in return_of(rows[:, 1], rows[:, 2], weight).tolist()
            ],
            "meters": [[float(f"{value:.6g}") for value in series] for series in rows[:, 3:].T.tolist()],
        }
