"""For worlds without positions: reward, action, meters and extras over the episode, bright up to the current step."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from recorder.values.number_format import format_value
from recorder.video.timeline import Moment
from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import polyline, text_width
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Color, Theme
from worker.video.episode.scales import Range, Scales, widest_numbers
from worker.video.episode.series import EpisodeSeries, Floats
from worker.video.episode.signals import Signal, choose_signals
from worker.video.layout import Layout
from worker.video.panels.curve import thinned
from worker.video.panels.panel import HEADING, draw_plate, fitted, fitted_number, ink_baseline
from worker.video.panels.parts.readout import Readout

__all__ = ["HistoryPanel"]

_BAND_LINES = 3
"""Height of a band in lines."""
_STILL_TO_COME = 90
"""Opacity of the part after the current step, of 255."""
_FAINTEST = 0.04
"""Share of its colour at a band's lowest value."""
_MAX_BAND_VALUES = 128
"""Numbers that a band shows, evenly spaced if its column has more."""


class HistoryPanel:
    """One lane per signal, each on its fixed scale, with the step's value next to it."""

    def __init__(
        self, series: EpisodeSeries, scales: Scales, layout: Layout, theme: Theme, still: Surface, rect: Rect
    ) -> None:
        area = draw_plate(still, rect, layout, theme, "Over time")
        signals = choose_signals(series)
        size = layout.px(HEADING)
        self._size, self._theme, self._line_width = size, theme, max(1.5, 2.5 * layout.unit)
        self._action_names = series.known_actions
        names = min(max(text_width(signal.name, size) for signal in signals), round(area.width * 0.28))
        values = [self._text(signal, value) for signal in signals for value in _extremes(signal)]
        self._value_width = min(max(text_width(text, size) for text in values), area.width // 5)
        left = area.x + names + layout.px(14)
        right = area.right - self._value_width - layout.px(14)
        self._plot = Rect(left, area.y, max(8, right - left), area.height)
        self._cursor_width = max(2, layout.px(2))
        self._last_index, self._shown = max(1, scales.n_steps - 1), -1
        self._lines: list[tuple[Signal, Floats, Readout]] = []
        bright = Surface(still.pixels.copy())
        for i, (signal, lane) in enumerate(zip(signals, _lanes(signals, self._plot, layout.px(10)), strict=True)):
            baseline = ink_baseline(lane, size)
            still.text(fitted(signal.name, names, size), area.x, baseline, size, theme.ink)
            color = theme.series[i % len(theme.series)]
            if signal.component is None:
                still.text(self._text(signal, math.nan), area.right, baseline, size, theme.muted, align="right")
                for surface, opacity in ((still, _STILL_TO_COME), (bright, 255)):
                    surface.paint(self._band(signal, lane, color, opacity / 255), lane.x, lane.y)
                continue
            line = signal.line
            for surface, opacity in ((still, _STILL_TO_COME), (bright, 255)):
                self._draw_line(surface, lane, line, _range(signal, scales), color, opacity)
            self._lines.append((signal, line, Readout(area.right, baseline, theme.panel, align="right")))
        plot = self._plot
        self._bright = bright.pixels[plot.y : plot.bottom, plot.x : plot.right].copy()

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        """Move the line to the step and show its values."""
        for signal, line, readout in self._lines:
            text = self._text(signal, float(line[moment.step_index]))
            text, size = fitted_number(text, self._value_width, self._size, least=self._size // 2)
            readout.show(canvas, text, size, self._theme.ink)
        share = moment.step_index / self._last_index
        column = math.floor(share * (self._plot.width - self._cursor_width))
        if column == self._shown:
            return
        first, end = (0, self._plot.width) if self._shown < 0 else sorted((self._shown, column))
        end = min(self._plot.width, end + self._cursor_width)
        self._shown = column
        plot = self._plot
        canvas.restore(Rect(plot.x + first, plot.y, end - first, plot.height))
        if column > first:
            canvas.pixels[plot.y : plot.bottom, plot.x + first : plot.x + column] = self._bright[:, first:column]
        canvas.fill(Rect(plot.x + column, plot.y, self._cursor_width, plot.height), self._theme.accent)

    def _text(self, signal: Signal, value: float) -> str:
        if signal.component is None:
            return f"×{signal.n_values}"
        is_named = signal.column == "action" and signal.n_values == 1 and value in range(len(self._action_names))
        if is_named:
            return str(self._action_names[int(value)])
        return format_value(value)

    def _draw_line(
        self, surface: Surface, lane: Rect, values: Floats, limits: Range, color: Color, opacity: int
    ) -> None:
        low, high = limits
        surface.fill(lane, self._theme.well)
        between = [(one + other) // 2 for one, other in zip(self._theme.well, self._theme.muted, strict=True)]
        # margin for the line's thickness at both ends of its scale
        margin = min(math.ceil(self._line_width), lane.height // 4)
        ys = margin + (high - values) / (high - low) * (lane.height - 1 - 2 * margin)
        if low < 0 < high:
            zero = round(margin + high / (high - low) * (lane.height - 1 - 2 * margin))
            surface.fill(Rect(lane.x, lane.y + zero, lane.width, 1), (between[0], between[1], between[2]))
        xs = np.arange(len(values)) / self._last_index * (lane.width - 1)
        points = thinned(np.column_stack([xs, ys]), lane.width)
        surface.stamp(polyline(points, lane.width, lane.height, self._line_width), lane.x, lane.y, color, opacity)

    def _band(self, signal: Signal, lane: Rect, color: Color, opacity: float) -> NDArray[np.uint8]:
        """Return a row of pixels per number, brighter for higher values: ``uint8[height, 3 * width]``."""
        steps = np.round(np.arange(lane.width) / max(1, lane.width - 1) * self._last_index).astype(np.int64)
        is_there = steps < len(signal.columns)
        steps = np.minimum(steps, len(signal.columns) - 1)
        n_shown = min(signal.n_values, _MAX_BAND_VALUES, lane.height)
        numbers = np.arange(n_shown) * signal.n_values // n_shown
        values = signal.columns[np.ix_(steps, numbers)].astype(np.float64)
        values[~(is_there & signal.present[steps])] = np.nan
        finite = np.isfinite(values)
        low = np.where(finite, values, np.inf).min(axis=0)
        spread = np.where(finite, values, -np.inf).max(axis=0) - low
        with np.errstate(invalid="ignore"):
            shares = np.where(spread > 0, (values - low) / np.where(spread > 0, spread, 1), 0.5)
        shares = np.where(np.isnan(values), 0, _FAINTEST + (1 - _FAINTEST) * np.clip(shares, 0, 1)) * opacity
        rows = np.arange(lane.height) * n_shown // lane.height
        well = np.array(self._theme.well)
        pixels = well + shares.T[rows][:, :, None] * (np.array(color) - well)
        picture: NDArray[np.uint8] = np.round(pixels).astype(np.uint8).reshape(lane.height, 3 * lane.width)
        return picture


def _range(signal: Signal, scales: Scales) -> Range:
    assert signal.component is not None
    if signal.column == "reward":
        return scales.reward
    return (
        scales.meters[signal.component] if signal.column == "meters" else scales.lines[signal.column, signal.component]
    )


def _extremes(signal: Signal) -> tuple[float, ...]:
    """Return values whose texts are the widest."""
    if signal.component is None:
        return (math.nan,)
    finite = np.unique(signal.line[np.isfinite(signal.line)])
    # Few distinct values are an action's; otherwise the ends, with a fraction, have the most digits.
    return tuple(finite.tolist()) if len(finite) <= 32 else (*finite[[1, -2]].tolist(), *widest_numbers(finite), -0.125)


def _lanes(signals: list[Signal], plot: Rect, gap: int) -> list[Rect]:
    """Return a rectangle per signal, from top to bottom."""
    heights = np.array([_BAND_LINES if signal.component is None else 1 for signal in signals])
    edges = np.concatenate([[0], np.cumsum(heights)]) / heights.sum() * (plot.height + gap)
    tops = np.round(edges).astype(int).tolist()
    return [Rect(plot.x, plot.y + top, plot.width, max(1, bottom - gap - top)) for top, bottom in pairwise(tops)]
