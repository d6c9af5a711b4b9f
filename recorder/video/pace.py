"""How fast each part of a video plays. Pure.

``steady`` gives all steps the same time. ``story`` passes dull stretches at three times the speed and what matters at
half of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from recorder.outline import Marker

__all__ = ["DULL_FACTOR", "PACES", "SLOW_FACTOR", "PaceSpan", "slow_span", "story_spans"]

PACES = ("steady", "story")

DULL_FACTOR = Fraction(3)
SLOW_FACTOR = Fraction(1, 2)

PaceSpan = tuple[int, Fraction]
"""Index of the first step of a span, and the factor of its speed; the span ends where the next one begins."""

_SLOW_KINDS = {"low_meter": (2, 4), "best_reward": (2, 2), "end": (3, 1)}
"""Kinds of markers that slow the video, with the steps before them and from them on."""


def slow_span(marker: Marker, n_steps: int) -> tuple[int, int]:
    """The steps ``[start, stop)`` around a marker that matter."""
    before, after = _SLOW_KINDS.get(marker.kind, (0, 1))
    return max(0, marker.index - before), min(n_steps, marker.index + after)


def story_spans(markers: Sequence[Marker], dull: Sequence[tuple[int, int]], n_steps: int) -> tuple[PaceSpan, ...]:
    """Spans over all steps, neighbours with different factors.

    Args:
        markers: of the episode.
        dull: spans ``[start, stop)`` in which nothing happens.
        n_steps: of the episode, at least 1.
    """
    factors = np.ones(n_steps)
    for start, stop in dull:
        factors[start:stop] = DULL_FACTOR
    for marker in markers:
        if marker.kind in _SLOW_KINDS:
            factors[slice(*slow_span(marker, n_steps))] = SLOW_FACTOR
    starts = [0, *(np.flatnonzero(np.diff(factors)) + 1).tolist()]
    return tuple((start, Fraction(float(factors[start]))) for start in starts)
