"""The time of day: a dial of one turn per day with a dark night, a hand, the hour, and a sun or a moon."""

from __future__ import annotations

import math

import numpy as np

from recorder.video.timeline import Moment
from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import arc, disc, text_width
from worker.video.canvas.overlay import Overlay
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Theme
from worker.video.episode.series import EpisodeSeries
from worker.video.layout import Layout
from worker.video.panels.panel import BODY
from worker.video.panels.parts.readout import Readout

__all__ = ["ClockPanel"]

_HOURS = 24
_DAWN, _DUSK = 0.25, 0.75
"""Shares of a day: 6 and 18 o'clock."""


class ClockPanel:
    """A dial with midnight at the bottom and noon at the top."""

    def __init__(self, series: EpisodeSeries, layout: Layout, theme: Theme, still: Surface, rect: Rect) -> None:
        assert series.time_of_day is not None
        self._hours = series.time_of_day
        self._period = max(_HOURS, int(np.nanmax(self._hours)) + 1)
        self._rect, self._layout, self._theme = rect, layout, theme
        self._radius = (min(rect.width, rect.height) - layout.px(52)) / 2
        self._thickness = max(2.0, self._radius * 0.16)
        self._shown = math.nan
        self._is_day: bool | None = None
        self._hand: Overlay | None = None
        self._sky: Overlay | None = None
        x, y = rect.center
        self._size = layout.px(BODY)
        self._has_sky = self._radius >= 2.4 * self._size
        baseline = round(y + (self._radius * 0.52 if self._has_sky else self._size * 0.36))
        self._text = Readout(x, baseline, theme.panel, align="center")
        still.stamp_center(arc(self._radius, self._thickness, 0.0, 0.5), x, y, theme.night)
        still.stamp_center(arc(self._radius, self._thickness, 0.5, 1.0), x, y, theme.night)
        # The arc of the day is at the top, so the dial is turned by half a day.
        still.stamp_center(arc(self._radius, self._thickness, 0.75, 1.0), x, y, theme.day)
        still.stamp_center(arc(self._radius, self._thickness, 0.0, 0.25), x, y, theme.day)

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        """Turn the hand to the step's time."""
        hour = float(self._hours[moment.step_index])
        if hour == self._shown:
            return
        self._shown = hour
        if self._hand is None or self._sky is None:
            self._hand, self._sky = Overlay(canvas), Overlay(canvas)
        self._hand.take_back()
        known = not math.isnan(hour)
        share = hour % self._period / self._period
        if known:
            self._draw_hand(self._hand, share)
        self._text.show(canvas, self._hour_text(hour) if known else "", self._size, self._theme.ink, bold=True)
        is_day = _DAWN <= share < _DUSK if known and self._has_sky else None
        if is_day != self._is_day:
            self._is_day = is_day
            self._sky.take_back()
            if is_day is not None:
                (self._draw_sun if is_day else self._draw_moon)(self._sky)

    def _hour_text(self, hour: float) -> str:
        text = f"{int(hour) % self._period:02d}:00" if self._period == _HOURS else str(int(hour))
        too_wide = text_width(text, self._size, bold=True) > 1.7 * (self._radius - self._thickness)
        return str(int(hour)) if too_wide else text

    def _draw_hand(self, hand: Overlay, share: float) -> None:
        angle = (share + 0.5) * 2 * math.pi
        x, y = self._rect.center
        x, y = x + self._radius * math.sin(angle), y - self._radius * math.cos(angle)
        hand.stamp_center(disc(self._thickness * 0.95), x, y, self._theme.panel)
        hand.stamp_center(disc(self._thickness * 0.68), x, y, self._theme.accent)

    @property
    def _sky_place(self) -> tuple[float, float, float]:
        """Return the centre of sun or moon, ``(x, y)``, and its radius."""
        x, y = self._rect.center
        return x, y - self._radius * 0.22, self._radius * 0.24

    def _draw_sun(self, sky: Overlay) -> None:
        x, y, radius = self._sky_place
        color, ray, dot = self._theme.accent, radius * 1.5, disc(max(1.0, radius * 0.16))
        sky.stamp_center(disc(radius), x, y, color)
        for i in range(8):
            angle = i * math.pi / 4
            sky.stamp_center(dot, x + ray * math.sin(angle), y + ray * math.cos(angle), color)

    def _draw_moon(self, sky: Overlay) -> None:
        x, y, radius = self._sky_place
        sky.stamp_center(disc(radius * 1.2), x, y, self._theme.day)
        sky.stamp_center(disc(radius), x + radius * 0.55, y - radius * 0.35, self._theme.panel)
