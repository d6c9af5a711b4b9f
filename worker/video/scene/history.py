"""For worlds without space: the meters over the whole episode, with a line at the step that is shown."""

from __future__ import annotations

import math

import numpy as np

from recorder.video.timeline import Moment
from worker.video.geometry import Rect
from worker.video.layout import Layout
from worker.video.masks import polyline, text_width
from worker.video.scales import Scales
from worker.video.scene.panel import HEADING, draw_plate, fitted
from worker.video.series import EpisodeSeries
from worker.video.surface import Canvas, Surface
from worker.video.theme import Theme

__all__ = ["HistoryPanel"]

_MAX_LANES = 12


class HistoryPanel:
    """One lane a meter, each on its own fixed scale; where there are no meters, the rewards."""

    def __init__(
        self, series: EpisodeSeries, scales: Scales, layout: Layout, theme: Theme, still: Surface, rect: Rect
    ) -> None:
        has_meters = series.meters.shape[1] > 0
        names = series.meter_names if has_meters else ("reward",)
        values = series.meters if has_meters else series.rewards[:, None]
        ranges = scales.meters if has_meters else (scales.reward,)
        area = draw_plate(still, rect, layout, theme, "Meters over time" if has_meters else "Rewards over time")
        names = names[:_MAX_LANES]
        size, gap = layout.px(HEADING), layout.px(18)
        label = min(max(text_width(name, size) for name in names), area.width // 4)
        left = area.x + label + layout.px(16)
        self._plot = Rect(left, area.y, area.right - left, area.height)
        self._theme, self._width = theme, max(2, layout.px(2))
        self._last_index, self._shown = max(1, scales.n_steps - 1), -1
        xs = np.arange(series.n_steps) / self._last_index * (self._plot.width - 1)
        for i, (name, lane) in enumerate(zip(names, self._plot.rows(len(names), gap), strict=True)):
            low, high = ranges[i]
            ys = (1 - (values[:, i] - low) / (high - low)) * (lane.height - 1)
            still.fill(lane, theme.well)
            mask = polyline(np.column_stack([xs, ys]), lane.width, lane.height, max(1.5, 2.5 * layout.unit))
            still.stamp(mask, lane.x, lane.y, theme.series[i % len(theme.series)])
            baseline = round(lane.y + lane.height / 2 + size * 0.36)
            still.text(fitted(name, label, size), area.x, baseline, size, theme.ink)

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        """Move the line to the step."""
        share = moment.step_index / self._last_index
        column = self._plot.x + math.floor(share * (self._plot.width - self._width))
        if column == self._shown:
            return
        if self._shown >= 0:
            canvas.restore(Rect(self._shown, self._plot.y, self._width, self._plot.height))
        self._shown = column
        canvas.fill(Rect(column, self._plot.y, self._width, self._plot.height), self._theme.accent)
