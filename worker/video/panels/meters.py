"""The agent's meters, coloured by level. Scales are fixed for the whole episode."""

from __future__ import annotations

import math

import numpy as np

from recorder.outline import meter_level
from recorder.outline.scene import short_names
from recorder.values.number_format import format_meter
from recorder.video.timeline import Moment
from worker.video.canvas.geometry import Rect
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Color, Theme
from worker.video.episode.scales import Scales
from worker.video.episode.series import EpisodeSeries
from worker.video.layout import Layout
from worker.video.panels.panel import draw_plate
from worker.video.panels.parts.bar_strip import BarStrip
from worker.video.panels.parts.bars import Bar, BarRows, rows_fit

__all__ = ["MetersPanel"]


class MetersPanel:
    """One row per meter."""

    def __init__(
        self, series: EpisodeSeries, scales: Scales, layout: Layout, theme: Theme, still: Surface, rect: Rect
    ) -> None:
        self._series, self._theme = series, theme
        self._ranges = scales.meters
        widest = {self._text(i, value) for i, limits in enumerate(self._ranges) for value in limits}
        area = draw_plate(still, rect, layout, theme, "Meters")
        names = short_names(series.meter_names)
        self._bars: BarRows | BarStrip
        if rows_fit(len(self._ranges), area, layout):
            self._bars = BarRows(area, names, tuple(widest), layout, theme, still, marked=False)
        else:
            self._bars = BarStrip(area, names, 0.0, layout, theme, still)

    def _text(self, meter: int, value: float) -> str:
        return format_meter(value, *self._ranges[meter])

    def _color(self, meter: int, share: float) -> Color:
        theme = self._theme
        has_levels = self._ranges[meter][0] >= 0
        return {"good": theme.good, "low": theme.low, "critical": theme.empty}[
            meter_level(share) if has_levels else "good"
        ]

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        """Show the meters. Between two steps the bars glide; the numbers are the step's."""
        values = self._series.meters[moment.step_index]
        shown = values
        if moment.progress < 1 and self._series.follows(moment.step_index):
            before = self._series.meters[moment.step_index - 1]
            both = np.isfinite(before) & np.isfinite(values)
            shown = values.copy()
            shown[both] = before[both] + (values[both] - before[both]) * moment.progress
        bars = []
        for i, ((low, high), value) in enumerate(zip(self._ranges, values, strict=True)):
            share = (float(shown[i]) - low) / (high - low)
            target = (float(value) - low) / (high - low)
            bars.append(Bar(0.0, share, self._color(i, target), self._text(i, float(value)), hatched=math.isnan(value)))
        self._bars.draw(canvas, bars)
