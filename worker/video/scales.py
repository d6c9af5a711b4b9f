"""From which value to which one bars and curves reach: fixed for a whole video, and the same for episodes shown together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recorder.outline import MeterRanges
from worker.video.series import EpisodeSeries
from worker.video.signals import choose_signals

__all__ = ["Range", "Scales", "scales_of", "value_range"]

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scales:
    """The scales of one episode's panels, each ``(low, high)`` with ``low < high``.

    Args:
        n_steps: that curves are wide.
        total: of the reward so far; reward: of a step's reward.
        meters: one for each of the episode's meters.
        q_values: one for all actions; zero lies within.
        lines: one for each number of the actions and extras that a world without space shows over time, by column and place.
    """

    n_steps: int
    total: Range
    reward: Range
    meters: tuple[Range, ...]
    q_values: Range
    lines: Mapping[tuple[str, int], Range]


def scales_of(series: EpisodeSeries, beside: Sequence[EpisodeSeries] = ()) -> Scales:
    """The scales that hold all of an episode's values.

    Args:
        beside: episodes that it is compared with: their values are held too, so that lengths in one picture mean the same.
            A meter is another one's equal when it has the same place and the same name.
    """
    together = (series, *beside)
    meters = []
    for i, name in enumerate(series.meter_names):
        alike = [other for other in together if other.meter_names[i : i + 1] == (name,)]
        meters.append(_meter_range(np.concatenate([other.meters[:, i] for other in alike])))
    q_values = [other.q_values.ravel() for other in together if other.q_values is not None]
    return Scales(
        n_steps=max(other.n_steps for other in together),
        total=value_range(np.concatenate([other.cumulative for other in together])),
        reward=value_range(np.concatenate([other.rewards for other in together])),
        meters=tuple(meters),
        q_values=value_range(np.concatenate([np.zeros(1), *q_values])),
        lines={} if series.positions.shape[1] else _line_ranges(together),
    )


def _line_ranges(together: Sequence[EpisodeSeries]) -> dict[tuple[str, int], Range]:
    """From the least to the greatest finite value of each line; lines of two episodes are equal when their columns are."""
    found: dict[tuple[str, int], Range] = {}
    for series in together:
        for signal in choose_signals(series):
            if signal.component is not None:
                low, high = found.get((signal.column, signal.component), (np.inf, -np.inf))
                finite = signal.line[np.isfinite(signal.line)]
                low, high = float(finite.min(initial=low)), float(finite.max(initial=high))
                found[signal.column, signal.component] = low, high
    return {line: _opened(low, high) for line, (low, high) in found.items()}


def _opened(low: float, high: float) -> Range:
    """The range, made wider where it is a point: then its value lies in the middle."""
    if low < high:
        return low, high
    middle = low if low == high else 0.0
    return middle - max(0.5, abs(middle) / 2), middle + max(0.5, abs(middle) / 2)


def value_range(values: NDArray[np.float64]) -> Range:
    """From the least to the greatest finite value, zero included; never empty."""
    finite = values[np.isfinite(values)]
    low, high = min(0.0, float(finite.min(initial=0.0))), max(0.0, float(finite.max(initial=0.0)))
    return (low, high) if high > low else (low, low + 1.0)


def _meter_range(values: NDArray[np.float64]) -> Range:
    ranges = MeterRanges(1)
    ranges.shares(values[:, np.newaxis])
    return ranges.to_list()[0]
