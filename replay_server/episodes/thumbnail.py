"""Thumbnails: the recorded picture, or the grid with affordances, the agents, and their last steps or all their places.

Another episode without positions shows its meters; without meters, curves of its extras.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from recorder.outline import meter_level, picture_before, resized, rgb_of, shown_pictures
from recorder.outline.agents import find_agent
from recorder.outline.looks import number_affordances
from recorder.outline.step_columns import unusual_numbers
from replay_server.episodes.recorded import OpenedRecording
from replay_server.episodes.thumbnail_marks import PALETTES, Palette, disc, shade_visits, square, walkers_of

__all__ = ["draw_film", "draw_recorded", "draw_thumbnail", "encode_png"]


_TRAIL_STEPS = 40
_MAX_ASPECT = 2.0
"""Taller or wider grids are squeezed, and pictures get borders: all thumbnails on the page have the same shape."""
_MAX_CURVES = 4
"""More curves could not be told apart."""
_MAX_BARS = 64
"""Meters; with more, a bar would be thinner than a pixel."""
_MIN_CELL_FOR_LINES = 5.0
"""Pixels; in smaller cells the lines would hide the content."""


@unusual_numbers()
def draw_thumbnail(opened: OpenedRecording, *, index: int | None, size: int, theme: str = "dark") -> bytes:
    """Draw a PNG.

    Args:
        index: of the step; None for the whole episode: where the agent was, and where it ended.
        size: width in pixels.
        theme: a key of ``PALETTES``.
    """
    return encode_png(_picture(opened, index, size, PALETTES[theme]))


@unusual_numbers()
def draw_film(opened: OpenedRecording, *, n_frames: int, size: int, theme: str = "dark") -> bytes:
    """Draw a PNG with square pictures of evenly spaced steps below each other, the first and the last step included.

    Args:
        size: width of the PNG and of each picture, in pixels.
    """
    palette = PALETTES[theme]
    film = np.empty((n_frames * size, size, 3), np.uint8)
    film[:] = palette.ground
    for number, index in enumerate(np.linspace(0, max(opened.n_steps - 1, 0), n_frames).round().astype(int).tolist()):
        recorded = draw_recorded(opened, index, size, palette, is_square=True)
        picture = _picture(opened, index, size, palette) if recorded is None else recorded
        height = picture.shape[0]
        if height > size:  # tall grids are made narrower
            picture = picture[np.arange(size) * height // size]
            height = size
        top = number * size + (size - height) // 2
        film[top : top + height] = picture
    return encode_png(film)


def _picture(opened: OpenedRecording, index: int | None, size: int, palette: Palette) -> NDArray[np.uint8]:
    last = max(opened.n_steps - 1, 0)
    if (recorded := draw_recorded(opened, last if index is None else index, size, palette)) is not None:
        return recorded
    walkers = walkers_of(opened, index, palette)
    bounds = opened.outline.bounds
    n_dims = walkers[0].places.shape[1] if walkers else 0
    if not n_dims or not len(bounds.low):
        meters = opened.columns.meters
        has_meters = meters is not None and meters.shape[1] > 0
        at = last if index is None else index
        return _meters(opened, at, size, palette) if has_meters else _curves(opened, at, size, palette)
    low = bounds.low[:n_dims]  # a declared space may have more axes than the positions
    width, height = [*(bounds.high - bounds.low)[:2].tolist(), 1.0][:2]
    aspect = min(max(height / width, 1 / _MAX_ASPECT), _MAX_ASPECT)
    canvas = _blank(round(size * aspect), size, palette)
    cell = canvas.shape[0] / height, size / width
    if index is None:
        visited = np.concatenate([walker.places for walker in walkers])[:, : len(low)] - low
        shade_visits(canvas, visited[:, :2], (width, height), palette)
    if min(cell) >= _MIN_CELL_FOR_LINES:
        canvas[(np.arange(height) * cell[0]).astype(int)] = palette.grid
        canvas[:, (np.arange(width) * cell[1]).astype(int)] = palette.grid
    numbers = number_affordances(opened.outline.scene.affordances)
    for name, affordance in opened.outline.scene.affordances.items():
        if len(affordance) == n_dims:
            place = np.asarray(affordance[: len(low)], np.float64) - low
            square(canvas, place.tolist(), cell, palette.affordances[numbers[name] % len(palette.affordances)])
    for walker in walkers:
        before = walker.places[max(0, walker.at - _TRAIL_STEPS) : walker.at, : len(low)] - low
        if index is not None and walker.has_trail:
            for place in before.tolist():
                disc(canvas, place, cell, palette.trail, 0.2)
    for walker in walkers:
        if walker.at < len(walker.places):
            disc(canvas, (walker.places[walker.at, : len(low)] - low).tolist(), cell, walker.color, walker.share)
    return canvas


def _meters(opened: OpenedRecording, index: int, size: int, palette: Palette) -> NDArray[np.uint8]:
    """Draw a bar per meter, in the colour of its level."""
    canvas = _blank(size * 3 // 4, size, palette)
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
        canvas[top:bottom, size // 16 : size - size // 16] = palette.grid
        share = min(max((value / 2 - low / 2) / (high / 2 - low / 2), 0.0), 1.0) if np.isfinite(value) else 0.0
        level = meter_level(share) if has_levels else "good"
        length = round((size - size // 8) * share)
        canvas[top:bottom, size // 16 : size // 16 + length] = palette.levels[level]
    return canvas


def _curves(opened: OpenedRecording, index: int, size: int, palette: Palette) -> NDArray[np.uint8]:
    """Draw curves from top to bottom over the whole episode: bright up to the step, faint after it."""
    canvas = _blank(size * 3 // 4, size, palette)
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
        color = np.array(palette.affordances[number % len(palette.affordances)])
        faint = (color + 2 * np.array(palette.ground)) // 3
        before = None
        for column in np.flatnonzero(finite).tolist():
            row = round(top + (1 - float(shares[column])) * room)
            first = row if before is None else min(row, before)
            last = row if before is None else max(row, before)
            canvas[first : last + thickness, margin + column] = color if steps[column] <= index else faint
            before = row
    return canvas


def _blank(height: int, width: int, palette: Palette) -> NDArray[np.uint8]:
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = palette.ground
    return canvas


_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TRUECOLOUR = 2


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode a PNG.

    Args:
        pixels: ``uint8[height, width, 3]``, RGB.

    Source: Portable Network Graphics (PNG) Specification, third edition.
    """
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + width * 3), np.uint8)  # each row begins with its filter type: none
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack("!IIBBBBB", width, height, 8, _TRUECOLOUR, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b"")]
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))


def draw_recorded(
    opened: OpenedRecording, index: int, size: int, palette: Palette, *, is_square: bool = False
) -> NDArray[np.uint8] | None:
    """``uint8[height, size, 3]``: the picture of the step, or the last one before it; None if there is none.

    Args:
        is_square: with borders, so that the height is ``size``.
    """
    shown = find_agent(opened.outline.agents.infos(opened.episode.metadata.intrinsic_weight), None)
    pictures = shown_pictures(opened.episode.schema, shown)
    found = picture_before(opened.episode, pictures[0], index) if pictures and opened.n_steps else None
    pixels = None if found is None else rgb_of(found[1])
    if pixels is None:
        return None
    height, width, _ = pixels.shape
    aspect = 1.0 if is_square else min(max(height / width, 1 / _MAX_ASPECT), _MAX_ASPECT)
    canvas = np.empty((round(size * aspect), size, 3), np.uint8)
    canvas[:] = palette.ground
    scale = min(canvas.shape[0] / height, size / width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (canvas.shape[0] - rows) // 2, (size - columns) // 2
    canvas[top : top + rows, left : left + columns] = resized(pixels, rows, columns)
    return canvas
