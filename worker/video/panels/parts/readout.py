"""A changing line of text on a plate of one colour, drawn by copying a finished picture."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import Lettering, lettering
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Color

__all__ = ["Readout"]

_NUMERALS = frozenset("0123456789+-−.:% ")


class _Look(NamedTuple):
    """How a line is written; ``size`` in pixels."""

    size: int
    bold: bool
    color: Color
    plate: Color


class _Picture(NamedTuple):
    """A line of text on its plate."""

    pixels: NDArray[np.uint8]
    """``uint8[height, 3 * width]``."""
    left: int
    """Columns from the start of the text to the picture's first column; may be negative."""
    top: int
    """Rows from the picture's first row to the baseline."""
    width: int
    """Advance width of the line."""


class Readout:
    """A place for one line of text, directly on the plate.

    Args:
        x: of the line's start, centre or end, by ``align``: ``left``, ``center`` or ``right``.
        baseline: its row.
        plate: the background colour.
    """

    def __init__(self, x: float, baseline: int, plate: Color, *, align: str = "left") -> None:
        self._x, self._baseline, self._plate, self._align = x, baseline, plate, align
        self._shown: tuple[str, _Look] | None = None
        self._written: Rect | None = None

    def show(self, canvas: Canvas, text: str, size: int, color: Color, *, bold: bool = False) -> None:
        """Replace the line; ``size`` of the font in pixels."""
        look = _Look(size, bold, color, self._plate)
        if (text, look) == self._shown:
            return
        self._shown = (text, look)
        picture = _picture(text, look)
        back = {"left": 0.0, "center": picture.width / 2, "right": picture.width}[self._align]
        x, y = round(self._x - back) + picture.left, self._baseline - picture.top
        written = Rect(x, y, picture.pixels.shape[1] // 3, picture.pixels.shape[0])
        if self._written is not None and not written.contains(self._written):
            canvas.restore(self._written)
        self._written = written
        canvas.paint(picture.pixels, x, y)

    def hide(self, canvas: Canvas) -> None:
        """Remove the line."""
        if self._written is not None:
            canvas.restore(self._written)
        self._shown = self._written = None


def _picture(text: str, look: _Look) -> _Picture:
    if len(text) > 1 and _NUMERALS.issuperset(text):
        # Numbers change at every step, so they are made of letters whose pictures are drawn once.
        letters = [picture for letter in text if (picture := _letter(letter, look)) is not None]
        if len(letters) == len(text):
            pixels = np.concatenate(letters, axis=1)
            return _Picture(pixels, 0, _numeral_rows(look.size, look.bold)[0], pixels.shape[1] // 3)
    return _line(text, look)


@lru_cache(maxsize=256)
def _line(text: str, look: _Look) -> _Picture:
    line = lettering(text, look.size, bold=look.bold)
    return _Picture(_printed(line, look, 0, 0, line.mask.width, line.mask.height), line.left, line.top, line.width)


@lru_cache(maxsize=1024)
def _letter(letter: str, look: _Look) -> NDArray[np.uint8] | None:
    """Return it as wide as its advance and as high as all numerals, ``uint8[height, 3 * width]``; None if it is
    larger."""
    line = lettering(letter, look.size, bold=look.bold)
    if line.left < 0 or line.left + line.mask.width > line.width:
        return None
    top, height = _numeral_rows(look.size, look.bold)
    return _printed(line, look, line.left, top - line.top, line.width, height)


@lru_cache(maxsize=64)
def _numeral_rows(size: int, bold: bool) -> tuple[int, int]:
    """Return how far numerals reach above the baseline, and how many rows they take."""
    lines = [lettering(letter, size, bold=bold) for letter in sorted(_NUMERALS)]
    top = max(line.top for line in lines)
    return top, top + max(line.mask.height - line.top for line in lines)


def _printed(line: Lettering, look: _Look, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
    """Return a plate of that size with the letters at ``(x, y)``."""
    plate = Surface(np.full((height, width, 3), look.plate, np.uint8))
    plate.stamp(line.mask, x, y, look.color)
    return plate.picture(Rect(0, 0, width, height))
