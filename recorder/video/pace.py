"""How fast each part of a video plays. Pure.

``steady`` gives all steps the same time. ``story`` passes dull stretches at three times the speed and what matters at
half of it; a turn that shows a text lasts as long as it takes to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from recorder.outline import Marker

__all__ = [
    "DULL_FACTOR",
    "PACES",
    "SLOW_FACTOR",
    "PaceSpan",
    "longest_reading",
    "reading_spans",
    "slow_span",
    "story_spans",
]

PACES = ("steady", "story")

DULL_FACTOR = Fraction(3)
SLOW_FACTOR = Fraction(1, 2)

PaceSpan = tuple[int, Fraction]
"""Index of the first step of a span, and the factor of its speed; the span ends where the next one begins."""

_SLOW_KINDS = {"low_meter": (2, 4), "best_reward": (2, 2), "end": (3, 1)}
"""Kinds of markers that slow the video, with the steps before them and from them on."""


_READING_SECS = 300.0
"""Longest time of all turns together, unless the steps would last longer anyway: those of a long episode are shortened."""

_SECS_A_TURN, _LETTERS_A_SEC, _MOST_SECS_A_TURN = 1.0, 20.0, 12.0


def longest_reading(n_steps: int) -> float:
    """Seconds that ``reading_spans`` gives so many steps at most, unless they would last longer at the usual pace."""
    return min(_READING_SECS, _MOST_SECS_A_TURN * n_steps)


def reading_spans(n_letters: Sequence[int], steps_per_second: float) -> tuple[PaceSpan, ...]:
    """Spans over all steps in which each lasts as long as it takes to read what it shows.

    Args:
        n_letters: of each step, at least one step.
        steps_per_second: where the factor is 1.
    """
    secs = np.minimum(_SECS_A_TURN + np.asarray(n_letters, np.float64) / _LETTERS_A_SEC, _MOST_SECS_A_TURN)
    most = max(_READING_SECS, len(secs) / steps_per_second)
    secs *= min(1.0, most / float(secs.sum()))
    factors = [Fraction(f"{1 / (each * steps_per_second):.4g}") for each in secs.tolist()]
    return tuple((at, factor) for at, factor in enumerate(factors) if at == 0 or factor != factors[at - 1])


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
