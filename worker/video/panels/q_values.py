"""The Q-values from which the action was chosen: the chosen one marked, forbidden ones hatched. The scale is fixed."""

from __future__ import annotations

import math

from recorder.values.number_format import DECIMALS, format_number
from recorder.video.timeline import Moment
from worker.video.canvas.geometry import Rect
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Theme
from worker.video.episode.scales import Scales, widest_numbers
from worker.video.episode.series import EpisodeSeries
from worker.video.layout import Layout
from worker.video.panels.panel import draw_plate
from worker.video.panels.parts.bar_strip import BarStrip
from worker.video.panels.parts.bars import Bar, BarRows, rows_fit

__all__ = ["QValuesPanel"]


class QValuesPanel:
    """One row per action."""

    def __init__(
        self, series: EpisodeSeries, scales: Scales, layout: Layout, theme: Theme, still: Surface, rect: Rect
    ) -> None:
        assert series.q_values is not None
        self._series, self._theme = series, theme
        self._values = series.q_values
        self._low, self._high = scales.q_values
        self._zero = self._share(0.0)
        self._shown: int | None = None
        widest = [format_number(value, DECIMALS["q_value"]) for value in widest_numbers(self._values)]
        area = draw_plate(still, rect, layout, theme, "Q-values")
        names = series.action_labels[: self._values.shape[1]]
        self._bars: BarRows | BarStrip
        if rows_fit(len(names), area, layout):
            self._bars = rows = BarRows(area, names, widest, layout, theme, still, marked=True)
            if self._low < 0 < self._high:
                rows.draw_zero(still, self._zero)
        else:
            self._bars = BarStrip(area, names, self._zero, layout, theme, still)

    def _share(self, value: float) -> float:
        return (value - self._low) / (self._high - self._low)

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        """Show the values from which the step's action was chosen."""
        if moment.step_index == self._shown:
            return
        self._shown = moment.step_index
        theme, masks, actions = self._theme, self._series.masks, self._series.actions
        chosen = None if actions is None else int(actions[moment.step_index])
        bars = []
        for i, value in enumerate(self._values[moment.step_index].tolist()):
            masked = masks is not None and i < masks.shape[1] and not masks[moment.step_index, i]
            color = theme.accent if i == chosen else theme.quiet
            end = self._zero if math.isnan(value) or masked else self._share(value)
            text = format_number(value, DECIMALS["q_value"])
            bars.append(Bar(self._zero, end, color, text, hatched=masked, chosen=i == chosen))
        self._bars.draw(canvas, bars)
