"""Samples of curves, to draw them before the steps are loaded."""

from __future__ import annotations

import numpy as np

from recorder.outline.step_columns import Floats

__all__ = ["MAX_SAMPLES", "Samples"]

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
