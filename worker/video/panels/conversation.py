"""For episodes whose steps are turns: what was said, wrapped, with the roles, up to the current step."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from recorder.episode_file import Episode
from recorder.outline import said_in
from recorder.video.timeline import Moment
from worker.video.canvas.geometry import Rect
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Color, Theme
from worker.video.layout import Layout
from worker.video.panels.panel import BODY, HEADING, draw_plate, fitted
from worker.video.panels.parts.wrapping import wrapped

__all__ = ["ConversationPanel"]

_LINE, _ROLE_LINE, _NO_ROLE_LINE, _LETTER_BELOW = 1.4, 2.1, 0.7, 0.3
"""Heights of a line of text, of one with a role and of one without, and what a letter has below its baseline, in sizes of a
letter."""
_MOST_TURNS = 256
"""Before the current one, that are looked at: many may have no text."""
_ROLE_NUMBERS = {"user": 1, "tool": 2, "tool call": 2}
"""Colours of roles that most conversations have."""


class _Line(NamedTuple):
    text: str
    is_role: bool
    height: int


class ConversationPanel:
    """The newest turn at the bottom, those before it above, fainter. A turn that is too long scrolls while its step lasts.

    Args:
        columns: of the texts.
    """

    def __init__(
        self, episode: Episode, columns: Sequence[str], layout: Layout, theme: Theme, still: Surface, rect: Rect
    ) -> None:
        self._episode, self._columns, self._theme = episode, columns, theme
        self._inner = draw_plate(still, rect, layout, theme, "What was said")
        self._size, self._role_size = layout.px(BODY), layout.px(HEADING)
        self._turn = lru_cache(maxsize=2 * _MOST_TURNS)(self._read)
        self._shown = (-1, -1)

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        """Show what was said up to the step."""
        index, inner = moment.step_index, self._inner
        own = self._turn(index)
        own_height = sum(line.height for line in own)
        below = round((1 - moment.progress) * max(0, own_height - inner.height))
        if (index, below) == self._shown:
            return
        self._shown = (index, below)
        canvas.restore(inner)
        first, above = index, own_height
        while first > max(0, index - _MOST_TURNS) and above < inner.height:
            first -= 1
            above += sum(line.height for line in self._turn(first))
        y = min(inner.y, inner.bottom - above) + (below if above > inner.height else 0)
        for turn in range(first, index + 1):
            for line in self._turn(turn):
                if y >= inner.y and y + line.height <= inner.bottom:
                    self._write(canvas, line, y, is_old=turn < index)
                y += line.height

    def _write(self, canvas: Canvas, line: _Line, y: int, *, is_old: bool) -> None:
        theme, size = self._theme, self._role_size if line.is_role else self._size
        color = theme.muted if is_old else self._role_color(line.text) if line.is_role else theme.ink
        baseline = y + line.height - round(_LETTER_BELOW * size)
        canvas.text(line.text, self._inner.x, baseline, size, color, bold=line.is_role)

    def _role_color(self, role: str) -> Color:
        series = self._theme.series
        if role == "assistant":
            return self._theme.accent
        number = _ROLE_NUMBERS.get(role)
        return series[(zlib.crc32(role.encode()) if number is None else number) % len(series)]

    def _read(self, index: int) -> list[_Line]:
        """The lines of a turn."""
        lines = []
        for said in said_in(self._episode, self._columns, index):
            role = fitted(said.role, self._inner.width, self._role_size, bold=True)
            lines.append(_Line(role, True, round((_ROLE_LINE if role else _NO_ROLE_LINE) * self._role_size)))
            for text in wrapped(said.text, self._inner.width, self._size):
                lines.append(_Line(text, False, round(_LINE * self._size)))
        return lines
