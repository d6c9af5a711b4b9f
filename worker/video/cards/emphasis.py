"""What is laid over a frame to show why it matters: a zoom and a pulse while a meter is critical, captions of what happens,
and a card with the outcome at the end.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recorder.outline import Marker
from recorder.outline.looks import MARKER_WORDS
from recorder.outline.markers import event_text
from recorder.video.pace import slow_span
from recorder.video.timeline import Timeline
from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import rounded, text_width
from worker.video.canvas.surface import Canvas
from worker.video.canvas.theme import Color, Theme
from worker.video.layout import Layout
from worker.video.panels.panel import BODY, HEADING, TITLE, fitted

__all__ = ["Emphasis", "EndCard"]

_CAPTION_SECS = 1.5
_FADE_SECS = 0.4
_ZOOM = 1.3
_PULSES_A_SEC = 1.5
_SOLID = 255
"""Opacity of the end card: labels that shine through it look like mistakes."""
_CAPTIONED = ("affordance", "low_meter", "best_reward", "gap", "died", "joined", "left")


class EndCard(NamedTuple):
    """What the card at the end says: the outcome, a line of facts, and what comes next."""

    outcome: str
    facts: str
    coming: str = ""


class _Caption(NamedTuple):
    first_frame: int
    end_frame: int
    text: str
    kind: str


class _Crisis(NamedTuple):
    """Frames in which a meter is critical."""

    first_frame: int
    end_frame: int


class Emphasis:
    """Draws over the panels, and takes back what it has drawn.

    Args:
        markers: of the episode.
        board: area of the board, which is zoomed.
        end_card: for the frames after the last step; None for none.
        has_captions: show what happens.
        has_zoom: zoom and pulse.
    """

    def __init__(
        self,
        markers: Sequence[Marker],
        timeline: Timeline,
        layout: Layout,
        theme: Theme,
        board: Rect,
        *,
        end_card: EndCard | None,
        has_captions: bool,
        has_zoom: bool,
    ) -> None:
        self._timeline, self._layout, self._theme, self._board = timeline, layout, theme, board
        self._end_card = end_card
        shown = [marker for marker in markers if timeline.first_index <= marker.index < timeline.end_index]
        self._captions = self._caption_list(shown) if has_captions else []
        self._crises = self._crisis_list(shown) if has_zoom else []
        self._first_frames = [caption.first_frame for caption in self._captions]
        self._below: list[tuple[Rect, NDArray[np.uint8]]] = []

    def take_back(self, canvas: Canvas) -> None:
        """Restore what was drawn over the panels."""
        while self._below:
            rect, pixels = self._below.pop()
            canvas.paint(pixels, rect.x, rect.y)

    def draw(self, canvas: Canvas, frame: int, agent: tuple[float, float] | None) -> None:
        """Draw over a frame whose panels are complete.

        Args:
            agent: its pixel; None if it is not on the board.
        """
        crisis = next((it for it in self._crises if it.first_frame <= frame < it.end_frame), None)
        if crisis is not None:
            self._zoom(canvas, self._strength(crisis, frame), agent)
            self._pulse(canvas, frame - crisis.first_frame, self._strength(crisis, frame))
        at = bisect_right(self._first_frames, frame) - 1
        if at >= 0 and frame < self._captions[at].end_frame:
            self._write_caption(canvas, self._captions[at])
        over = frame - self._timeline.n_title_frames - self._timeline.n_step_frames
        if over >= 0 and self._end_card is not None:
            self._draw_end_card(canvas, self._end_card)

    def _caption_list(self, markers: Sequence[Marker]) -> list[_Caption]:
        """A caption stays for its time, or until the next one. Of several at one frame, the first is shown."""
        length = max(1, round(_CAPTION_SECS * self._timeline.fps))
        found: dict[int, Marker] = {}
        for marker in markers:
            if marker.kind in _CAPTIONED:
                found.setdefault(self._timeline.frame_of_step(marker.index), marker)
        starts = sorted(found)
        return [
            _Caption(
                start, min(start + length, end), event_text(found[start]), found[start].kind
            )
            for start, end in pairwise([*starts, self._timeline.n_frames])
        ]  # fmt: skip

    def _crisis_list(self, markers: Sequence[Marker]) -> list[_Crisis]:
        found: list[_Crisis] = []
        for marker in markers:
            if marker.kind != "low_meter":
                continue
            start, stop = slow_span(marker, self._timeline.end_index)
            first = self._timeline.frame_of_step(max(start, self._timeline.first_index))
            end = self._timeline.frame_of_step(stop)
            if found and first <= found[-1].end_frame:
                found[-1] = _Crisis(found[-1].first_frame, max(end, found[-1].end_frame))
            else:
                found.append(_Crisis(first, end))
        return found

    def _strength(self, crisis: _Crisis, frame: int) -> float:
        """From 0 at both ends of a crisis to 1."""
        fade = max(1.0, float(_FADE_SECS * self._timeline.fps))
        share = min(1.0, (frame - crisis.first_frame + 1) / fade, (crisis.end_frame - frame) / fade)
        return share * share * (3 - 2 * share)

    def _keep(self, canvas: Canvas, rect: Rect) -> NDArray[np.uint8]:
        pixels = canvas.picture(rect)
        self._below.append((rect, pixels))
        return pixels

    def _zoom(self, canvas: Canvas, strength: float, agent: tuple[float, float] | None) -> None:
        board = self._board
        if agent is None or board.width < 2 or board.height < 2:
            return
        pixels = self._keep(canvas, board).reshape(board.height, board.width, 3)
        factor = 1 + (_ZOOM - 1) * strength
        large = _magnified(pixels, factor, agent[0] - board.x, agent[1] - board.y)
        canvas.paint(large.reshape(board.height, 3 * board.width), board.x, board.y)

    def _pulse(self, canvas: Canvas, n_frames: int, strength: float) -> None:
        board, thick = self._board, self._layout.px(6)
        phase = 0.5 - 0.5 * math.cos(2 * math.pi * _PULSES_A_SEC * n_frames / float(self._timeline.fps))
        opacity = 0.75 * strength * phase
        color = np.array(self._theme.empty, np.float32)
        for rect in (
            Rect(board.x, board.y, board.width, thick),
            Rect(board.x, board.bottom - thick, board.width, thick),
            Rect(board.x, board.y + thick, thick, board.height - 2 * thick),
            Rect(board.right - thick, board.y + thick, thick, board.height - 2 * thick),
        ):
            pixels = self._keep(canvas, rect).reshape(rect.height, rect.width, 3)
            mixed = pixels + (color - pixels) * np.float32(opacity)
            canvas.paint(np.round(mixed).astype(np.uint8).reshape(rect.height, 3 * rect.width), rect.x, rect.y)

    def _write_caption(self, canvas: Canvas, caption: _Caption) -> None:
        layout, theme, board = self._layout, self._theme, self._board
        size, padding = layout.px(BODY + 2), layout.px(16)
        sign = MARKER_WORDS[caption.kind].sign
        text = fitted(f"{sign} {caption.text}", board.width - 4 * padding, size, bold=True)
        width, height = text_width(text, size, bold=True) + 2 * padding, round(size * 2.1)
        plate = Rect(board.x + (board.width - width) // 2, board.bottom - height - padding, width, height)
        self._plate(canvas, plate, theme.page)
        color = {"low_meter": theme.empty, "affordance": theme.good, "gap": theme.low}.get(caption.kind, theme.accent)
        baseline = plate.y + round(height / 2 + size * 0.36)
        canvas.text(text, plate.x + padding, baseline, size, color, bold=True)

    def _draw_end_card(self, canvas: Canvas, card: EndCard) -> None:
        layout, theme, frame = self._layout, self._theme, self._layout.frame
        width, height = round(frame.width * 0.62), layout.px(230)
        plate = Rect((frame.width - width) // 2, (frame.height - height) // 2, width, height)
        self._plate(canvas, plate, theme.page, _SOLID)
        middle, room = frame.width / 2, width - 2 * layout.px(24)
        size = layout.px(TITLE)
        outcome = fitted(card.outcome, room, size, bold=True)
        canvas.text(outcome, middle, plate.y + layout.px(104), size, theme.ink, bold=True, align="center")
        facts = fitted(card.facts, room, layout.px(HEADING + 5))
        canvas.text(facts, middle, plate.y + layout.px(158), layout.px(HEADING + 5), theme.accent, align="center")
        coming = fitted(card.coming, room, layout.px(HEADING + 2))
        canvas.text(coming, middle, plate.y + layout.px(202), layout.px(HEADING + 2), theme.muted, align="center")

    def _plate(self, canvas: Canvas, rect: Rect, color: Color, opacity: int = 235) -> None:
        self._keep(canvas, rect)
        canvas.stamp(rounded(rect.width, rect.height, self._layout.px(14)), rect.x, rect.y, color, opacity)


def _magnified(pixels: NDArray[np.uint8], factor: float, x: float, y: float) -> NDArray[np.uint8]:
    """The picture around a point, enlarged with linear interpolation; what would be outside is not shown.

    Args:
        pixels: ``uint8[height, width, 3]``.
    """
    height, width = pixels.shape[:2]
    shown = width / factor, height / factor
    left = min(max(x - shown[0] / 2, 0.0), width - shown[0])
    top = min(max(y - shown[1] / 2, 0.0), height - shown[1])
    box = (left, top, left + shown[0], top + shown[1])
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR, box=box))
