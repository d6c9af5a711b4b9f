"""Columns to bytes and back, losslessly.

LZ4 finds repeated bytes and has no entropy coder, so the arrangement does half of the work: values are laid out component
by component along the steps, differences make slow changes small, zigzag makes small negative ones small too, and planes
gather the high bytes, which are then mostly zero.

Columns are small and calls of numpy are not, so columns of one kind are arranged as one matrix.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import lz4.block
import numpy as np
from numpy.typing import NDArray

from recorder.errors import EpisodeFileCorruptError
from recorder.schema import ColumnSpec, Encoding

__all__ = ["Packed", "choose_encoding", "decode_columns", "encode_columns", "in_order"]


def encode_columns(columns: Sequence[tuple[ColumnSpec, NDArray[Any]]]) -> bytes:
    """Arrange the values of columns that lie together.

    Args:
        columns: of one kin, those of encoding ``DELTA`` first; or a single one. Values are ``dtype[n_steps, *shape]``.
    """
    spec, values = columns[0]
    if spec.encoding is Encoding.PLAIN:
        return values.tobytes()
    along = _component_by_component(columns)
    if spec.encoding is Encoding.BITS:
        return np.packbits(along).tobytes()
    n_deltas = sum(spec.n_values for spec, _ in columns if spec.encoding is Encoding.DELTA)
    if n_deltas:
        _difference(along[:n_deltas])
    if spec.item_bytes == 1:
        return along.tobytes()
    cells = along.reshape(-1).view(np.uint8).reshape(-1, spec.item_bytes)
    planes = np.empty(cells.shape[::-1], np.uint8)
    for index in range(spec.item_bytes):  # twice as fast as one transposed copy
        planes[index] = cells[:, index]
    return planes.tobytes()


def _component_by_component(columns: Sequence[tuple[ColumnSpec, NDArray[Any]]]) -> NDArray[Any]:
    """``int[n_values, n_steps]``: the bit patterns, the components of one column below those of the one before."""
    spec, values = columns[0]
    n_steps, dtype = len(values), np.dtype(f"<i{spec.item_bytes}")
    along = np.empty((sum(spec.n_values for spec, _ in columns), n_steps), dtype)
    start = 0
    for spec, values in columns:
        bits = values.view(dtype)
        if values.ndim == 1:
            along[start] = bits
        else:
            along[start : start + spec.n_values] = bits.reshape(n_steps, spec.n_values).T
        start += spec.n_values
    return along


def _difference(series: NDArray[Any]) -> None:
    """Each number by its difference from the one before, zigzag; in place."""
    deltas = np.empty_like(series)
    deltas[:, :1] = series[:, :1]
    np.subtract(series[:, 1:], series[:, :-1], out=deltas[:, 1:])
    np.right_shift(deltas, 8 * series.itemsize - 1, out=series)
    np.left_shift(deltas, 1, out=deltas)
    np.bitwise_xor(deltas, series, out=series)


def _undo_difference(series: NDArray[Any], stops: Sequence[int]) -> None:
    """The inverse, over stretches that end at ``stops``."""
    signs = series & 1
    np.right_shift(series, 1, out=series)
    np.bitwise_xor(series, np.negative(signs, out=signs), out=series)
    start = 0
    for stop in stops:
        np.add.accumulate(series[:, start:stop], axis=1, out=series[:, start:stop])
        start = stop


def in_order(specs: Iterable[ColumnSpec]) -> tuple[ColumnSpec, ...]:
    """Columns of one kin in the order in which they lie together: differences can then be taken of all at once."""
    return tuple(sorted(specs, key=lambda spec: spec.encoding is not Encoding.DELTA))


class Packed(NamedTuple):
    """A stretch of columns that lie together."""

    specs: tuple[ColumnSpec, ...]
    """The columns in their order: of one kin, those of encoding ``DELTA`` first; or a single one."""
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
    stops = list(accumulate(stretch.n_steps for stretch in stretches))
    series = _gather(stretches, stops, ends[-1], slice(first, last))
    n_deltas = max((end for spec, _, end in wanted if spec.encoding is Encoding.DELTA), default=first) - first
    if n_deltas:
        _undo_difference(series[:n_deltas], stops)
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


def _gather(stretches: Sequence[Packed], stops: Sequence[int], n_values: int, wanted: slice) -> NDArray[Any]:
    """``uint[n_wanted, n_steps]``: these numbers of all steps, out of their planes or bits."""
    spec = stretches[0].specs[0]
    itemsize = spec.item_bytes
    series = np.empty((wanted.stop - wanted.start, stops[-1]), f"<u{itemsize}")
    cells = series.view(np.uint8).reshape(*series.shape, itemsize)
    for stretch, stop in zip(stretches, stops, strict=True):
        raw = np.frombuffer(stretch.data, np.uint8)
        if spec.encoding is Encoding.BITS:
            raw = np.unpackbits(raw, count=n_values * stretch.n_steps)
        planes = raw.reshape(itemsize, n_values, stretch.n_steps)[:, wanted]
        for index in range(itemsize):
            cells[:, stop - stretch.n_steps : stop, index] = planes[index]
    return series


_ALONE_COST = 16
"""A plain column lies alone, which costs time at each reading: it has to save a sixteenth of the bytes for that."""


def choose_encoding(values: NDArray[np.generic]) -> Encoding:
    """The encoding that makes these values smallest; a sample of an episode's first steps decides for the whole episode."""
    if values.dtype == np.bool_:
        return Encoding.BITS
    sizes = {}
    for encoding in (Encoding.DELTA, Encoding.PLANES, Encoding.PLAIN):
        encoded = encode_columns([(ColumnSpec("", values.dtype.str, values.shape[1:], encoding), values)])
        sizes[encoding] = len(lz4.block.compress(encoded, store_size=False))
    sizes[Encoding.PLAIN] += values.nbytes // _ALONE_COST
    return min(sizes, key=sizes.__getitem__)
