"""Encodes columns losslessly.

LZ4 finds repeated bytes but has no entropy coder, so the layout matters: values are stored component by component along
the steps; differences make slow changes small, zigzag makes small negative ones small, and planes collect the high
bytes, which are then mostly zero. Columns of a group are encoded as one matrix, because each call of numpy is slow for
a small column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import lz4.block
import numpy as np
from numpy.typing import NDArray

from recorder.chunk.pictures import PictureReader, encode_pictures
from recorder.chunk.texts import decode_texts, encode_texts
from recorder.errors import EpisodeFileCorruptError
from recorder.schema import ColumnSpec, Encoding
from recorder.values.picture_shape import is_stored_as_picture

__all__ = ["ColumnGroup", "Stretch", "choose_encoding"]


_MAX_STRIDED_VALUES = 64
"""Up to this many numbers per step are returned as a strided view; larger arrays, such as images, are copied so that
each is contiguous.
"""


class Stretch(NamedTuple):
    """Some steps of a group of columns, encoded."""

    n_steps: int
    data: bytes


class ColumnGroup:
    """Columns that are encoded together.

    Args:
        specs: columns of one group, or a single column.
    """

    def __init__(self, specs: Iterable[ColumnSpec]) -> None:
        # Differences first, so that they are computed in one call.
        self.specs = tuple(sorted(specs, key=lambda spec: spec.encoding is not Encoding.DELTA))
        self.names = tuple(spec.name for spec in self.specs)
        self._ends = list(accumulate(spec.n_values for spec in self.specs))
        self._n_values = self._ends[-1]
        self._n_deltas = sum(spec.n_values for spec in self.specs if spec.encoding is Encoding.DELTA)
        self._encoding = self.specs[0].encoding
        self._item_bytes = self.specs[0].item_bytes
        dtypes = (np.dtype(spec.dtype) for spec in self.specs)
        self._places = tuple(zip(self.specs, self._ends, dtypes, strict=True))
        self._step_bits = self._n_values * (1 if self._encoding is Encoding.BITS else 8 * self._item_bytes)

    def encode(self, columns: Sequence[NDArray[Any]]) -> bytes:
        """Encode the values of all columns.

        Args:
            columns: ``dtype[n_steps, *shape]`` each, in the order of ``specs``.
        """
        return self.encode_lanes([values[None] for values in columns])[0]

    def encode_lanes(self, columns: Sequence[NDArray[Any]]) -> list[bytes]:
        """Encode the same steps of many lanes, each lane for itself: a lane takes a tenth of the time that ``encode`` takes.

        Args:
            columns: ``dtype[n_lanes, n_steps, *shape]`` each, in the order of ``specs``.
        """
        if self._encoding is Encoding.PLAIN:
            return [values.tobytes() for values in columns[0]]
        if self._encoding is Encoding.XOR:
            return [encode_pictures(values) for values in columns[0]]
        if self._encoding is Encoding.TEXT:
            return [encode_texts(values.tolist()) for values in columns[0]]
        matrix = self._component_by_component(columns)
        rows = matrix.reshape(len(matrix), -1)
        if self._encoding is Encoding.BITS:
            rows = np.packbits(rows, axis=1)
        elif self._n_deltas:
            _difference(matrix[:, : self._n_deltas])
        if self._item_bytes == 1:
            return [row.tobytes() for row in rows]
        cells = rows.view(np.uint8).reshape(*rows.shape, self._item_bytes)
        planes = np.empty((len(rows), self._item_bytes, rows.shape[1]), np.uint8)
        for index in range(self._item_bytes):  # twice as fast as one transposed copy
            planes[:, index] = cells[:, :, index]
        return [lane.tobytes() for lane in planes]

    def _component_by_component(self, columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """``int[n_lanes, n_values, n_steps]``: bit patterns, one row per component, column after column."""
        (n_lanes, n_steps), dtype = columns[0].shape[:2], np.dtype(f"<i{self._item_bytes}")
        matrix = np.empty((n_lanes, self._n_values, n_steps), dtype)
        start = 0
        for values, end in zip(columns, self._ends, strict=True):
            bits = values.view(dtype)
            if values.ndim == 2:
                matrix[:, start] = bits
            else:
                matrix[:, start:end] = bits.reshape(n_lanes, n_steps, end - start).swapaxes(1, 2)
            start = end
        return matrix

    def decode(self, stretches: Sequence[Stretch], names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
        """Decode successive stretches.

        Args:
            stretches: one or more.
            names: columns of this group to decode; None for all.

        Returns:
            ``dtype[n_steps, *shape]`` each, over all stretches; of texts objects of ``str``. Read-only if it shares the
            input; short vectors are strided.

        Raises:
            EpisodeFileCorruptError: the bytes do not match the shapes.
            EpisodeFileTooLargeError: pictures would exceed the limit of a chunk.
        """
        if self._encoding is Encoding.XOR:
            return {self.specs[0].name: _pictures(self.specs[0], stretches)}
        if self._encoding is Encoding.TEXT:
            texts = [decode_texts(data, n_steps, self.specs[0]) for n_steps, data in stretches]
            return {self.specs[0].name: np.concatenate(texts)}
        n_total = 0
        for n_steps, data in stretches:
            self._check_size(n_steps, len(data))
            n_total += n_steps
        wanted: Sequence[tuple[ColumnSpec, int, np.dtype[Any]]] = self._places
        if names is not None and len(names) < len(self.names):
            wanted = [place for place in self._places if place[0].name in names]
        first, last = wanted[0][1] - wanted[0][0].n_values, wanted[-1][1]
        if n_total * (last - first) == 0:
            return {spec.name: np.empty((n_total, *spec.shape), dtype) for spec, _, dtype in wanted}
        if self._encoding is Encoding.PLAIN:
            spec = self.specs[0]
            values = np.frombuffer(b"".join(data for _, data in stretches), spec.dtype)
            return {spec.name: values.reshape(n_total, *spec.shape)}
        series = self._gather(stretches, n_total, slice(first, last))
        if self._n_deltas > first:
            _undo_difference(series[: self._n_deltas - first], stretches)
        decoded = {}
        for spec, end, dtype in wanted:
            if not spec.shape:
                decoded[spec.name] = series[end - 1 - first].view(dtype)
                continue
            values = series[end - spec.n_values - first : end - first].view(dtype).T
            if spec.n_values > _MAX_STRIDED_VALUES:
                values = np.ascontiguousarray(values)
            decoded[spec.name] = values if len(spec.shape) == 1 else values.reshape(n_total, *spec.shape)
        return decoded

    def _check_size(self, n_steps: int, n_bytes: int) -> None:
        n_bits = n_steps * self._step_bits
        if n_bytes != (n_bits + 7) // 8:
            kinds = ", ".join(f"{spec.name!r} {spec.dtype}{list(spec.shape)}" for spec in self.specs)
            raise EpisodeFileCorruptError(
                f"expected {(n_bits + 7) // 8} bytes for {n_steps} steps of {kinds:.200}, found {n_bytes}"
            )

    def _gather(self, stretches: Sequence[Stretch], n_total: int, wanted: slice) -> NDArray[Any]:
        """``uint[n_wanted, n_total]``: numbers of all steps, from planes or bits."""
        itemsize = self._item_bytes
        series = np.empty((wanted.stop - wanted.start, n_total), f"<u{itemsize}")
        cells = series.view(np.uint8).reshape(*series.shape, itemsize)
        start = 0
        for n_steps, data in stretches:
            raw = np.frombuffer(data, np.uint8)
            if self._encoding is Encoding.BITS:
                raw = np.unpackbits(raw, count=n_steps * self._n_values)
            planes = raw.reshape(itemsize, self._n_values, n_steps)[:, wanted]
            series[:, start : start + n_steps] = planes[0]
            here = cells[:, start : start + n_steps]
            n_cells = self._n_values * n_steps
            for index in range(1, itemsize):
                # The remaining planes of small numbers are zero, as the array is already.
                if data.endswith(bytes(len(data) - index * n_cells)):
                    break
                here[:, :, index] = planes[index]
            start += n_steps
        return series


def _pictures(spec: ColumnSpec, stretches: Sequence[Stretch]) -> NDArray[Any]:
    """``dtype[n_steps, *shape]``: the pictures of all stretches."""
    readers = [PictureReader(data, n_steps, spec) for n_steps, data in stretches]
    values = np.empty((sum(n_steps for n_steps, _ in stretches), *spec.shape), spec.dtype)
    start = 0
    for (n_steps, _), reader in zip(stretches, readers, strict=True):
        reader.read_into(values[start : start + n_steps])
        start += n_steps
    return values


def _difference(series: NDArray[Any]) -> None:
    """Replace each number by its zigzag difference from the previous one along the last axis, in place."""
    deltas = np.empty_like(series)
    deltas[..., :1] = series[..., :1]
    np.subtract(series[..., 1:], series[..., :-1], out=deltas[..., 1:])
    np.right_shift(deltas, 8 * series.itemsize - 1, out=series)
    np.left_shift(deltas, 1, out=deltas)
    np.bitwise_xor(deltas, series, out=series)


def _undo_difference(series: NDArray[Any], stretches: Sequence[Stretch]) -> None:
    """Inverse of ``_difference``, for each stretch."""
    signs = series & 1
    np.right_shift(series, 1, out=series)
    np.bitwise_xor(series, np.negative(signs, out=signs), out=series)
    start = 0
    for n_steps, _ in stretches:
        stretch = series[:, start : start + n_steps]
        np.add.accumulate(stretch, axis=1, out=stretch)
        start += n_steps


_UNGROUPED_COST = 16
"""A plain column can't be grouped, which makes reading slower: it must save a sixteenth of the bytes."""


def choose_encoding(values: NDArray[np.generic]) -> Encoding:
    """The encoding that makes these values smallest. Chosen once per episode, from its first steps."""
    if values.dtype == np.bool_:
        return Encoding.BITS
    if is_stored_as_picture(values.dtype.str, values.shape[1:]):
        return Encoding.XOR
    sizes = {}
    for encoding in (Encoding.DELTA, Encoding.PLANES, Encoding.PLAIN):
        group = ColumnGroup([ColumnSpec("", values.dtype.str, values.shape[1:], encoding)])
        sizes[encoding] = len(lz4.block.compress(group.encode([values]), store_size=False))
    sizes[Encoding.PLAIN] += values.nbytes // _UNGROUPED_COST
    return min(sizes, key=sizes.__getitem__)
