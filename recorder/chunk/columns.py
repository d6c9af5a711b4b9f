"""Columns to bytes and back, losslessly.

LZ4 finds repeated bytes and has no entropy coder, so the arrangement does half of the work: values are laid out component
by component along the steps, differences make slow changes small, zigzag makes small negative ones small too, and planes
gather the high bytes, which are then mostly zero.

Columns are small and calls of numpy are not, so columns of one group are arranged as one matrix.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import lz4.block
import numpy as np
from numpy.typing import NDArray

from recorder.errors import EpisodeFileCorruptError
from recorder.schema import ColumnSpec, Encoding

__all__ = ["ColumnGroup", "Stretch", "choose_encoding"]


_MAX_STRIDED_VALUES = 64
"""Numbers of one step that may lie apart in memory; images are copied together, so that each can be worked on as a whole."""


class Stretch(NamedTuple):
    """Some steps of a group of columns, as bytes."""

    n_steps: int
    data: bytes


class ColumnGroup:
    """Columns that lie together.

    Args:
        specs: columns of one group, or a single one.
    """

    def __init__(self, specs: Iterable[ColumnSpec]) -> None:
        # Those with differences first: then these can be taken of all at once.
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
        """Arrange the values of all columns.

        Args:
            columns: ``dtype[n_steps, *shape]`` each, in the order of ``specs``.
        """
        if self._encoding is Encoding.PLAIN:
            (values,) = columns
            return values.tobytes()
        along = self._component_by_component(columns)
        if self._encoding is Encoding.BITS:
            return np.packbits(along).tobytes()
        if self._n_deltas:
            _difference(along[: self._n_deltas])
        if self._item_bytes == 1:
            return along.tobytes()
        cells = along.reshape(-1).view(np.uint8).reshape(-1, self._item_bytes)
        planes = np.empty(cells.shape[::-1], np.uint8)
        for index in range(self._item_bytes):  # twice as fast as one transposed copy
            planes[index] = cells[:, index]
        return planes.tobytes()

    def _component_by_component(self, columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """``int[n_values, n_steps]``: the bit patterns, the components of one column below those of the one before."""
        n_steps, dtype = len(columns[0]), np.dtype(f"<i{self._item_bytes}")
        along = np.empty((self._n_values, n_steps), dtype)
        start = 0
        for values, end in zip(columns, self._ends, strict=True):
            bits = values.view(dtype)
            if values.ndim == 1:
                along[start] = bits
            else:
                along[start:end] = bits.reshape(n_steps, end - start).T
            start = end
        return along

    def decode(self, stretches: Sequence[Stretch], names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
        """The inverse, over successive stretches.

        Args:
            stretches: one or more.
            names: the columns wanted, one or more of this group's; None for all.

        Returns:
            ``dtype[n_steps, *shape]`` each, over all stretches. Read-only where it is the bytes themselves; short vectors
            lie component by component in memory.

        Raises:
            EpisodeFileCorruptError: the bytes are not as many as the shapes need.
        """
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
        """``uint[n_wanted, n_total]``: these numbers of all steps, out of their planes or bits."""
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
                # Of small numbers the higher planes are zero, and that they are by now.
                if data.endswith(bytes(len(data) - index * n_cells)):
                    break
                here[:, :, index] = planes[index]
            start += n_steps
        return series


def _difference(series: NDArray[Any]) -> None:
    """Each number by its difference from the one before, zigzag; in place."""
    deltas = np.empty_like(series)
    deltas[:, :1] = series[:, :1]
    np.subtract(series[:, 1:], series[:, :-1], out=deltas[:, 1:])
    np.right_shift(deltas, 8 * series.itemsize - 1, out=series)
    np.left_shift(deltas, 1, out=deltas)
    np.bitwise_xor(deltas, series, out=series)


def _undo_difference(series: NDArray[Any], stretches: Sequence[Stretch]) -> None:
    """The inverse, stretch by stretch."""
    signs = series & 1
    np.right_shift(series, 1, out=series)
    np.bitwise_xor(series, np.negative(signs, out=signs), out=series)
    start = 0
    for n_steps, _ in stretches:
        stretch = series[:, start : start + n_steps]
        np.add.accumulate(stretch, axis=1, out=stretch)
        start += n_steps


_ALONE_COST = 16
"""A plain column lies alone, which costs time at each reading: it has to save a sixteenth of the bytes for that."""


def choose_encoding(values: NDArray[np.generic]) -> Encoding:
    """The encoding that makes these values smallest; a sample of an episode's first steps decides for the whole episode."""
    if values.dtype == np.bool_:
        return Encoding.BITS
    sizes = {}
    for encoding in (Encoding.DELTA, Encoding.PLANES, Encoding.PLAIN):
        group = ColumnGroup([ColumnSpec("", values.dtype.str, values.shape[1:], encoding)])
        sizes[encoding] = len(lz4.block.compress(group.encode([values]), store_size=False))
    sizes[Encoding.PLAIN] += values.nbytes // _ALONE_COST
    return min(sizes, key=sizes.__getitem__)
