"""Value ranges of bars and curves: fixed for a whole video, and the same for episodes shown together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recorder.outline import MeterRanges
from worker.video.episode.series import EpisodeSeries
from worker.video.episode.signals import choose_signals

__all__ = ["Range", "Scales", "scales_of", "value_range", "widest_numbers"]

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scales:
    """The scales of one episode's panels, each ``(low, high)`` with ``low < high``.

    Args:
        n_steps: width of curves in steps.
        total: of the return so far.
        reward: of a step's reward.
        meters: one per meter.
        q_values: one for all actions, including zero.
        lines: by column and index, one per number of the actions and extras that a world without positions shows
            over time.
    """

    n_steps: int
    total: Range
    reward: Range
    meters: tuple[Range, ...]
    q_values: Range
    lines: Mapping[tuple[str, int], Range]


def scales_of(series: EpisodeSeries, beside: Sequence[EpisodeSeries] = ()) -> Scales:
    """Return the scales for all of an episode's values.

    Args:
        beside: episodes to compare it with: their values are included, so that lengths in one picture are comparable.
            Meters match if they have the same index and name.
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
    """Return the finite range of each line. Lines of two episodes match if their columns do."""
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
    """Return the range, widened around the value if it is a point."""
    if low < high:
        return low, high
    middle = low if low == high else 0.0
    return middle - max(0.5, abs(middle) / 2), middle + max(0.5, abs(middle) / 2)


def value_range(values: NDArray[np.float64]) -> Range:
    """Return the finite range including zero; never empty."""
    finite = values[np.isfinite(values)]
    low, high = min(0.0, float(finite.min(initial=0.0))), max(0.0, float(finite.max(initial=0.0)))
    return (low, high) if high > low else (low, low + 1.0)


def widest_numbers(values: NDArray[np.float64]) -> list[float]:
    """Return the numbers whose texts may be the longest: both ends, and those next to zero, which have an exponent."""
    finite = values[np.isfinite(values)]
    sides = (finite[finite < 0], finite[finite > 0])
    return [float(end) for side in sides if side.size for end in (side.min(), side.max())] or [0.0]


def _meter_range(values: NDArray[np.float64]) -> Range:
    ranges = MeterRanges(1)
    ranges.shares(values[:, np.newaxis])
    return ranges.to_list()[0]
