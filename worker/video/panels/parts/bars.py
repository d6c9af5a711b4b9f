"""Rows with a name, a bar and a value, for meters and Q-values. Only rows and columns that change are drawn again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import Mask, rounded, text_width
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Color, Theme
from worker.video.layout import Layout
from worker.video.panels.panel import BODY, fitted, fitted_number, ink_baseline
from worker.video.panels.parts.readout import Readout

__all__ = ["Bar", "BarRows", "Filling", "Track", "hatching", "rows_fit"]


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


_MAX_ROW = 62
_MIN_ROW = 17
_MIN_COLUMN = 190
"""Smallest readable height of a row, in design units."""


class Bar(NamedTuple):
    """What one row shows.

    Args:
        start: where the bar begins, as a share of the track.
        end: where the bar ends, as a share of the track.
        hatched: hatch the whole track instead.
        chosen: mark the row.
    """

    start: float
    end: float
    color: Color
    text: str
    hatched: bool = False
    chosen: bool = False


@lru_cache(maxsize=32)
def hatching(width: int, height: int, pitch: int) -> Mask:
    """Return slanted lines."""
    y, x = np.mgrid[0:height, 0:width]
    lines = np.where((x + y) % pitch < max(1, pitch // 3), 255, 0).astype(np.uint8)
    return Mask(np.repeat(lines, 3, axis=1))


@lru_cache(maxsize=32)
def _hatched_track(width: int, height: int, pitch: int) -> Mask:
    """Return a hatched rounded track; the same object for the same size, because results are cached by mask."""
    return Mask(
        np.where(hatching(width, height, pitch).coverage > 0, rounded(width, height, height // 2).coverage, np.uint8(0))
    )


def rows_fit(n_rows: int, area: Rect, layout: Layout) -> bool:
    """Return whether an area has room for this many readable rows."""
    return n_rows <= _rows_that_fit(area, layout) * _columns_that_fit(area, layout)


def _rows_that_fit(area: Rect, layout: Layout) -> int:
    return max(1, area.height // layout.px(_MIN_ROW))


def _columns_that_fit(area: Rect, layout: Layout) -> int:
    return max(1, area.width // layout.px(_MIN_COLUMN))


class BarRows:
    """Rows in as many columns as needed.

    Args:
        area: for the rows; ``rows_fit`` says whether it is large enough.
        names: of the rows.
        widest_values: the longest texts of values.
        marked: whether rows can be chosen.
    """

    def __init__(
        self,
        area: Rect,
        names: tuple[str, ...],
        widest_values: Sequence[str],
        layout: Layout,
        theme: Theme,
        still: Surface,
        *,
        marked: bool,
    ) -> None:
        self._layout, self._theme = layout, theme
        n_columns = min(_columns_that_fit(area, layout), -(-len(names) // _rows_that_fit(area, layout)))
        n_rows = -(-len(names) // n_columns)
        row_height = min(layout.px(_MAX_ROW), area.height // n_rows)
        self._size = min(layout.px(BODY), round(row_height * 0.62))
        self._rows: list[Rect] = []
        for column in area.columns(n_columns, layout.px(28)):
            top = column.y
            for i in range(n_rows):
                self._rows.append(Rect(column.x, top + i * row_height, column.width, row_height))
        self._rows = self._rows[: len(names)]
        self._arrange(names, widest_values, still, marked=marked)
        self._chosen: list[bool | None] = [None] * len(names)

    def _arrange(self, names: tuple[str, ...], widest_values: Sequence[str], still: Surface, *, marked: bool) -> None:
        layout, theme, size = self._layout, self._theme, self._size
        width = self._rows[0].width
        mark = round(size * 0.9) if marked else 0
        value_width = min(max(text_width(value, size, bold=marked) for value in widest_values), width // 3)
        widest_name = max(text_width(name, size) for name in names[: len(self._rows)])
        name_width = min(widest_name, round(width * 0.42) - mark)
        gap = layout.px(14)
        self._text_left = mark
        self._track_left = mark + name_width + gap
        self._track_width = max(4, width - self._track_left - gap - value_width)
        self._track_height = max(4, min(layout.px(20), round(self._rows[0].height * 0.42)))
        mask = rounded(self._track_width, self._track_height, self._track_height // 2)
        hatched = _hatched_track(self._track_width, self._track_height, max(4, layout.px(9)))
        self._tracks: list[Track] = []
        self._readouts: list[Readout] = []
        self._value_width = value_width + gap // 2
        for row, name in zip(self._rows, names, strict=False):
            place = Rect(row.x + self._track_left, self._track_top(row), self._track_width, self._track_height)
            still.stamp(mask, place.x, place.y, theme.well)
            self._tracks.append(Track(place, mask, hatched, theme.muted))
            self._readouts.append(Readout(row.right, ink_baseline(row, size), theme.panel, align="right"))
            text = fitted(name, name_width, size)
            still.text(text, row.x + self._text_left, ink_baseline(row, size), size, theme.ink)

    def _track_top(self, row: Rect) -> int:
        return row.y + (row.height - self._track_height) // 2

    def draw_zero(self, still: Surface, share: float) -> None:
        """Mark where the bars begin, if that is not the left end."""
        for row in self._rows:
            x = row.x + self._track_left + round(share * self._track_width)
            height = self._track_height + 2 * self._layout.px(3)
            still.fill(Rect(x, row.y + (row.height - height) // 2, self._layout.px(1.5), height), self._theme.muted)

    def draw(self, canvas: Canvas, bars: list[Bar]) -> None:
        """Show one bar per row."""
        theme, size = self._theme, self._size
        for i, bar in enumerate(bars):
            self._tracks[i].show(canvas, self._filling(bar))
            color = theme.muted if bar.hatched else theme.accent if bar.chosen else theme.ink
            text, letters = fitted_number(bar.text, self._value_width, size, least=size // 2, bold=bar.chosen)
            self._readouts[i].show(canvas, text, letters, color, bold=bar.chosen)
            if bar.chosen != self._chosen[i]:
                self._chosen[i] = bar.chosen
                self._draw_mark(canvas, self._rows[i], chosen=bar.chosen)

    def _filling(self, bar: Bar) -> Filling:
        start, end = sorted((self._column(bar.start), self._column(bar.end)))
        return Filling(start, end, bar.color, bar.hatched)

    def _column(self, share: float) -> int:
        return 0 if math.isnan(share) else round(min(1.0, max(0.0, share)) * self._track_width)

    def _draw_mark(self, canvas: Canvas, row: Rect, *, chosen: bool) -> None:
        pad = self._layout.px(3)
        mark = Rect(row.x, self._track_top(row) - pad, max(2, round(self._size * 0.26)), self._track_height + 2 * pad)
        if chosen:
            canvas.fill(mark, self._theme.accent)
        else:
            canvas.restore(mark)
