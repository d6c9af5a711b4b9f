"""When each sentence is spoken: never two at once, the important ones first, and none at the climax. Pure."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Candidate", "Placed", "schedule"]

_PAUSE_SECS = 0.5
"""Between two sentences."""
_MOST_DELAY_SECS, _MOST_DELAY_OF_SMALL_SECS = 3.5, 1.2
"""A sentence that would come later speaks of something forgotten. Of a small event, such as a use, the picture shows the next one
by then: the sentence would seem to speak of that."""
_SMALL = 0.6
"""Importance below which an event is small."""
_CLIMAX_SECS = (0.3, 1.0)
"""Silence before and after the climax begins: the picture and the effects tell it."""
_END_SECS = 0.2
"""Silence at the end of the video."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may be spoken.

    Args:
        at: seconds at which its event happens.
        secs: how long it takes.
        importance: the more, the sooner it gets a place.
        until: seconds at which the part of the video ends that it speaks of.
        over: seconds at which it is no longer so, before which it must begin.
    """

    at: float
    secs: float
    importance: float
    until: float = math.inf
    over: float = math.inf


@dataclass(frozen=True, slots=True, order=True)
class Placed:
    """A sentence with its place: ``place`` is its number among the candidates."""

    start: float
    end: float
    at: float
    place: int


def schedule(candidates: Sequence[Candidate], *, video_secs: float, climaxes: Sequence[float] = ()) -> list[Placed]:
    """Choose sentences and their times.

    Sentences stay in the order of their events. One that finds no place within a few seconds is left out.

    Args:
        video_secs: no sentence ends later.
        climaxes: seconds at which a climax begins.

    Returns:
        The chosen ones, in order.
    """
    silences = sorted((at - _CLIMAX_SECS[0], at + _CLIMAX_SECS[1]) for at in climaxes)
    placed: list[Placed] = []
    for place in sorted(range(len(candidates)), key=lambda i: (-candidates[i].importance, candidates[i].at, i)):
        found = _find_place(candidates[place], place, placed, silences, video_secs)
        if found is not None:
            insort(placed, found)
    return placed


def _find_place(
    candidate: Candidate,
    place: int,
    placed: Sequence[Placed],
    silences: Sequence[tuple[float, float]],
    video_secs: float,
) -> Placed | None:
    start = candidate.at
    before = [other for other in placed if other.at <= candidate.at]
    after = [other for other in placed if other.at > candidate.at]
    if before:
        start = max(start, before[-1].end + _PAUSE_SECS)
    for quiet_from, quiet_until in silences:
        if start < quiet_until and start + candidate.secs > quiet_from:
            start = quiet_until
    end = start + candidate.secs
    most_delay = _MOST_DELAY_OF_SMALL_SECS if candidate.importance < _SMALL else _MOST_DELAY_SECS
    is_too_late = (
        start >= min(candidate.over, candidate.at + most_delay) or end > min(video_secs, candidate.until) - _END_SECS
    )
    if is_too_late or (after and end + _PAUSE_SECS > after[0].start):
        return None
    return Placed(start, end, candidate.at, place)
