"""The agent's last movements, as a line that fades."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from worker.video.canvas.masks import Mask, polyline
from worker.video.canvas.overlay import Overlay
from worker.video.canvas.theme import Color
from worker.video.episode.series import EpisodeSeries
from worker.video.panels.parts.board import Board

__all__ = ["Trail"]

_LENGTH = 24
"""Number of movements shown."""
_STRONGEST = 120


@lru_cache(maxsize=4096)
def _segment(dx: int, dy: int, thickness: float) -> Mask:
    """Return a line from one corner of its mask to the opposite one, inside a margin."""
    margin = _margin(thickness)
    start = (margin + max(0, -dx), margin + max(0, -dy))
    points = np.array([start, (start[0] + dx, start[1] + dy)], np.float64)
    return polyline(points, abs(dx) + 2 * margin, abs(dy) + 2 * margin, thickness)


def _margin(thickness: float) -> int:
    """Return the margin for half of the line and its soft edge."""
    return math.ceil(thickness / 2) + 1


class Trail:
    """The last movements before a step.

    Args:
        thickness: of the line, in pixels.
    """

    def __init__(self, series: EpisodeSeries, board: Board, *, thickness: float) -> None:
        self._series, self._thickness = series, thickness
        places = [board.place(position) for position in series.positions]
        self._floors = [board.floor_of(position) for position in series.positions]
        self._places = [None if place is None else (round(place[0]), round(place[1])) for place in places]

    def draw(self, overlay: Overlay, index: int, color: Color) -> None:
        """Draw the path to the position of the step before ``index``."""
        for i in range(max(1, index - _LENGTH + 1), index):
            self._draw(overlay, i, self._places[i], round(_STRONGEST * (1 - (index - i) / _LENGTH)), color)

    def draw_head(self, overlay: Overlay, index: int, head: tuple[float, float] | None, color: Color) -> None:
        """Draw the path from there to ``head``, the agent's pixel on its way to the position of ``index``."""
        if index > 0:
            end = self._places[index] if head is None else (round(head[0]), round(head[1]))
            self._draw(overlay, index, end, _STRONGEST, color)

    def _draw(self, overlay: Overlay, index: int, end: tuple[int, int] | None, opacity: int, color: Color) -> None:
        start = self._places[index - 1]
        if (
            start is None
            or end is None
            or start == end
            or not self._series.follows(index)
            or self._floors[index - 1] != self._floors[index]
        ):
            return
        mask = _segment(end[0] - start[0], end[1] - start[1], self._thickness)
        margin = _margin(self._thickness)
        overlay.stamp(mask, min(start[0], end[0]) - margin, min(start[1], end[1]) - margin, color, opacity)
