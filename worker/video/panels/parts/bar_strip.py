"""Many bars side by side, for more values than rows can show: upright and without names. The chosen one is named
above."""

from __future__ import annotations

import math

from worker.video.canvas.geometry import Rect
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Theme
from worker.video.layout import Layout
from worker.video.panels.panel import BODY, SMALL, fitted, fitted_number
from worker.video.panels.parts.bars import Bar

__all__ = ["BarStrip"]


class BarStrip:
    """Upright bars. If there are more than half as many as pixel columns, each bar is the longest of a group.

    Args:
        area: for bars and caption.
        names: of the bars.
        zero: share of the height at which bars begin.
    """

    def __init__(
        self, area: Rect, names: tuple[str, ...], zero: float, layout: Layout, theme: Theme, still: Surface
    ) -> None:
        self._names, self._layout, self._theme = names, layout, theme
        self._size = layout.px(BODY)
        caption = round(self._size * 1.5)
        footer = round(layout.px(SMALL) * 1.6)
        self._caption = Rect(area.x, area.y, area.width, caption)
        self._bars = Rect(area.x, area.y + caption, area.width, max(4, area.height - caption - footer))
        self._group = max(1, math.ceil(2 * len(names) / max(1, area.width)))
        n_groups = math.ceil(len(names) / self._group)
        self._edges = [self._bars.x + round(i * self._bars.width / n_groups) for i in range(n_groups + 1)]
        self._zero = zero
        self._shown: list[Bar] | None = None
        still.fill(self._bars, theme.well)
        y = self._y(zero)
        still.fill(Rect(self._bars.x, y, self._bars.width, layout.px(1)), theme.muted)
        note = f"{len(names)} values, from {names[0]} to {names[-1]}"
        still.text(
            fitted(note, area.width, layout.px(SMALL)),
            area.x,
            area.bottom - layout.px(2),
            layout.px(SMALL),
            theme.muted,
        )

    def _y(self, share: float) -> int:
        return self._bars.y + round((1 - min(1.0, max(0.0, share))) * (self._bars.height - 1))

    def draw(self, canvas: Canvas, bars: list[Bar]) -> None:
        """Show the bars."""
        if bars == self._shown:
            return
        self._shown = bars
        canvas.restore(self._bars)
        canvas.restore(self._caption)
        base = self._y(self._zero)
        for i, left in enumerate(self._edges[:-1]):
            group = bars[i * self._group : (i + 1) * self._group]
            bar = max(group, key=lambda bar: (bar.chosen, 0.0 if math.isnan(bar.end) else abs(bar.end - self._zero)))
            width = max(1, self._edges[i + 1] - left - (1 if self._edges[i + 1] - left > 3 else 0))
            if bar.chosen:
                canvas.fill(Rect(left, self._bars.y, width, max(2, self._layout.px(5))), self._theme.accent)
            if bar.hatched or math.isnan(bar.end):
                continue
            y = self._y(bar.end)
            canvas.fill(Rect(left, min(y, base), width, abs(y - base) + 1), bar.color)
        for name, bar in zip(self._names, bars, strict=True):
            if bar.chosen:
                caption, size = f"{name}: {bar.text}", self._size
                text, letters = fitted_number(caption, self._caption.width, size, least=size // 2, bold=True)
                canvas.text(text, self._caption.x, self._caption.y + size, letters, self._theme.accent, bold=True)
