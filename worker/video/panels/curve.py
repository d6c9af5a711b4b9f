"""The return so far: the whole curve faint, and bright up to the current step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recorder.outline import Event
from recorder.values.number_format import format_number
from recorder.video.timeline import Moment
from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import disc, polyline, text_width
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Theme
from worker.video.episode.scales import Scales
from worker.video.episode.series import EpisodeSeries
from worker.video.layout import Layout
from worker.video.panels.panel import SMALL, draw_plate

__all__ = ["CurvePanel", "PlotArea", "thinned"]


class PlotArea:
    """A small plot: two labelled lines and the mapping of values to pixels.

    Args:
        area: for labels and plot.
        low: value at the lower edge.
        high: value at the upper edge.
    """

    def __init__(self, area: Rect, low: float, high: float, layout: Layout, theme: Theme, still: Surface) -> None:
        self.low, self.high = low, high
        size = layout.px(SMALL)
        lines = [low, high] if not low < 0 < high else [low, 0.0, high]
        labels = [format_number(value, 1) for value in lines]
        margin = max(text_width(label, size) for label in labels) + layout.px(12)
        self.rect = Rect(
            area.x + margin,
            area.y + layout.px(6),
            max(8, area.width - margin - layout.px(8)),
            max(8, area.height - layout.px(12)),
        )
        taken: list[int] = []
        # The ends first: a label between them is dropped if it would touch one.
        for value, label in sorted(zip(lines, labels, strict=True), key=lambda pair: pair[0] == 0):
            y = round(self.y(value))
            still.fill(Rect(self.rect.x, y, self.rect.width, max(1, layout.px(1))), theme.line)
            if all(abs(y - other) > size * 1.1 for other in taken):
                taken.append(y)
                still.text(label, self.rect.x - layout.px(10), y + round(size * 0.36), size, theme.muted, align="right")

    def y(self, value: float) -> float:
        """Return the row of a value."""
        return self.rect.bottom - 1 - (value - self.low) / (self.high - self.low) * (self.rect.height - 1)

    def line(self, xs: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``float64[n, 2]``: points relative to the plot's upper left corner; ``xs`` are shares of its width."""
        ys = self.rect.height - 1 - (values - self.low) / (self.high - self.low) * (self.rect.height - 1)
        return np.column_stack([xs * (self.rect.width - 1), ys])


class CurvePanel:
    """The return so far by step.

    Args:
        turns: events at which the return turns; each gets a dot as the curve reaches it.
    """

    def __init__(
        self,
        series: EpisodeSeries,
        scales: Scales,
        layout: Layout,
        theme: Theme,
        still: Surface,
        rect: Rect,
        *,
        turns: Sequence[Event] = (),
    ) -> None:
        area = draw_plate(still, rect, layout, theme, "Return so far")
        plot = PlotArea(area, *scales.total, layout, theme, still)
        self._thickness = max(1.5, 3.0 * layout.unit)
        self._disc = disc(max(2.0, 5.5 * layout.unit))
        self._margin = self._disc.height // 2 + 1
        # margin around the plot for the line's thickness and the dot
        self._rect = Rect(
            plot.rect.x - self._margin,
            plot.rect.y - self._margin,
            plot.rect.width + 2 * self._margin,
            plot.rect.height + 2 * self._margin,
        )
        xs = np.arange(series.n_steps) / max(1, scales.n_steps - 1)
        self._points = plot.line(xs, series.cumulative) + self._margin
        mask = polyline(thinned(self._points, plot.rect.width), self._rect.width, self._rect.height, self._thickness)
        bright = Surface(still.pixels[self._rect.y : self._rect.bottom, self._rect.x : self._rect.right].copy())
        bright.stamp(mask, 0, 0, theme.accent)
        mark = disc(max(2.0, 4.0 * layout.unit))
        for event in turns:
            x, y = self._points[event.index]
            if np.isfinite(y):
                bright.stamp_center(
                    mark, float(x), float(y), theme.empty if event.kind == "reward_down" else theme.good
                )
        self._bright = bright.pixels
        still.stamp(mask, self._rect.x, self._rect.y, theme.line)
        self._theme = theme
        self._shown: tuple[int, int] | None = None

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        """Draw the curve up to the step, with a dot at its end."""
        column, row = (round(float(number)) for number in self._points[moment.step_index])
        if (column, row) == self._shown:
            return
        half = self._disc.height // 2 + 1
        if self._shown is None:
            self._redraw(canvas, 0, self._rect.width, column)
        else:
            before = self._shown[0]
            self._redraw(canvas, min(before, column) - half, max(before, column) + half + 1, column)
        self._shown = column, row
        canvas.stamp_center(self._disc, self._rect.x + column + 0.5, self._rect.y + row + 0.5, self._theme.ink)

    def _redraw(self, canvas: Canvas, start: int, end: int, reached: int) -> None:
        """Redraw the columns ``start <= x < end``: bright up to ``reached``, faint after it."""
        start, end = max(0, start), min(self._rect.width, end)
        rect = Rect(self._rect.x + start, self._rect.y, end - start, self._rect.height)
        canvas.restore(rect)
        stop = min(end, reached + 1)
        if stop > start:
            rows = slice(self._rect.y, self._rect.bottom)
            canvas.pixels[rows, self._rect.x + start : self._rect.x + stop] = self._bright[:, start:stop]


def thinned(points: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return up to four points per column: first, minimum, maximum and last, so that no peak is lost."""
    if len(points) <= 4 * width:
        return points
    keep = []
    for part in np.array_split(np.arange(len(points)), width):
        ys = points[part, 1]
        extremes = np.where(np.isnan(ys), np.inf, ys).argmin(), np.where(np.isnan(ys), -np.inf, ys).argmax()
        keep += sorted({int(part[0]), *(int(part[place]) for place in extremes), int(part[-1])})
    return points[keep]
