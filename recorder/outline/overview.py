"""The curves of an episode, to draw a timeline before the steps are loaded."""

from __future__ import annotations

from typing import Any

import numpy as np

from recorder.episode import return_of
from recorder.outline.samples import MAX_SAMPLES, Samples
from recorder.outline.step_columns import Floats

__all__ = ["MAX_SAMPLES", "Overview"]


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
