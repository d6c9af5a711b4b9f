"""The bar at the lower edge: how much of the episode has been shown. Missing steps are hatched."""

from __future__ import annotations

from recorder.video.timeline import Moment
from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import rounded
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Theme
from worker.video.episode.series import EpisodeSeries
from worker.video.layout import Layout
from worker.video.panels.parts.bars import hatching

__all__ = ["ProgressPanel"]


class ProgressPanel:
    """From the first step of the episode to the last, gaps included."""

    def __init__(self, series: EpisodeSeries, layout: Layout, theme: Theme, still: Surface) -> None:
        self._rect, self._theme = layout.progress, theme
        self._numbers = series.step_numbers
        self._total = int(series.step_numbers[-1]) + 1
        self._mask = rounded(self._rect.width, self._rect.height, self._rect.height // 2)
        still.stamp(self._mask, self._rect.x, self._rect.y, theme.well)
        for gap in series.metadata.gaps:
            start = self._column(gap.first_step)
            end = self._column(self._total if gap.end_step is None else min(gap.end_step, self._total))
            if end > start:
                lines = hatching(end - start, self._rect.height, layout.px(8))
                still.stamp(lines, self._rect.x + start, self._rect.y, theme.empty)
        self._shown: int | None = None

    def _column(self, number: int) -> int:
        return round(self._rect.width * min(max(number, 0), self._total) / self._total)

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        """Fill the bar up to the step."""
        column = self._column(int(self._numbers[moment.step_index]) + 1)
        if column == self._shown:
            return
        start = 0 if self._shown is None or self._shown > column else self._shown
        end = self._rect.width if self._shown is None or self._shown > column else column
        canvas.restore(Rect(self._rect.x + start, self._rect.y, end - start, self._rect.height))
        self._shown = column
        if column > start:
            canvas.stamp(self._mask, self._rect.x, self._rect.y, self._theme.accent, 210, columns=(start, column))
