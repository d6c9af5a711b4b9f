"""A thumbnail of one step: the grid with affordances, the agent and its last steps.

An episode without positions shows its meters; without meters, curves of its extras.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recorder.outline import meter_level
from recorder.outline.looks import DARK, number_affordances
from recorder.outline.numbers import unusual_numbers
from replay_server.episodes.png import encode_png
from replay_server.episodes.recorded import OpenedRecording

__all__ = ["draw_thumbnail"]


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


_BACKGROUND = (16, 20, 27)
_LINE = (34, 41, 53)
_TRAIL = (47, 82, 143)
_TRACK = (40, 48, 61)
_PALETTE = tuple(_rgb(color) for color in DARK.affordances)
_AGENT = _rgb(DARK.agent)
_LEVELS = {"good": _rgb(DARK.good), "low": _rgb(DARK.low), "critical": _rgb(DARK.critical)}
_TRAIL_STEPS = 40
_MAX_ASPECT = 2.0
"""Taller or wider grids are squeezed, because all thumbnails on the page have the same shape."""
_MAX_CURVES = 4
"""More curves could not be told apart."""
_MAX_BARS = 64
"""Meters; with more, a bar would be thinner than a pixel."""
_FAR_PIXELS = 1e6
_MIN_CELL_FOR_LINES = 5.0
"""Pixels; in smaller cells the lines would hide the content."""


@unusual_numbers()
def draw_thumbnail(opened: OpenedRecording, *, index: int, size: int) -> bytes:
    """Draw a PNG.

    Args:
        index: of the step.
        size: width in pixels.
    """
    position = opened.columns.position
    bounds = opened.outline.bounds
    if position is None or not position.shape[1] or not len(bounds.low):
        meters = opened.columns.meters
        has_meters = meters is not None and meters.shape[1] > 0
        return encode_png(_meters(opened, index, size) if has_meters else _curves(opened, index, size))
    low = bounds.low[: position.shape[1]]  # a declared space may have more axes than the positions
    width, height = [*(bounds.high - bounds.low)[:2].tolist(), 1.0][:2]
    aspect = min(max(height / width, 1 / _MAX_ASPECT), _MAX_ASPECT)
    canvas = _blank(round(size * aspect), size)
    cell = canvas.shape[0] / height, size / width
    if min(cell) >= _MIN_CELL_FOR_LINES:
        canvas[(np.arange(height) * cell[0]).astype(int)] = _LINE
        canvas[:, (np.arange(width) * cell[1]).astype(int)] = _LINE
    places = position[max(0, index - _TRAIL_STEPS) : index + 1, : len(low)] - low
    numbers = number_affordances(opened.outline.scene.affordances)
    for name, affordance in opened.outline.scene.affordances.items():
        if len(affordance) == position.shape[1]:
            place = np.asarray(affordance[: len(low)], np.float64) - low
            _square(canvas, place.tolist(), cell, _PALETTE[numbers[name] % len(_PALETTE)])
    for place in places[:-1].tolist():
        _disc(canvas, place, cell, _TRAIL, 0.2)
    if len(places):
        _disc(canvas, places[-1].tolist(), cell, _AGENT, 0.42)
    return encode_png(canvas)


def _meters(opened: OpenedRecording, index: int, size: int) -> NDArray[np.uint8]:
    """Draw a bar per meter, in the colour of its level."""
    canvas = _blank(size * 3 // 4, size)
    meters = opened.columns.meters
    if meters is None or not len(meters):
        return canvas
    outline = opened.outline.growth()
    n_bars = min(meters.shape[1], _MAX_BARS)
    height = canvas.shape[0] / n_bars
    for number, (value, (low, high), has_levels) in enumerate(
        zip(meters[index, :n_bars].tolist(), outline["meter_ranges"], outline["meter_levels"], strict=False)
    ):
        top = round((number + 0.2) * height)
        bottom = max(round((number + 0.8) * height), top + 1)
        canvas[top:bottom, size // 16 : size - size // 16] = _TRACK
        share = min(max((value / 2 - low / 2) / (high / 2 - low / 2), 0.0), 1.0) if np.isfinite(value) else 0.0
        level = meter_level(share) if has_levels else "good"
        length = round((size - size // 8) * share)
        canvas[top:bottom, size // 16 : size // 16 + length] = _LEVELS[level]
    return canvas


def _curves(opened: OpenedRecording, index: int, size: int) -> NDArray[np.uint8]:
    """Draw curves from top to bottom over the whole episode: bright up to the step, faint after it."""
    canvas = _blank(size * 3 // 4, size)
    if not opened.n_steps:
        return canvas
    margin, thickness = size // 16, max(1, size // 56)
    steps = np.linspace(0, opened.n_steps - 1, size - 2 * margin).round().astype(np.int64)
    curves = opened.first_numbers(_MAX_CURVES) or [opened.cumulative_reward]
    height = (canvas.shape[0] - margin) / len(curves)
    for number, curve in enumerate(curves):
        values = curve[steps]
        finite = np.isfinite(values)
        low, high = values[finite].min(initial=np.inf), values[finite].max(initial=-np.inf)
        # In halves, because the difference of the largest numbers is infinite.
        shares = (values / 2 - low / 2) / (high / 2 - low / 2) if low / 2 < high / 2 else np.full(len(values), 0.5)
        top, room = margin + number * height, height - margin - 1
        color = np.array(_PALETTE[number % len(_PALETTE)])
        faint = (color + 2 * np.array(_BACKGROUND)) // 3
        before = None
        for column in np.flatnonzero(finite).tolist():
            row = round(top + (1 - float(shares[column])) * room)
            first = row if before is None else min(row, before)
            last = row if before is None else max(row, before)
            canvas[first : last + thickness, margin + column] = color if steps[column] <= index else faint
            before = row
    return canvas


def _blank(height: int, width: int) -> NDArray[np.uint8]:
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = _BACKGROUND
    return canvas


def _square(
    canvas: NDArray[np.uint8], place: Sequence[float], cell: tuple[float, float], color: tuple[int, int, int]
) -> None:
    if not np.isfinite(place).all():
        return
    top, left = _corner(place, cell)
    bottom, right = top + max(1, round(cell[0] * 0.9)), left + max(1, round(cell[1] * 0.9))
    canvas[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = color


def _disc(
    canvas: NDArray[np.uint8],
    place: Sequence[float],
    cell: tuple[float, float],
    color: tuple[int, int, int],
    share: float,
) -> None:
    if not np.isfinite(place).all():
        return
    x, y = place[0], place[1] if len(place) > 1 else 0.0
    rows, columns = np.ogrid[: canvas.shape[0], : canvas.shape[1]]
    radius = max(1.0, share * min(cell))
    inside = (rows - (y + 0.5) * cell[0]) ** 2 + (columns - (x + 0.5) * cell[1]) ** 2 <= radius**2
    canvas[inside] = color


def _corner(place: Sequence[float], cell: tuple[float, float]) -> tuple[int, int]:
    x, y = (place[0] if place else 0.0), (place[1] if len(place) > 1 else 0.0)
    return _pixel(y * cell[0] + cell[0] * 0.05), _pixel(x * cell[1] + cell[1] * 0.05)


def _pixel(place: float) -> int:
    """Return an integer, clamped for positions far outside."""
    return round(min(max(place, -_FAR_PIXELS), _FAR_PIXELS))
