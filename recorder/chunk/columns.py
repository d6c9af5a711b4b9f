"""One column, to bytes and back, losslessly.

LZ4 finds repeated bytes and has no entropy coder, so the arrangement does half of the work: values are laid out component
by component along the steps, differences make slow changes small, zigzag makes small negative ones small too, and planes
gather the high bytes, which are then mostly zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import lz4.block
import numpy as np
from numpy.typing import NDArray

from recorder.errors import EpisodeFileCorruptError
from recorder.schema import ColumnSpec, Encoding

__all__ = ["Part", "choose_encoding", "decode_columns", "encode_column"]


def encode_column(values: NDArray[np.generic], encoding: Encoding) -> bytes:
    """Arrange the values of one column.

    Args:
        values: ``dtype[n, *shape]``, one row a step; little-endian.
        encoding: ``BITS`` for booleans only.
    """
    if encoding is Encoding.PLAIN:
        return values.tobytes()
    n_steps = len(values)
    itemsize = values.itemsize
    along = (values if values.ndim == 1 else values.reshape(n_steps, values.size // max(n_steps, 1))).T
    if encoding is Encoding.BITS:
        return np.packbits(along.view(np.uint8)).tobytes()
    if encoding is Encoding.DELTA:
        bits = along.view(f"<i{itemsize}")
        series = np.empty(bits.shape, bits.dtype)
        series[..., :1] = bits[..., :1]
        np.subtract(bits[..., 1:], bits[..., :-1], out=series[..., 1:])
        signs = series >> (8 * itemsize - 1)
        np.left_shift(series, 1, out=series)
        np.bitwise_xor(series, signs, out=series)
    else:
        series = np.ascontiguousarray(along)
    if itemsize == 1:
        return series.tobytes()
    return series.reshape(-1).view(np.uint8).reshape(-1, itemsize).T.tobytes()


class Part(NamedTuple):
    """A stretch of steps in which several columns have a value for every step."""

    n_steps: int
    columns: Sequence[bytes]


def decode_columns(specs: Sequence[ColumnSpec], parts: Sequence[Part]) -> list[NDArray[Any]]:
    """The inverse of ``encode_column`` for several columns, each over successive parts.

    Columns are small and calls of numpy are not: those whose numbers are of one size are decoded together.

    Args:
        specs: what the columns were encoded by.
        parts: for each, the bytes of all columns.

    Returns:
        ``dtype[n_steps, *shape]`` each, over all parts. Read-only where it is the bytes themselves.

    Raises:
        EpisodeFileCorruptError: a column's bytes are not as many as its shape needs.
    """
    n_total = sum(part.n_steps for part in parts)
    decoded: dict[int, NDArray[Any]] = {}
    together: dict[int, list[int]] = {}
    for index, spec in enumerate(specs):
        n_values = _checked_n_values(spec, index, parts)
        if n_total * n_values == 0:
            decoded[index] = np.empty((n_total, n_values), spec.dtype)
        elif spec.encoding is Encoding.PLAIN:
            decoded[index] = np.frombuffer(b"".join(columns[index] for _, columns in parts), spec.dtype)
        elif spec.encoding is Encoding.BITS:
            decoded[index] = _decode_bits([(n_steps, columns[index]) for n_steps, columns in parts], n_values, n_total)
        else:
            together.setdefault(spec.item_bytes, []).append(index)
    for indexes in together.values():
        decoded.update(_decode_planes(specs, parts, indexes, n_total))
    return [decoded[index].reshape(n_total, *spec.shape) for index, spec in enumerate(specs)]


def _checked_n_values(spec: ColumnSpec, index: int, parts: Sequence[Part]) -> int:
    """Numbers in one step's value of the column ``index``, when all parts have the bytes that these need."""
    n_values = spec.n_values
    step_bits = n_values if spec.encoding is Encoding.BITS else 8 * n_values * spec.item_bytes
    for n_steps, columns in parts:
        expected_bytes = (n_steps * step_bits + 7) // 8
        if len(columns[index]) != expected_bytes:
            raise EpisodeFileCorruptError(
                f"column {spec.name!r}: expected {expected_bytes} bytes for {n_steps} steps of "
                f"{spec.dtype}{list(spec.shape)}, found {len(columns[index])}"
            )
    return n_values


def _decode_bits(parts: Sequence[tuple[int, bytes]], n_values: int, n_total: int) -> NDArray[np.bool_]:
    values = np.empty((n_total, n_values), np.bool_)
    start = 0
    for n_steps, data in parts:
        bits = np.unpackbits(np.frombuffer(data, np.uint8), count=n_steps * n_values).view(np.bool_)
        values[start : start + n_steps] = bits.reshape(n_values, n_steps).T
        start += n_steps
    return values


def _decode_planes(
    specs: Sequence[ColumnSpec], parts: Sequence[Part], indexes: Sequence[int], n_total: int
) -> Iterator[tuple[int, NDArray[Any]]]:
    """The columns ``indexes``, whose numbers are of one size, as ``dtype[n_total, n_values]``."""
    differenced = [index for index in indexes if specs[index].encoding is Encoding.DELTA]
    ordered = [*differenced, *(index for index in indexes if specs[index].encoding is not Encoding.DELTA)]
    ends = list(accumulate(specs[index].n_values for index in ordered))
    series = np.empty((ends[-1], n_total), f"<u{specs[ordered[0]].item_bytes}")
    stops = list(accumulate(part.n_steps for part in parts))
    for part, stop in zip(parts, stops, strict=True):
        _gather([part.columns[index] for index in ordered], series[:, stop - part.n_steps : stop])
    if differenced:
        deltas = series[: ends[len(differenced) - 1]]
        signs = deltas & 1
        np.right_shift(deltas, 1, out=deltas)
        np.bitwise_xor(deltas, np.negative(signs, out=signs), out=deltas)
        for part, stop in zip(parts, stops, strict=True):
            stretch = deltas[:, stop - part.n_steps : stop]
            np.add.accumulate(stretch, axis=1, out=stretch)
    start = 0
    for index, end in zip(ordered, ends, strict=True):
        values = series[start] if end == start + 1 else np.ascontiguousarray(series[start:end].T)
        yield index, values.view(specs[index].dtype)
        start = end


def _gather(columns: Sequence[bytes], series: NDArray[Any]) -> None:
    """Put the planes of the columns into ``series``, the rows of one column below those of the other.

    (Copying a plane at a time is twice as fast as one transposed copy.)
    """
    itemsize = series.itemsize
    cells = series.view(np.uint8).reshape(*series.shape, itemsize)
    by_column = [np.frombuffer(data, np.uint8).reshape(itemsize, -1) for data in columns]
    planes = np.concatenate(by_column, axis=1).reshape(itemsize, *series.shape)
    for index in range(itemsize):
        cells[:, :, index] = planes[index]


def choose_encoding(values: NDArray[np.generic]) -> Encoding:
    """The encoding that makes these values smallest; a sample of an episode's first steps decides for the whole episode."""
    if values.dtype == np.bool_:
        return Encoding.BITS
    sizes = {
        encoding: len(lz4.block.compress(encode_column(values, encoding), store_size=False))
        for encoding in (Encoding.DELTA, Encoding.PLANES, Encoding.PLAIN)
    }
    return min(sizes, key=sizes.__getitem__)
