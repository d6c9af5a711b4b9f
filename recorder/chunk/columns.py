"""One column of one chunk, to bytes and back, losslessly.

LZ4 finds repeated bytes and has no entropy coder, so the arrangement does half of the work: values are laid out component
by component along the steps, differences make slow changes small, zigzag makes small negative ones small too, and planes
gather the high bytes, which are then mostly zero.
"""

from __future__ import annotations

import math
from typing import Any

import lz4.block
import numpy as np
from numpy.typing import NDArray

from recorder.errors import EpisodeFileCorruptError
from recorder.schema import Encoding

__all__ = ["choose_encoding", "decode_column", "encode_column"]


def encode_column(values: NDArray[np.generic], encoding: Encoding) -> bytes:
    """Arrange the values of one column.

    Args:
        values: ``dtype[n, *shape]``, one row a step; little-endian.
        encoding: ``BITS`` for booleans only.
    """
    rows = values.reshape(len(values), -1)
    if encoding is Encoding.PLAIN:
        return rows.tobytes()
    if encoding is Encoding.BITS:
        return np.packbits(rows.T).tobytes()
    itemsize = values.dtype.itemsize
    if encoding is Encoding.DELTA:
        bits = rows.T.view(f"<i{itemsize}")
        series = np.empty(bits.shape, bits.dtype)
        series[:, :1] = bits[:, :1]
        np.subtract(bits[:, 1:], bits[:, :-1], out=series[:, 1:])
        signs = series >> (8 * itemsize - 1)
        np.left_shift(series, 1, out=series)
        np.bitwise_xor(series, signs, out=series)
    else:
        series = np.ascontiguousarray(rows.T)
    if itemsize == 1:
        return series.tobytes()
    return series.reshape(-1).view(np.uint8).reshape(-1, itemsize).T.tobytes()


def decode_column(
    data: bytes, *, n_steps: int, dtype: str, shape: tuple[int, ...], encoding: Encoding
) -> NDArray[np.generic]:
    """The inverse of ``encode_column``: ``dtype[n_steps, *shape]``, contiguous.

    Raises:
        EpisodeFileCorruptError: the bytes are not as many as the shape needs.
    """
    kind = np.dtype(dtype)
    n_values = math.prod(shape)
    expected_bytes = (n_steps * n_values + 7) // 8 if encoding is Encoding.BITS else n_steps * n_values * kind.itemsize
    if len(data) != expected_bytes:
        raise EpisodeFileCorruptError(
            f"column: expected {expected_bytes} bytes for {n_steps} steps of {dtype}{list(shape)}, found {len(data)}"
        )
    full_shape = (n_steps, *shape)
    if encoding is Encoding.PLAIN or expected_bytes == 0:
        return np.frombuffer(data, kind).reshape(full_shape)
    if encoding is Encoding.BITS:
        bits = np.unpackbits(np.frombuffer(data, np.uint8), count=n_steps * n_values).view(np.bool_)
        return np.ascontiguousarray(bits.reshape(n_values, n_steps).T).reshape(full_shape)
    series = _gathered(data, kind.itemsize).reshape(n_values, n_steps)
    if encoding is Encoding.DELTA:
        one = series.dtype.type(1)
        series = (series >> one) ^ -(series & one)
        np.add.accumulate(series, axis=1, out=series)
    return np.ascontiguousarray(series.T).view(kind).reshape(full_shape)


def _gathered(data: bytes, itemsize: int) -> NDArray[np.unsignedinteger[Any]]:
    """The numbers whose bytes lie in planes. (Copying a plane at a time is several times faster than one transposed copy.)"""
    planes = np.frombuffer(data, np.uint8).reshape(itemsize, -1)
    gathered = np.empty((planes.shape[1], itemsize), np.uint8)
    for index, plane in enumerate(planes):
        gathered[:, index] = plane
    return gathered.view(f"<u{itemsize}")


def choose_encoding(values: NDArray[np.generic]) -> Encoding:
    """The encoding that makes these values smallest; a sample of an episode's first steps decides for the whole episode."""
    if values.dtype == np.bool_:
        return Encoding.BITS
    sizes = {
        encoding: len(lz4.block.compress(encode_column(values, encoding), store_size=False))
        for encoding in (Encoding.DELTA, Encoding.PLANES, Encoding.PLAIN)
    }
    return min(sizes, key=sizes.__getitem__)
