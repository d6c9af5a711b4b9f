"""Ranges of meters, and the levels low and critical. All views use them."""

from __future__ import annotations

from typing import Literal

import numpy as np

from recorder.outline.step_columns import Floats

__all__ = ["CRITICAL_SHARE", "LOW_SHARE", "MeterRanges", "meter_level"]

LOW_SHARE = 0.25
"""Share of the range below which a meter is low."""
CRITICAL_SHARE = 0.10
"""Share of the range below which a meter is critical, which is marked."""
_NEARLY_ONE = 1.5
"""A meter up to this value has the range 0 to 1, slightly exceeded, not 0 to 100."""


def meter_level(share: float) -> Literal["good", "low", "critical"]:
    """Level of a meter filled to this share."""
    return "critical" if share < CRITICAL_SHARE else "low" if share < LOW_SHARE else "good"


class MeterRanges:
    """The range of each meter, from the values so far.

    A meter within 0 to 1 or 0 to 100 has that range. Others range from 0 to their greatest value. A meter that was ever
    negative ranges from its least to its greatest value and has no levels, because its empty value is unknown.

    Args:
        n_meters: number of meters.
    """

    def __init__(self, n_meters: int) -> None:
        self.least = np.full(n_meters, np.inf)
        self.greatest = np.full(n_meters, -np.inf)

    def shares(self, meters: Floats) -> Floats:
        """Add steps.

        Args:
            meters: ``float64[n, n_meters]``, or ``float64[n, n_agents, n_meters]``; values that are not finite are ignored.

        Returns:
            The same shape: filled share of the range known at each step; NaN without a value or without levels.
        """
        finite = np.where(np.isfinite(meters), meters, np.nan)
        agents = tuple(range(1, meters.ndim - 1))
        lowest = np.fmin.reduce(finite, axis=agents, initial=np.inf) if agents else finite
        highest = np.fmax.reduce(finite, axis=agents, initial=-np.inf) if agents else finite
        least = np.fmin.reduce(lowest, axis=0, initial=np.inf)
        greatest = np.fmax.reduce(highest, axis=0, initial=-np.inf)
        if (least >= self.least).all() and (greatest <= self.greatest).all():  # the ranges stay: no need to follow them
            return np.where(self.least >= 0, finite / _top(self.greatest), np.nan)
        lows = np.fmin.accumulate(np.vstack([self.least, lowest]))[1:]
        highs = np.fmax.accumulate(np.vstack([self.greatest, highest]))[1:]
        self.least, self.greatest = np.fmin(self.least, least), np.fmax(self.greatest, greatest)
        if agents:
            lows, highs = lows[:, np.newaxis], highs[:, np.newaxis]
        return np.where(lows >= 0, finite / _top(highs), np.nan)

    def to_list(self) -> list[tuple[float, float]]:
        """``(low, high)`` of each meter, ``low < high``."""
        low = np.where(self.least < 0, self.least, 0.0)
        high = np.where(self.least < 0, self.greatest, _top(self.greatest))
        return [(float(a), float(b) if b > a else float(a) + 1.0) for a, b in zip(low, high, strict=True)]

    def has_levels(self) -> list[bool]:
        """Whether each meter has levels."""
        return [not least < 0 for least in self.least.tolist()]


def _top(greatest: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        whole = (greatest > _NEARLY_ONE) & (greatest <= 100)
    return np.where(greatest <= 1, 1.0, np.where(whole, 100.0, greatest))
