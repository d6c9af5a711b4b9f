"""Which columns show an episode as pictures, and what a value looks like."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.agents.columns import parse_agent_column
from recorder.schema import EXTRAS_PREFIX, ColumnSpec, EpisodeSchema
from recorder.values.picture_shape import PictureShape, picture_shape

__all__ = ["agent_picture_columns", "picture_columns", "resized", "rgb_of"]

_RENDERED = f"{EXTRAS_PREFIX}render"
"""What a wrapper recorded for people to look at."""


def picture_columns(schema: EpisodeSchema) -> list[str]:
    """Names of the columns that are shown as pictures, the one to show first."""
    found = [
        spec.name
        for spec in schema.columns
        if spec.name.startswith(EXTRAS_PREFIX)
        and parse_agent_column(spec.name) is None
        and picture_shape(spec.dtype, spec.shape) is not None
    ]
    return sorted(found, key=lambda name: name != _RENDERED)


def agent_picture_columns(columns: Iterable[ColumnSpec]) -> dict[int, list[str]]:
    """By group of agents, the names of its columns that hold a picture of each agent, the one to show first."""
    found: dict[int, list[str]] = {}
    for spec in columns:
        place = parse_agent_column(spec.name)
        if place is None or not place[1].startswith(EXTRAS_PREFIX) or not spec.shape:
            continue
        if picture_shape(spec.dtype, spec.shape[1:]) is not None:
            found.setdefault(place[0], []).append(spec.name)
    for names in found.values():
        names.sort(key=lambda name: not name.endswith(f".{_RENDERED}"))
    return found


def rgb_of(value: NDArray[Any], picture: int = -1) -> NDArray[np.uint8] | None:
    """``uint8[height, width, 3]``; None if the value is no picture.

    Args:
        value: of one step.
        picture: of a stack, which one; -1 is the newest.
    """
    shape = picture_shape(value.dtype.str, value.shape)
    if shape is None:
        return None
    pixels = _one(value, shape, picture % shape.n_pictures)
    return np.repeat(pixels, 3, axis=2) if shape.channels == 1 else pixels


def _one(value: NDArray[Any], shape: PictureShape, number: int) -> NDArray[np.uint8]:
    """``uint8[height, width, channels]``: one picture of a stack."""
    height, width, channel = shape.axes
    if value.ndim == 4:
        value, height, width, channel = value[number], height - 1, width - 1, channel - 1
        number = 0
    ordered = value[..., None] if channel < 0 else np.moveaxis(value, channel, -1)
    first = number * shape.channels
    return _bytes_of(ordered[..., first : first + shape.channels])


def _bytes_of(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Brightness from 0 to 255."""
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype.kind == "u":
        return (values >> 8).astype(np.uint8)
    numbers = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(numbers.min(initial=0.0)), float(numbers.max(initial=0.0))
    if low >= 0 and high <= 1:
        numbers = numbers * 255
    elif low < 0 or high > 255:
        numbers = (numbers / 2 - low / 2) / (high / 2 - low / 2) * 255
    return numbers.round().astype(np.uint8)


def resized(pixels: NDArray[np.uint8], n_rows: int, n_columns: int) -> NDArray[np.uint8]:
    """``uint8[n_rows, n_columns, 3]``: a smaller picture has the means of the pixels, so that small things do not vanish; a
    larger one repeats them."""
    numbers = pixels.astype(np.float32)
    for axis, n in ((0, n_rows), (1, n_columns)):
        length = numbers.shape[axis]
        starts = np.arange(n) * length // n
        if n < length:
            counts = np.diff([*starts.tolist(), length])
            sums = np.add.reduceat(numbers, starts, axis=axis)
            numbers = sums / np.expand_dims(counts, tuple(other for other in range(3) if other != axis))
        else:
            numbers = numbers.take(starts, axis=axis)
    return numbers.round().astype(np.uint8)
