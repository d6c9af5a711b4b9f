"""The world from above: cells and affordances are static; trail, agent, heading and interaction ring move."""

from __future__ import annotations

import math

import numpy as np

from recorder.outline.looks import kind_of, number_affordances
from recorder.video.timeline import Moment
from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import arc, arrow_head, disc, marker, ring, rounded, text_width
from worker.video.canvas.overlay import Overlay
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Color, Theme
from worker.video.episode.series import EpisodeSeries
from worker.video.layout import Layout
from worker.video.panels.panel import BODY, HEADING, SMALL, draw_plate, fitted
from worker.video.panels.parts.board import Board, make_board
from worker.video.panels.parts.figures import Figures, stamp_name, stamp_sign
from worker.video.panels.parts.trail import Trail

__all__ = ["GridPanel"]

_HEADING_STEP_DEGREES = 5
_RING_LEVELS = 64
_LEGEND_ROWS = 4


class GridPanel:
    """The board with its agents."""

    def __init__(self, series: EpisodeSeries, layout: Layout, theme: Theme, still: Surface, rect: Rect) -> None:
        self._series, self._theme, self._layout = series, theme, layout
        n_coordinates = series.positions.shape[1]
        self._affordances = [(name, cell) for name, cell in series.affordances.items() if len(cell) >= 1]
        self._numbers = number_affordances(series.affordances)
        inner = draw_plate(still, rect, layout, theme)
        board = self._fit(inner, n_coordinates)
        names_fit = self._names_fit(board)
        if self._affordances and not names_fit:
            inner = self._draw_legend(still, inner)
            board = self._fit(inner, n_coordinates)
        self.board = board
        self._draw_floors(still)
        self._draw_affordances(still, named=names_fit)
        side = min(board.cell) if board.has_cells else layout.px(60)
        self._radius = float(np.clip(side * 0.30, layout.px(7), layout.px(34)))
        self._figures = Figures(
            series, board, theme, radius=self._radius * 0.9, name_size=layout.px(SMALL) if side >= layout.px(40) else 0
        )
        self._color_of_agent = theme.agent if series.look is None else theme.agents[series.look.number]
        self._trail = Trail(series, board, thickness=float(np.clip(side * 0.07, 2.0, layout.px(8))))
        self._overlay: Overlay | None = None
        self._n_trail = 0
        self._written: Rect | None = None
        self._shown: tuple[object, ...] | None = None

    def _fit(self, inner: Rect, n_coordinates: int) -> Board:
        cells = [cell[:n_coordinates] for _, cell in self._affordances]
        gap = self._layout.px(34 if n_coordinates == 3 else 0)
        area = Rect(inner.x, inner.y + gap, inner.width, inner.height - gap)
        everywhere = np.concatenate([self._series.positions, *(other.positions for other in self._series.others)])
        return make_board(area, everywhere, cells, self._series.metadata, gap=gap)

    @property
    def _name_size(self) -> int:
        return self._layout.px(SMALL)

    def _names_fit(self, board: Board) -> bool:
        """Return whether every affordance's name fits below its shape, inside its cell."""
        if not board.has_cells or board.cell[1] < self._layout.px(64):
            return False
        return all(text_width(name, self._name_size) <= board.cell[0] * 0.94 for name, _ in self._affordances)

    def _color(self, name: str) -> Color:
        return self._theme.series[self._numbers[name] % len(self._theme.series)]

    def _draw_legend(self, still: Surface, inner: Rect) -> Rect:
        """Draw the shape and name of each kind in rows at the lower edge; those that do not fit are counted.

        Returns:
            The area above them.
        """
        layout, theme = self._layout, self._theme
        size, line, gap = layout.px(HEADING), layout.px(34), layout.px(20)
        icon = layout.px(10)
        kinds = {kind_of(name): name for name, _ in reversed(self._affordances)}
        rest = [f"and {n} more" for n in range(len(kinds), 0, -1)]
        rows: list[list[tuple[str, str, int]]] = [[]]
        x = 0
        for i, (kind, name) in enumerate(reversed(kinds.items())):
            text = fitted(kind, inner.width // 2, size)
            width = 2 * icon + layout.px(10) + text_width(text, size) + gap
            is_last_row = len(rows) == _LEGEND_ROWS
            reserved = text_width(rest[i], size) if is_last_row and i < len(rest) - 1 else 0
            if x + width + reserved - gap > inner.width and rows[-1]:
                if is_last_row:
                    still.text(rest[i], inner.x + x, inner.bottom - round(line / 2 - size * 0.36), size, theme.muted)
                    break
                rows.append([])
                x = 0
            rows[-1].append((name, text, x))
            x += width
        top = inner.bottom - len(rows) * line
        for row, entries in enumerate(rows):
            for name, text, left in entries:
                middle = top + row * line + line / 2
                mark = marker(self._numbers[name], icon)
                still.stamp_center(mark, inner.x + left + icon, middle, self._color(name))
                still.text(
                    text, inner.x + left + 2 * icon + layout.px(10), round(middle + size * 0.36), size, theme.ink
                )
        return Rect(inner.x, inner.y, inner.width, inner.height - len(rows) * line - layout.px(12))

    def _draw_floors(self, still: Surface) -> None:
        board, layout, theme = self.board, self._layout, self._theme
        for i, floor in enumerate(board.floors):
            if len(board.floors) > 1:
                size = layout.px(HEADING)
                still.text(f"floor {board.first_floor + i}", floor.x, floor.y - layout.px(9), size, theme.muted)
            if not board.has_cells:
                still.stamp(rounded(floor.width, floor.height, layout.px(8)), floor.x, floor.y, theme.well)
                continue
            side = board.cell[0]
            if side < 6:
                still.fill(floor, theme.well)
                continue
            gap = max(1, round(side * 0.04))
            radius = min(layout.px(8), round(side * 0.12))
            plate = rounded(max(1, round(side) - gap), max(1, round(side) - gap), radius)
            for row in range(board.n_rows):
                for column in range(board.n_columns):
                    x, y = floor.x + round(column * side), floor.y + round(row * side)
                    still.stamp(plate, x + gap // 2, y + gap // 2, theme.well)

    def _draw_affordances(self, still: Surface, *, named: bool) -> None:
        board, layout, theme = self.board, self._layout, self._theme
        side = board.cell[0] if board.has_cells else layout.px(44)
        for name, cell in self._affordances:
            place = board.place(cell)
            if place is None:
                continue
            x, y = place
            radius = float(np.clip(side * (0.26 if named else 0.36), layout.px(6), layout.px(30)))
            if named:
                y -= side * 0.10
                size = self._name_size
                still.text(name, x, round(place[1] + side * 0.5 - size * 0.55), size, theme.ink, align="center")
            still.stamp_center(marker(self._numbers[name], radius), x, y, self._color(name))

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        """Draw the agents on their way to the step's positions."""
        series = self._series
        place = self.place(moment)
        heading = self._heading(moment.step_index)
        level = self._ring_level(moment.step_index)
        others = self._figures.at(moment)
        key = (moment.step_index, place, heading, level, others)
        if key == self._shown:
            return
        if self._overlay is None:
            self._overlay = Overlay(canvas)
        if self._written is not None:
            canvas.restore(self._written)
            self._written = None
        if self._shown is None or self._shown[0] != moment.step_index:
            self._overlay.take_back()
            self._trail.draw(self._overlay, moment.step_index, self._color_of_agent)
            self._n_trail = len(self._overlay)
        self._shown = key
        self._overlay.take_back(self._n_trail)
        self._trail.draw_head(self._overlay, moment.step_index, place, self._color_of_agent)
        self._figures.draw(self._overlay, others)
        if place is not None:
            self._draw_agent(self._overlay, place, heading, level)
            if series.positions.shape[1] > 3:
                self._write_rest(canvas, moment.step_index)

    def _draw_agent(self, overlay: Overlay, place: tuple[float, float], heading: int | None, level: int) -> None:
        theme, radius, series = self._theme, self._radius, self._series
        x, y = place
        overlay.stamp_center(disc(radius + max(1.5, radius * 0.13)), x, y, theme.panel)
        if series.look is not None:
            overlay.stamp_center(ring(radius + max(2.5, radius * 0.3), max(1.5, radius * 0.12)), x, y, theme.ink)
        overlay.stamp_center(disc(radius), x, y, self._color_of_agent)
        if series.look is not None:
            stamp_sign(overlay, series.look.sign, x, y, radius, theme)
            stamp_name(overlay, series.agent_id or "", x, y + radius * 1.3, self._layout.px(SMALL), theme.ink)
        elif heading is None:
            overlay.stamp_center(disc(radius * 0.28), x, y, theme.on_agent)
        else:
            overlay.stamp_center(arrow_head(radius * 0.62, heading), x, y, theme.on_agent)
        if level:
            thickness = max(2.0, radius * 0.2)
            overlay.stamp_center(ring(radius * 1.45, thickness), x, y, theme.line)
            overlay.stamp_center(arc(radius * 1.45, thickness, 0.0, level / _RING_LEVELS), x, y, theme.good)

    def place(self, moment: Moment) -> tuple[float, float] | None:
        """Return the agent's pixel, on its way or at its place; it does not glide between floors."""
        positions, board = self._series.positions, self.board
        here = board.place(positions[moment.step_index])
        if here is not None and moment.progress < 1 and self._series.follows(moment.step_index):
            before = positions[moment.step_index - 1]
            there = board.place(before)
            if there is not None and board.floor_of(before) == board.floor_of(positions[moment.step_index]):
                here = tuple(a + (b - a) * moment.progress for a, b in zip(there, here, strict=True))  # type: ignore[assignment]
        return None if here is None else (round(here[0]) + 0.0, round(here[1]) + 0.0)

    def _heading(self, index: int) -> int | None:
        """Return the direction of the step's movement in multiples of a few degrees; None if it did not move."""
        if not self._series.follows(index):
            return None
        positions, board = self._series.positions, self.board
        here, before = board.place(positions[index]), board.place(positions[index - 1])
        if here is None or before is None or board.floor_of(positions[index]) != board.floor_of(positions[index - 1]):
            return None
        dx, dy = here[0] - before[0], here[1] - before[1]
        if math.hypot(dx, dy) < 1e-6:
            return None
        return round(math.degrees(math.atan2(dy, dx)) / _HEADING_STEP_DEGREES) * _HEADING_STEP_DEGREES

    def _ring_level(self, index: int) -> int:
        progress = self._series.interaction_progress
        if progress is None or not math.isfinite(progress[index]):
            return 0
        return round(min(1.0, max(0.0, float(progress[index]))) * _RING_LEVELS)

    def _write_rest(self, canvas: Canvas, index: int) -> None:
        """Return the coordinates that the picture does not show."""
        rest = ", ".join(f"{value:g}" for value in self._series.positions[index, 2:])
        size = self._layout.px(BODY)
        floor = self.board.floors[0]
        text = fitted(f"further coordinates: {rest}", floor.width - self._layout.px(24), size)
        place = Rect(floor.x, floor.bottom - 2 * size, floor.width, 2 * size)
        canvas.restore(place)
        self._written = place
        canvas.text(text, floor.x + self._layout.px(12), floor.bottom - size // 2, size, self._theme.muted)
