"""The interface of a panel, and the plate with a heading that most panels have."""

from __future__ import annotations

from typing import Protocol

from recorder.video.timeline import Moment
from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import rounded, text_width
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Theme
from worker.video.layout import Layout

__all__ = [
    "BODY",
    "FIGURE",
    "HEADING",
    "SMALL",
    "TITLE",
    "Panel",
    "draw_plate",
    "fitted",
    "fitted_number",
    "ink_baseline",
]

# Font sizes in design units, each about a quarter larger than the previous one, except the last two.
SMALL, HEADING, BODY, FIGURE, TITLE = 15, 17, 20, 38, 40

_ELLIPSIS = "…"


class Panel(Protocol):
    """A part of the frame. What it shows depends only on the moment, not on what it showed before."""

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        """Draw a moment, touching only what differs from the previous one."""


def draw_plate(still: Surface, rect: Rect, layout: Layout, theme: Theme, heading: str = "") -> Rect:
    """Draw a plate and its heading.

    Returns:
        The part of the plate below the heading, inside the padding.
    """
    still.stamp(rounded(rect.width, rect.height, layout.px(14)), rect.x, rect.y, theme.panel)
    inner = rect.inset(layout.px(22), layout.px(18))
    if not heading:
        return inner
    size = layout.px(HEADING)
    still.text(heading, inner.x, inner.y + size, size, theme.muted, bold=True)
    top = inner.y + size + layout.px(16)
    return Rect(inner.x, top, inner.width, max(0, inner.bottom - top))


def fitted(text: str, width: int, size: int, *, bold: bool = False) -> str:
    """Return the text, cut with an ellipsis if it is wider than ``width`` pixels; empty if nothing fits."""
    if text_width(text, size, bold=bold) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if text_width(text[:middle].rstrip() + _ELLIPSIS, size, bold=bold) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + _ELLIPSIS if low else ""


def fitted_number(text: str, width: int, size: int, *, least: int, bold: bool = False) -> tuple[str, int]:
    """Return a number and the size of its letters: smaller, rather than cut to another number.

    Args:
        least: size from which on it is cut after all.
    """
    while size > least and text_width(text, size, bold=bold) > width:
        size -= max(1, size // 8)
    return fitted(text, width, size, bold=bold), size


def ink_baseline(rect: Rect, size: int) -> int:
    """Return the baseline that centres capitals and digits vertically in a rectangle."""
    # The capitals of DejaVu Sans have 0.73 of its size.
    return round(rect.y + rect.height / 2 + size * 0.365)
