"""Columns to bytes and back, losslessly.

LZ4 finds repeated bytes and has no entropy coder, so the arrangement does half of the work: values are laid out component
by component along the steps, differences make slow changes small, zigzag makes small negative ones small too, and planes
gather the high bytes, which are then mostly zero.

Columns are small and calls of numpy are not, so columns of one kind are arranged as one matrix.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import lz4.block
import numpy as np
from numpy.typing import NDArray

from recorder.errors import EpisodeFileCorruptError
from recorder.schema import ColumnSpec, Encoding

__all__ = ["Packed", "choose_encoding", "decode_columns", "encode_columns"]


def encode_columns(columns: Sequence[NDArray[Any]], encoding: Encoding) -> bytes:
    """Arrange the values of columns that lie together.

    Args:
        columns: ``dtype[n_steps, *shape]`` each, little-endian, with numbers of one size; a single one when the encoding
            is ``PLAIN``, booleans when it is ``BITS``.
    """
    if encoding is Encoding.PLAIN:
        (values,) = columns
        return values.tobytes()
    along = _component_by_component(columns)
    if encoding is Encoding.BITS:
        return np.packbits(along).tobytes()
    itemsize = along.itemsize
    if encoding is Encoding.DELTA:
        series = np.empty_like(along)
        series[:, :1] = along[:, :1]
        np.subtract(along[:, 1:], along[:, :-1], out=series[:, 1:])
        np.right_shift(series, 8 * itemsize - 1, out=along)
        np.left_shift(series, 1, out=series)
        np.bitwise_xor(series, along, out=along)
    if itemsize == 1:
        return along.tobytes()
    cells = along.reshape(-1).view(np.uint8).reshape(-1, itemsize)
    planes = np.empty(cells.shape[::-1], np.uint8)
    for index in range(itemsize):  # twice as fast as one transposed copy
        planes[index] = cells[:, index]
    return planes.tobytes()


def _component_by_component(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """``int[n_values, n_steps]``: the bit patterns, the components of one column below those of the one before."""
    n_steps, dtype = len(columns[0]), np.dtype(f"<i{columns[0].itemsize}")
    widths = [1 if values.ndim == 1 else math.prod(values.shape[1:]) for values in columns]
    along = np.empty((sum(widths), n_steps), dtype)
    start = 0
    for values, width in zip(columns, widths, strict=True):
        bits = values.view(dtype)
        if values.ndim == 1:
            along[start] = bits
        else:
            along[start : start + width] = bits.reshape(n_steps, width).T
        start += width
    return along


class Packed(NamedTuple):
    """A stretch of columns that lie together."""

    specs: tuple[ColumnSpec, ...]
    """The columns, in order: of one encoding, with numbers of one size; a single one when it is ``PLAIN``."""
    n_steps: int
    """Steps that have a value."""
    data: bytes


def decode_columns(stretches: Sequence[Packed], names: Collection[str]) -> dict[str, NDArray[Any]]:
    """The inverse of ``encode_columns``, over successive stretches.

    Args:
        stretches: one or more, of the same columns.
        names: the columns wanted, at least one.

    Returns:
        ``dtype[n_steps, *shape]`` each, over all stretches. Read-only where it is the bytes themselves.

    Raises:
        EpisodeFileCorruptError: the bytes are not as many as the shapes need.
    """
    specs = stretches[0].specs
    ends = list(accumulate(spec.n_values for spec in specs))
    for stretch in stretches:
        _check_size(stretch, ends[-1])
    wanted = [(spec, end - spec.n_values, end) for spec, end in zip(specs, ends, strict=True) if spec.name in names]
    n_total = sum(stretch.n_steps for stretch in stretches)
    first, last = wanted[0][1], wanted[-1][2]
    if n_total * (last - first) == 0:
        return {spec.name: np.empty((n_total, *spec.shape), spec.dtype) for spec, _, _ in wanted}
    if specs[0].encoding is Encoding.PLAIN:
        values = np.frombuffer(b"".join(stretch.data for stretch in stretches), specs[0].dtype)
        return {specs[0].name: values.reshape(n_total, *specs[0].shape)}
    series = _series_of(stretches, ends[-1], first, last)
    decoded = {}
    for spec, start, end in wanted:
        if end == start + 1:
            values = series[start - first]
        else:
            values = np.ascontiguousarray(series[start - first : end - first].T)
        decoded[spec.name] = values.view(spec.dtype).reshape(n_total, *spec.shape)
    return decoded


def _check_size(stretch: Packed, n_values: int) -> None:
    spec = stretch.specs[0]
    n_bits = stretch.n_steps * n_values * (1 if spec.encoding is Encoding.BITS else 8 * spec.item_bytes)
    if len(stretch.data) != (n_bits + 7) // 8:
        kinds = ", ".join(f"{spec.name!r} {spec.dtype}{list(spec.shape)}" for spec in stretch.specs)
        raise EpisodeFileCorruptError(
            f"expected {(n_bits + 7) // 8} bytes for {stretch.n_steps} steps of {kinds:.200}, found {len(stretch.data)}"
        )


def _series_of(stretches: Sequence[Packed], n_values: int, first: int, last: int) -> NDArray[Any]:
    """``uint[last - first, n_steps]``, or ``bool``: the numbers ``first`` to ``last`` of all steps."""
    spec = stretches[0].specs[0]
    itemsize = spec.item_bytes
    stops = list(accumulate(stretch.n_steps for stretch in stretches))
    series = np.empty((last - first, stops[-1]), f"<u{itemsize}")
    cells = series.view(np.uint8).reshape(*series.shape, itemsize)
    for stretch, stop in zip(stretches, stops, strict=True):
        start = stop - stretch.n_steps
        raw = np.frombuffer(stretch.data, np.uint8)
        if spec.encoding is Encoding.BITS:
            raw = np.unpackbits(raw, count=n_values * stretch.n_steps)
        planes = raw.reshape(itemsize, n_values, stretch.n_steps)
        for index in range(itemsize):
            cells[:, start:stop, index] = planes[index, first:last]
    if spec.encoding is Encoding.DELTA:
        signs = series & 1
        np.right_shift(series, 1, out=series)
        np.bitwise_xor(series, np.negative(signs, out=signs), out=series)
        for stretch, stop in zip(stretches, stops, strict=True):
            part = series[:, stop - stretch.n_steps : stop]
            np.add.accumulate(part, axis=1, out=part)
    return series


def choose_encoding(values: NDArray[np.generic]) -> Encoding:
    """The encoding that makes these values smallest; a sample of an episode's first steps decides for the whole episode."""
    if values.dtype == np.bool_:
        return Encoding.BITS
    sizes = {
        encoding: len(lz4.block.compress(encode_columns([values], encoding), store_size=False))
        for encoding in (Encoding.DELTA, Encoding.PLANES, Encoding.PLAIN)
    }
    return min(sizes, key=sizes.__getitem__)
