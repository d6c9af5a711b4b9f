"""The other agents of an episode of several, on the board: discs with signs, and names if they are few."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from recorder.video.timeline import Moment
from worker.video.canvas.masks import disc, lettering
from worker.video.canvas.overlay import Overlay
from worker.video.canvas.theme import Theme
from worker.video.episode.series import EpisodeSeries, Floats, OtherAgent
from worker.video.panels.parts.board import Board

__all__ = ["Figures", "stamp_name", "stamp_sign"]

Point = tuple[float, float]

_MOST_NAMED = 12
_SMALLEST_SIGNED = 5.0
"""Radius in pixels; on smaller discs a sign could not be read."""


class Figures:
    """The agents whose numbers are not shown.

    Args:
        radius: of a disc, in pixels.
        name_size: of a name, in pixels; 0 for no names.
    """

    def __init__(self, series: EpisodeSeries, board: Board, theme: Theme, *, radius: float, name_size: int) -> None:
        self._series, self._board, self._theme, self._radius = series, board, theme, radius
        self._name_size = name_size if len(series.others) < _MOST_NAMED else 0
        self._steps = lru_cache(maxsize=4)(self._places)

    def at(self, moment: Moment) -> tuple[Point | None, ...]:
        """Return the pixel of each agent, on its way or at its place; None while it is absent."""
        index = moment.step_index
        here = self._steps(index)
        if moment.progress >= 1 or not self._series.follows(index):
            return here
        before = self._steps(index - 1)
        floor_of = self._board.floor_of
        return tuple(
            (round(a[0] + (b[0] - a[0]) * moment.progress), round(a[1] + (b[1] - a[1]) * moment.progress))
            if a is not None
            and b is not None
            and floor_of(other.positions[index - 1]) == floor_of(other.positions[index])
            else b
            for a, b, other in zip(before, here, self._series.others, strict=True)
        )

    def draw(self, overlay: Overlay, places: tuple[Point | None, ...]) -> None:
        """Draw the agents that are present."""
        alone = self._alone(places)
        for other, place in zip(self._series.others, places, strict=True):
            if place is not None:
                self._draw(overlay, other, *place, is_named=place in alone)

    def _alone(self, places: tuple[Point | None, ...]) -> set[Point]:
        """The places with no other nearby: names of those beside each other would overlap."""
        there = [place for place in places if place is not None]
        if not self._name_size:
            return set()
        return {one for one in there if sum(math.dist(one, other) < 2 * self._radius for other in there) == 1}

    def _draw(self, overlay: Overlay, other: OtherAgent, x: float, y: float, *, is_named: bool) -> None:
        theme, radius = self._theme, self._radius
        overlay.stamp_center(disc(radius + max(1.5, radius * 0.13)), x, y, theme.panel)
        overlay.stamp_center(disc(radius), x, y, theme.agents[other.look.number])
        stamp_sign(overlay, other.look.sign, x, y, radius, theme)
        if is_named:
            stamp_name(overlay, other.agent_id, x, y + radius, self._name_size, theme.muted)

    def _places(self, index: int) -> tuple[Point | None, ...]:
        """Where the agents stand in a step; those in one place stand around its middle."""
        chosen = _key(self._series.positions, index)
        numbers: dict[bytes, int] = {} if chosen is None else {chosen: 1}
        found: list[Point | None] = []
        for other in self._series.others:
            place = self._board.place(other.positions[index])
            key = _key(other.positions, index)
            if place is None or key is None:
                found.append(None)
                continue
            nth = numbers.get(key, 0)
            numbers[key] = nth + 1
            angle = math.pi + nth * 2.4  # radians; neighbours stand far apart
            far = 1.1 * self._radius if nth else 0.0
            found.append((round(place[0] + far * math.cos(angle)), round(place[1] + far * math.sin(angle))))
        return tuple(found)


def stamp_sign(overlay: Overlay, sign: str, x: float, y: float, radius: float, theme: Theme) -> None:
    """Write an agent's sign on its disc."""
    if radius >= _SMALLEST_SIGNED:
        size = max(6, round(radius * (0.95 if len(sign) > 1 else 1.2)))
        overlay.stamp_center(lettering(sign, size, bold=True).mask, x, y, theme.panel)


def stamp_name(overlay: Overlay, name: str, x: float, top: float, size: int, color: tuple[int, int, int]) -> None:
    """Write an agent's name below its disc."""
    overlay.stamp_center(lettering(name[:_LONGEST_NAME], size).mask, x, top + size * 0.75, color)


_LONGEST_NAME = 24


def _key(positions: Floats, index: int) -> bytes | None:
    row = positions[index]
    return row.tobytes() if row.size and np.isfinite(row).all() else None
