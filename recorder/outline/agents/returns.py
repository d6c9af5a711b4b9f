"""The returns of agents, or of teams, over an episode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recorder.episode import return_of
from recorder.outline.overview import Samples
from recorder.outline.step_columns import Floats

__all__ = ["ReturnCurves"]


class ReturnCurves:
    """Samples of returns, at the same steps as ``Overview``; the number of curves may grow."""

    def __init__(self) -> None:
        self._samples = Samples(0)
        self._sums = np.zeros(0)
        """Of both rewards of each curve."""

    def add(self, first_index: int, rewards: Sequence[Floats], begins: Sequence[float]) -> None:
        """Add the next steps.

        Args:
            rewards: ``float64[2, n]`` of each curve: reward and intrinsic reward.
            begins: index of the first step of each curve; it has no values before.
        """
        if first_index and not self._samples.n_steps:
            self._samples.add(0, np.empty((first_index, 0)))
        self._sums = np.pad(self._sums, (0, 2 * len(rewards) - len(self._sums)))
        sums = self._sums + np.cumsum(np.concatenate(rewards).T, axis=0)
        self._sums = sums[-1].copy()
        indexes = np.arange(first_index, first_index + len(sums))
        for number, begin in enumerate(begins):
            sums[indexes < begin, 2 * number : 2 * number + 2] = np.nan
        self._samples.add(first_index, sums)

    def returns(self, weight: float | None, first_index: int, end_index: int | None) -> list[list[float]]:
        """The samples of each curve between two indexes, rounded for display."""
        rows = self._samples.between(first_index, end_index)[:, 1:]
        curves = [return_of(rows[:, n], rows[:, n + 1], weight) for n in range(0, rows.shape[1], 2)]
        return [[float(f"{value:.9g}") for value in curve.tolist()] for curve in curves]
