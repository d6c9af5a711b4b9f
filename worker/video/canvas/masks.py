"""Shapes and text as coverage masks, drawn by matplotlib's rasteriser. No other module draws with matplotlib; ``fonts`` knows
its fonts.

A mask gets its colour when it is stamped onto a surface, so it serves every colour. Masks are cached, because drawing
one takes a hundred times as long as stamping it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray

from recorder.outline.looks import AFFORDANCE_SHAPES
from worker.video.canvas.fonts import letters_of, runs_of

__all__ = [
    "Lettering",
    "Mask",
    "arc",
    "arrow_head",
    "disc",
    "lettering",
    "marker",
    "polyline",
    "ring",
    "rounded",
    "text_width",
]


class Mask:
    """A shape. It equals only itself, so that results can be cached by it.

    Args:
        coverage: ``uint8[height, 3 * width]``: how much of each pixel is covered, repeated for the three bands, so that
            whole rows can be blended at once.
    """

    __slots__ = ("coverage", "height", "width")

    def __init__(self, coverage: NDArray[np.uint8]) -> None:
        coverage.flags.writeable = False
        self.coverage = coverage
        self.height, self.width = coverage.shape[0], coverage.shape[1] // 3


_DPI = 72
"""At 72 dpi a point is a pixel, so a font's size is in pixels."""

_NUMERALS = frozenset("0123456789+-−.,%/: ")


class Lettering(NamedTuple):
    """A line of text: its mask and its position relative to the left end of the baseline."""

    mask: Mask
    left: int
    """Columns from the start of the text to the mask's first column; may be negative."""
    top: int
    """Rows from the mask's first row to the baseline."""
    width: int
    """Advance width of the line."""


_NOTHING = Mask(np.zeros((0, 0), np.uint8))
"""The mask of blanks."""


def _rasterised(path: Path, width: int, height: int, *, line_width: float = 0.0, closed: bool = True) -> Mask:
    """Return the mask of a path with y down: filled if ``closed``, else a line with round ends."""
    renderer = _new_renderer(max(1, width), max(1, height))
    context = renderer.new_gc()
    context.set_antialiased(True)
    context.set_linewidth(line_width)
    context.set_capstyle("round")
    context.set_joinstyle("round")
    context.set_foreground((1.0, 1.0, 1.0))
    # the rasteriser's y points up
    flip = Affine2D().scale(1, -1).translate(0, max(1, height))
    renderer.draw_path(context, path, flip, (1.0, 1.0, 1.0) if closed else None)
    return Mask(_coverage(renderer))


def _new_renderer(width: int, height: int) -> Any:
    make: Any = RendererAgg  # matplotlib has no types
    return make(width, height, _DPI)


def _coverage(renderer: Any) -> NDArray[np.uint8]:
    return np.repeat(np.asarray(renderer.buffer_rgba())[:, :, 3], 3, axis=1)


def _font(file: str, size: int) -> FontProperties:
    """By file, so that no font cache is searched."""
    font = FontProperties(fname=file)
    font.set_size(size)
    return font


@lru_cache(maxsize=2048)
def lettering(text: str, size: int, *, bold: bool = False) -> Lettering:
    """Return a line of text.

    Args:
        size: of the font, in pixels.
    """
    if len(text) > 1 and _NUMERALS.issuperset(text):
        # Numbers change at every step, but each digit's mask is drawn only once.
        return _row([lettering(letter, size, bold=bold) for letter in text])
    runs = runs_of(text, bold=bold)
    return _row([_lettering(*run, size) for run in runs]) if len(runs) != 1 else _lettering(*runs[0], size)


def _lettering(file: str, text: str, size: int) -> Lettering:
    font = _font(file, size)
    width = _width(file, text, size)
    margin = size
    renderer = _new_renderer(width + 2 * margin, 3 * size)
    context = renderer.new_gc()
    context.set_foreground((1.0, 1.0, 1.0))
    renderer.draw_text(context, margin, 2 * size, text, font, 0.0)
    coverage = _coverage(renderer)
    rows, columns = np.nonzero(coverage[:, ::3])
    if len(rows) == 0:
        return Lettering(_NOTHING, 0, 0, width)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    mask = Mask(coverage[top:bottom, 3 * left : 3 * right].copy())
    return Lettering(mask, int(left) - margin, 2 * size - int(top), width)


def _row(letters: Sequence[Lettering]) -> Lettering:
    """Return parts of a line side by side."""
    starts = list(accumulate((letter.width for letter in letters), initial=0))
    drawn = [(start + letter.left, letter) for start, letter in zip(starts, letters, strict=False) if letter.mask.width]
    if not drawn:
        return Lettering(_NOTHING, 0, 0, starts[-1])
    left = min(x for x, _ in drawn)
    right = max(x + letter.mask.width for x, letter in drawn)
    top = max(letter.top for _, letter in drawn)
    bottom = max(letter.mask.height - letter.top for _, letter in drawn)
    coverage = np.zeros((top + bottom, 3 * (right - left)), np.uint8)
    for x, letter in drawn:
        rows = slice(top - letter.top, top - letter.top + letter.mask.height)
        place = coverage[rows, 3 * (x - left) : 3 * (x - left + letter.mask.width)]
        np.maximum(place, letter.mask.coverage, out=place)
    return Lettering(Mask(coverage), left, top, starts[-1])


@lru_cache(maxsize=8192)
def text_width(text: str, size: int, *, bold: bool = False) -> int:
    """Return the advance width of a line of text, in pixels."""
    if len(text) > 1 and _NUMERALS.issuperset(text):
        return sum(text_width(letter, size, bold=bold) for letter in text)
    return sum(_width(file, part, size) for file, part in runs_of(text, bold=bold))


def _width(file: str, text: str, size: int) -> int:
    # Bars at both ends make blanks count; their own width is subtracted.
    renderer = _new_renderer(1, 1)
    font = _font(file, size)
    bar = "|" if ord("|") in letters_of(file) else ""
    framed, frame = (
        float(renderer.get_text_width_height_descent(line, font, False)[0])
        for line in (f"{bar}{text}{bar}", f"{bar}{bar}")
    )
    return max(0, math.ceil(framed - frame))


@lru_cache(maxsize=64)
def rounded(width: int, height: int, radius: int) -> Mask:
    """Return a rectangle with round corners that fills its mask."""
    r = max(0, min(radius, width // 2, height // 2))
    if r == 0:
        return Mask(np.full((max(1, height), 3 * max(1, width)), 255, np.uint8))
    k = r * 0.5523  # distance of the handles for which a cubic curve approximates a quarter circle
    w, h = width, height
    vertices = [
        (r, 0), (w - r, 0), (w - r + k, 0), (w, r - k), (w, r), (w, h - r), (w, h - r + k), (w - r + k, h), (w - r, h),
        (r, h), (r - k, h), (0, h - r + k), (0, h - r), (0, r), (0, r - k), (r - k, 0), (r, 0), (r, 0),
    ]  # fmt: skip
    curve = [Path.CURVE4] * 3
    codes = [
        Path.MOVETO,
        Path.LINETO,
        *curve,
        Path.LINETO,
        *curve,
        Path.LINETO,
        *curve,
        Path.LINETO,
        *curve,
        Path.CLOSEPOLY,
    ]
    return _rasterised(Path(vertices, codes), width, height)


@lru_cache(maxsize=64)
def disc(radius: float) -> Mask:
    """Return a filled circle in the centre of a square mask."""
    side = 2 * math.ceil(radius) + 2
    return _rasterised(
        Affine2D().scale(radius).translate(side / 2, side / 2).transform_path(Path.unit_circle()), side, side
    )


@lru_cache(maxsize=64)
def ring(radius: float, thickness: float) -> Mask:
    """Return a circle's line in the centre of a square mask; ``radius`` is to the middle of the line."""
    return arc(radius, thickness, 0.0, 1.0)


@lru_cache(maxsize=512)
def arc(radius: float, thickness: float, start: float, end: float) -> Mask:
    """Return an arc, clockwise from the top, in the centre of a square mask.

    Args:
        start: share of a turn, 0 to 1.
        end: share of a turn, 0 to 1.
    """
    side = 2 * math.ceil(radius + thickness / 2) + 2
    turns = np.linspace(start, end, max(2, math.ceil((end - start) * 96) + 1)) * 2 * math.pi
    points = np.column_stack([side / 2 + radius * np.sin(turns), side / 2 - radius * np.cos(turns)])
    return _rasterised(Path(points), side, side, line_width=thickness, closed=False)


@lru_cache(maxsize=128)
def arrow_head(radius: float, heading: float) -> Mask:
    """Return an arrow head in the centre of a square mask.

    Args:
        heading: direction in degrees, clockwise from the right.
    """
    side = 2 * math.ceil(radius) + 2
    head = np.array([(1.0, 0.0), (-0.62, -0.72), (-0.28, 0.0), (-0.62, 0.72), (1.0, 0.0)])
    turned = Affine2D().rotate_deg(heading).scale(radius).translate(side / 2, side / 2)
    return _rasterised(Path(turned.transform(head), closed=True), side, side)


def polyline(points: NDArray[np.float64], width: int, height: int, thickness: float) -> Mask:
    """Return a line through ``float64[n, 2]`` points (x, y from the mask's upper left corner); NaN breaks it."""
    return _rasterised(Path(points), width, height, line_width=thickness, closed=False)


@lru_cache(maxsize=256)
def marker(index: int, radius: float) -> Mask:
    """Return the shape of the affordance with this number, in the centre of a square mask."""
    side = 2 * math.ceil(radius) + 2
    outline = AFFORDANCE_SHAPES[index % len(AFFORDANCE_SHAPES)]
    placed = np.array([*outline, outline[0]]) * radius + side / 2
    return _rasterised(Path(placed, closed=True), side, side)
