"""Bounds of the board that contain every position of the episode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recorder.outline.step_columns import Floats

__all__ = ["Bounds"]

_MAX_AXES = 3
"""Further coordinates are not drawn."""
_FARTHEST = 2.0**53
"""Largest coordinate that JavaScript can count exactly."""


class Bounds:
    """Starts with the declared size and the affordances, and grows with positions.

    Args:
        substrate: ``type``, ``position_dim``, ``width``, ``height``, as in ``Scene``.
    """

    def __init__(self, substrate: Mapping[str, Any], affordances: Mapping[str, Sequence[float]]) -> None:
        n_axes = min(max(int(substrate["position_dim"]), 0), _MAX_AXES)
        self._reach = 0 if substrate["type"] == "continuous" else 1
        """Size of a position: a cell in a grid."""
        self.low = np.zeros(n_axes)
        self.high = np.ones(n_axes)
        for axis, size in enumerate((substrate["width"], substrate["height"])[:n_axes]):
            self.high[axis] = min(max(size or 1, 1), _FARTHEST)
        for cell in affordances.values():
            if len(cell) == substrate["position_dim"]:
                self.include(np.asarray([cell], np.float64))

    def include(self, positions: Floats) -> None:
        """Extend the bounds to ``float64[n, n_dims]``; coordinates that are not finite are ignored."""
        shown = positions[:, : len(self.low)]
        if shown.shape[1] != len(self.low):
            return
        finite = np.isfinite(shown)
        shown = np.clip(shown, -_FARTHEST, _FARTHEST)
        least = np.min(shown, axis=0, where=finite, initial=np.inf)
        greatest = np.max(shown, axis=0, where=finite, initial=-np.inf)
        self.low = np.where(least < self.low, np.floor(least), self.low)
        self.high = np.where(greatest + self._reach > self.high, np.ceil(greatest + self._reach), self.high)

    def to_map(self) -> dict[str, list[float]]:
        """``low`` and ``high`` along each axis."""
        return {"low": self.low.tolist(), "high": self.high.tolist()}
