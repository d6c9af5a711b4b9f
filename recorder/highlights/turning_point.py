"""The place in a run where its mean changes most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from recorder.values.number_format import format_count, format_number
from recorder.wording import Measure

if TYPE_CHECKING:
    from recorder.catalog import CurvePoint

__all__ = ["find_turning_point"]

_TURN_SHARE = 0.05
"""Part of the sample on each side of a turning point."""
_MIN_TURN = 5
"""Smallest number of episodes on each side."""
_MIN_TURN_DEVIATIONS = 0.75
"""A turn changes the mean by at least so many standard deviations of all episodes; less is noise."""


def find_turning_point(points: Sequence[CurvePoint], measure: Measure, *, n_episodes: int) -> tuple[int, str] | None:
    """Return the episode id and the words of the place where the mean changes most; None if it hardly changes anywhere.

    Args:
        points: a sample of the run's episodes.
        n_episodes: of the whole run.
    """
    known = [(point, value) for point in points if (value := measure.of(point)) is not None and math.isfinite(value)]
    reach = max(_MIN_TURN, round(len(known) * _TURN_SHARE))
    if len(known) < 4 * reach:
        return None
    sums = [0.0, *accumulate(value for _, value in known)]
    mean = sums[-1] / len(known)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for _, value in known) / len(known))

    def means(place: int) -> tuple[float, float]:
        return (sums[place] - sums[place - reach]) / reach, (sums[place + reach] - sums[place]) / reach

    def change(place: int) -> float:
        before, after = means(place)
        return abs(after - before)

    place = max(range(reach, len(known) - reach + 1), key=change)
    before, after = means(place)
    if not math.isfinite(deviation) or not change(place) >= _MIN_TURN_DEVIATIONS * deviation > 0:
        return None
    n_side = max(reach, round(reach * n_episodes / max(1, len(points))))
    decimals = max(1, measure.decimals) if measure.decimals else 0
    word = "rose" if after > before else "fell"
    numbers = f"{format_number(before, decimals)} to {format_number(after, decimals)}{measure.suffix}"
    text = f"{measure.title} {word} from {numbers} (means of {format_count(n_side)} episodes)"
    return known[min(place, len(known) - 1)][0].episode_id, text
