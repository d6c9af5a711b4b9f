"""The bar of one row: a rounded track, filled from one column to another. Only changed columns are drawn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import Mask
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Color

__all__ = ["Filling", "Track"]


class Filling(NamedTuple):
    """What a track shows: ``start <= column < end`` in a colour, or hatching instead."""

    start: int
    end: int
    color: Color
    hatched: bool


class Track:
    """A track on the static layer.

    Args:
        rect: its place.
        mask: its shape.
        hatching: slanted lines in that shape.
        lines: the colour of the hatching.
    """

    def __init__(self, rect: Rect, mask: Mask, hatching: Mask, lines: Color) -> None:
        self._rect, self._mask, self._hatching, self._lines = rect, mask, hatching, lines
        self._shown: Filling | None = None
        self._full: dict[Color, NDArray[np.uint8]] = {}
        """Return the whole track filled, ``uint8[height, 3 * width]``, by colour."""
        self._hatched: NDArray[np.uint8] | None = None

    def show(self, canvas: Canvas, filling: Filling) -> None:
        """Fill the track."""
        before = self._shown
        if filling == before:
            return
        self._shown = filling
        if filling.hatched:
            canvas.paint(self._hatched_picture(canvas), self._rect.x, self._rect.y)
        elif before is None or before.hatched:
            self._draw(canvas, filling, 0, self._rect.width)
        elif filling.color != before.color:
            self._draw(canvas, filling, min(filling.start, before.start), max(filling.end, before.end))
        else:
            for edges in ((filling.start, before.start), (filling.end, before.end)):
                self._draw(canvas, filling, min(edges), max(edges))

    def _draw(self, canvas: Canvas, filling: Filling, first: int, last: int) -> None:
        """Redraw the columns ``first <= column < last``."""
        if first >= last:
            return
        x, y, _, height = self._rect
        start, end = max(first, filling.start), min(last, filling.end)
        if end - start < last - first:
            canvas.restore(Rect(x + first, y, last - first, height))
        if start < end:
            canvas.paint(self._full_picture(canvas, filling.color)[:, 3 * start : 3 * end], x + start, y)

    def _full_picture(self, canvas: Canvas, color: Color) -> NDArray[np.uint8]:
        if color not in self._full:
            self._full[color] = self._stamped(canvas, self._mask, color, 255)
        return self._full[color]

    def _hatched_picture(self, canvas: Canvas) -> NDArray[np.uint8]:
        if self._hatched is None:
            self._hatched = self._stamped(canvas, self._hatching, self._lines, 150)
        return self._hatched

    def _stamped(self, canvas: Canvas, mask: Mask, color: Color, opacity: int) -> NDArray[np.uint8]:
        x, y, width, height = self._rect
        picture = Surface(canvas.still.pixels[y : y + height, x : x + width].copy())
        picture.stamp(mask, 0, 0, color, opacity)
        return picture.picture(Rect(0, 0, width, height))
