"""The time of day: a dial of one turn a day, its night half dark, with a hand, the hour, and a sun or a moon."""

from __future__ import annotations

import math

import numpy as np

from worker.video.geometry import Rect
from worker.video.layout import Layout
from worker.video.masks import arc, disc, text_width
from worker.video.scene.panel import BODY
from worker.video.series import EpisodeSeries
from worker.video.surface import Canvas, Surface
from worker.video.theme import Theme
from worker.video.timeline import Moment

__all__ = ["ClockPanel"]

_HOURS = 24
_DAWN, _DUSK = 0.25, 0.75
"""Shares of a day: 6 and 18 o'clock."""


class ClockPanel:
    """A dial; midnight at the bottom, noon at the top, as the sun goes."""

    def __init__(self, series: EpisodeSeries, layout: Layout, theme: Theme, still: Surface, rect: Rect) -> None:
        assert series.time_of_day is not None
        self._hours = series.time_of_day
        self._period = max(_HOURS, int(np.nanmax(self._hours)) + 1)
        self._rect, self._layout, self._theme = rect, layout, theme
        self._radius = (min(rect.width, rect.height) - layout.px(52)) / 2
        self._thickness = max(2.0, self._radius * 0.16)
        self._shown = math.nan
        self._dirty: list[Rect] = []
        x, y = rect.center
        still.stamp_center(arc(self._radius, self._thickness, 0.0, 0.5), x, y, theme.night)
        still.stamp_center(arc(self._radius, self._thickness, 0.5, 1.0), x, y, theme.night)
        # The dial is turned by half a day: the arc of the day runs over the top.
        still.stamp_center(arc(self._radius, self._thickness, 0.75, 1.0), x, y, theme.day)
        still.stamp_center(arc(self._radius, self._thickness, 0.0, 0.25), x, y, theme.day)

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        """Turn the hand to the step's time."""
        hour = float(self._hours[moment.step_index])
        if hour == self._shown or (math.isnan(hour) and math.isnan(self._shown) and moment.step_index):
            return
        self._shown = hour
        for rect in self._dirty:
            canvas.restore(rect)
        self._dirty = [] if math.isnan(hour) else self._draw_hour(canvas, hour)

    def _draw_hour(self, canvas: Canvas, hour: float) -> list[Rect]:
        """Draw the hand, the hour and the sky; returns what was painted on."""
        layout, theme = self._layout, self._theme
        share = hour % self._period / self._period
        x, y = self._rect.center
        angle = (share + 0.5) * 2 * math.pi
        hand_x, hand_y = x + self._radius * math.sin(angle), y - self._radius * math.cos(angle)
        hand = canvas.stamp_center(disc(self._thickness * 0.95), hand_x, hand_y, theme.panel)
        canvas.stamp_center(disc(self._thickness * 0.68), hand_x, hand_y, theme.accent)
        size = layout.px(BODY)
        text = f"{int(hour) % self._period:02d}:00" if self._period == _HOURS else str(int(hour))
        if text_width(text, size, bold=True) > 1.7 * (self._radius - self._thickness):
            text = str(int(hour))
        if self._radius < 2.4 * size:
            # No room for both: the day's half is seen on the dial.
            return [hand, canvas.text(text, x, round(y + size * 0.36), size, theme.ink, bold=True, align="center")]
        line = round(y + self._radius * 0.52)
        written = canvas.text(text, x, line, size, theme.ink, bold=True, align="center")
        sky = (x, y - self._radius * 0.22, self._radius * 0.24)
        return [
            hand,
            written,
            *(self._draw_sun(canvas, *sky) if _DAWN <= share < _DUSK else self._draw_moon(canvas, *sky)),
        ]

    def _draw_sun(self, canvas: Canvas, x: float, y: float, radius: float) -> list[Rect]:
        color, ray, dot = self._theme.accent, radius * 1.5, disc(max(1.0, radius * 0.16))
        drawn = [canvas.stamp_center(disc(radius), x, y, color)]
        for i in range(8):
            angle = i * math.pi / 4
            drawn.append(canvas.stamp_center(dot, x + ray * math.sin(angle), y + ray * math.cos(angle), color))
        return drawn

    def _draw_moon(self, canvas: Canvas, x: float, y: float, radius: float) -> list[Rect]:
        shadow_x, shadow_y = x + radius * 0.55, y - radius * 0.35
        return [
            canvas.stamp_center(disc(radius * 1.2), x, y, self._theme.day),
            canvas.stamp_center(disc(radius), shadow_x, shadow_y, self._theme.panel),
        ]
