"""The numbers of the step: return so far, this step's reward, the action, and epsilon."""

from __future__ import annotations

import math

from recorder.values.number_format import DECIMALS, format_change, format_number, format_value
from recorder.video.timeline import Moment
from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import text_width
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Color, Theme
from worker.video.episode.series import EpisodeSeries
from worker.video.layout import Layout
from worker.video.panels.panel import BODY, FIGURE, HEADING, draw_plate, fitted, fitted_number
from worker.video.panels.parts.readout import Readout

__all__ = ["InfoPanel"]


class InfoPanel:
    """Tiles with a fixed label above a changing value."""

    def __init__(self, series: EpisodeSeries, layout: Layout, theme: Theme, still: Surface) -> None:
        self._series, self._theme, self._layout = series, theme, layout
        inner = draw_plate(still, layout.info, layout, theme)
        if layout.clock is not None:
            inner = Rect(inner.x, inner.y, max(1, layout.clock.x - inner.x), inner.height)
        labels = ["Return so far", "This step", "Action"]
        if series.epsilon is not None:
            labels.append("Epsilon")
        self._width = inner.width
        compact = layout.info.height < layout.px(150)
        self._figure = layout.px(BODY + 6) if compact else layout.px(FIGURE)
        self._tiles = self._arrange(inner, labels)
        self._shown: int | None = None
        size = layout.px(HEADING)
        gap = layout.px(10 if compact else 18)
        below = size + gap if series.intrinsic_so_far is not None else 0
        block = size + gap + self._figure + below
        for label, tile in zip(labels, self._tiles, strict=True):
            top = tile.y + (inner.height - block) // 2
            still.text(fitted(label, tile.width, size, bold=True), tile.x, top + size, size, theme.muted, bold=True)
        value_top = inner.y + (inner.height - block) // 2 + size + gap - layout.px(3)
        self._parts = Readout(inner.x, value_top + self._figure + below, theme.panel) if below else None
        self._values = [Readout(tile.x, value_top + self._figure, theme.panel) for tile in self._tiles]

    def _arrange(self, inner: Rect, labels: list[str]) -> list[Rect]:
        """Return tiles as wide as their longest values, and share out the rest."""
        gap = self._layout.px(18)
        series = self._series
        totals = [format_number(float(value)) for value in (series.cumulative.min(), series.cumulative.max())]
        steps = [format_change(float(value)) for value in (series.rewards.min(), series.rewards.max())]
        longest = [totals, steps, list(series.action_labels) or ["0.000, 0.000"], ["0.000"]][: len(labels)]
        wanted = []
        for label, texts in zip(labels, longest, strict=True):
            texts = sorted(texts, key=len)[-8:]
            value = max(text_width(text, self._figure, bold=True) for text in texts)
            wanted.append(max(value, text_width(label, self._layout.px(HEADING), bold=True)))
        room = inner.width - gap * (len(labels) - 1)
        while sum(wanted) > room:
            # the widest gives way: its text is drawn smaller, or cut
            longest_index = wanted.index(max(wanted))
            wanted[longest_index] -= min(sum(wanted) - room, max(1, wanted[longest_index] // 8))
        spare = (room - sum(wanted)) / len(labels)
        tiles, x = [], float(inner.x)
        for width in wanted:
            tiles.append(Rect(round(x), inner.y, math.floor(width + spare), inner.height))
            x += width + spare + gap
        return tiles

    def _texts(self, index: int) -> list[tuple[str, Color]]:
        series, theme = self._series, self._theme
        reward = float(series.rewards[index])
        color = theme.empty if reward < 0 else theme.good if reward > 0 else theme.ink
        texts = [
            (format_number(float(series.cumulative[index])), theme.ink),
            (format_change(reward), color),
            (self._action(index), theme.accent),
        ]
        if series.epsilon is not None:
            texts.append((format_number(float(series.epsilon[index]), DECIMALS["epsilon"]), theme.ink))
        return texts

    def _parts_text(self, index: int) -> str:
        """Return the two parts of the return so far."""
        series = self._series
        intrinsic = 0.0 if series.intrinsic_so_far is None else float(series.intrinsic_so_far[index])
        task, weight = format_number(float(series.task_so_far[index])), series.metadata.intrinsic_weight
        if weight is None:
            return f"task {task}, intrinsic {format_number(intrinsic)}"
        return f"task {task} + {format_number(weight, DECIMALS['weight'])} × intrinsic {format_number(intrinsic)}"

    def _action(self, index: int) -> str:
        series = self._series
        if series.actions is not None:
            action = int(series.actions[index])
            labels = series.action_labels
            return "—" if action < 0 else labels[action] if action < len(labels) else str(action)
        if series.action_vectors is not None:
            return ", ".join(format_value(float(value)) for value in series.action_vectors[index][:8])
        return "—"

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        """Show the step's numbers."""
        if moment.step_index == self._shown:
            return
        self._shown = moment.step_index
        for tile, value, (text, color) in zip(self._tiles, self._values, self._texts(moment.step_index), strict=True):
            text, size = fitted_number(text, tile.width, self._figure, least=self._layout.px(HEADING), bold=True)
            value.show(canvas, text, size, color, bold=True)
        if self._parts is not None:
            size = self._layout.px(HEADING)
            text = fitted(self._parts_text(moment.step_index), self._width, size)
            self._parts.show(canvas, text, size, self._theme.muted)
