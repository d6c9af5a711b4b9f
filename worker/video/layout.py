"""Places the panels for any size and content. Pure. Panels never overlap.

Lengths are designed for a frame of 1080 rows and scaled by ``unit``. A wide frame has the board on the left and the
rest on the right; a narrow one (each half of a comparison) has the board on top.
"""

from __future__ import annotations

from dataclasses import dataclass

from recorder.video.limits import check_side
from worker.video.canvas.geometry import Rect

__all__ = ["Layout", "make_layout"]

_WIDE = (1920, 1080)
_NARROW = (960, 1080)
_WIDE_FROM = 1.3


@dataclass(frozen=True, slots=True)
class Layout:
    """The panels of a frame; None for those without content.

    Args:
        unit: pixels per design unit.
        frame: the whole picture.
        header: episode and step.
        board: the world.
        info: numbers of the step.
        clock: the dial within ``info``.
        curve: return so far.
        learning: the run's learning curve.
        progress: the bar at the bottom edge.
    """

    unit: float
    frame: Rect
    header: Rect
    board: Rect
    info: Rect
    clock: Rect | None
    meters: Rect | None
    q_values: Rect | None
    curve: Rect
    learning: Rect | None
    progress: Rect

    def px(self, length: float) -> int:
        """Return a design length in whole pixels, at least one."""
        return max(1, round(length * self.unit))

    @property
    def panels(self) -> tuple[Rect, ...]:
        """Return all plates in the order of the fields."""
        found = (self.board, self.info, self.meters, self.q_values, self.curve, self.learning)
        return tuple(panel for panel in found if panel is not None)


def make_layout(
    width: int,
    height: int,
    *,
    n_meters: int,
    n_q_values: int,
    has_clock: bool,
    has_learning_curve: bool,
) -> Layout:
    """Place the panels.

    Args:
        width: of the frame in pixels, even.
        height: of the frame in pixels, even.

    Raises:
        UsageError: a side is odd, too small or too large.
    """
    check_side("width", width)
    check_side("height", height)
    wide = width / height >= _WIDE_FROM
    design = _WIDE if wide else _NARROW
    unit = min(width / design[0], height / design[1])

    def px(length: float) -> int:
        return max(1, round(length * unit))

    margin, gap = px(40 if wide else 28), px(20 if wide else 16)
    header = Rect(margin, px(26), width - 2 * margin, px(84))
    progress = Rect(margin, height - px(40), width - 2 * margin, px(12))
    top = header.bottom + px(18)
    body = Rect(margin, top, width - 2 * margin, progress.y - px(24) - top)
    if wide:
        side = min(body.height, round(body.width * 0.49))
        board = Rect(body.x, body.y, side, body.height)
        rest = Rect(board.right + gap, body.y, body.right - board.right - gap, body.height)
        info_height, curve_height = px(176), px(214)
    else:
        board = Rect(body.x, body.y, body.width, round(body.height * 0.42))
        rest = Rect(body.x, board.bottom + gap, body.width, body.bottom - board.bottom - gap)
        info_height, curve_height = px(108), px(112)
    info = Rect(rest.x, rest.y, rest.width, info_height)
    clock = None
    if has_clock:
        clock = Rect(info.right - info.height - px(8), info.y, info.height + px(8), info.height)
    bars = Rect(rest.x, info.bottom + gap, rest.width, rest.height - info_height - curve_height - 2 * gap)
    lower = Rect(rest.x, bars.bottom + gap, rest.width, rest.bottom - bars.bottom - gap)
    kinds = [bool(n_meters), bool(n_q_values)]
    shared = bars.columns(max(1, sum(kinds)), gap)
    meters = shared[0] if kinds[0] else None
    q_values = shared[-1] if kinds[1] else None
    if not any(kinds):
        lower = Rect(bars.x, bars.y, bars.width, lower.bottom - bars.y)
    curves = lower.columns(2 if has_learning_curve else 1, gap)
    curve, learning = curves[0], curves[1] if has_learning_curve else None
    return Layout(
        unit, Rect(0, 0, width, height), header, board, info, clock, meters, q_values, curve, learning, progress
    )
