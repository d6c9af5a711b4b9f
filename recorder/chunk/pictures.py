"""Encodes pictures: each as its difference from the one before it, in an LZ4 block.

A picture changes little from step to step, so most bytes of the difference are zero. Each block stands by itself: a reader
unpacks one picture without the memory of a whole chunk, and the other columns of a chunk without any picture. In a block,
thousands of zeros are a row of equal bytes, which the frame around the chunk packs again.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Any

import lz4.block
import numpy as np
from numpy.typing import NDArray

from recorder.errors import EpisodeFileCorruptError, EpisodeFileTooLargeError
from recorder.framing.frames import MAX_FRAME_BYTES
from recorder.schema import ColumnSpec
from recorder.values.picture_shape import picture_shape

__all__ = ["PictureReader", "encode_pictures"]

_HEAD = struct.Struct("<BBH")
_NO_STACK = 255
_KIND_SHIFT = 30
_LENGTH = 2**_KIND_SHIFT - 1


class _Kind(IntEnum):
    """What a block holds."""

    WHOLE = 0
    """The picture."""
    DIFFERENCE = 1
    """What has to be XORed with the picture before it."""
    SHIFTED = 2
    """The same of the newest part of a stack; its other parts are those of the stack before it, moved on."""


def encode_pictures(pictures: NDArray[Any]) -> bytes:
    """Encode the values of a picture column.

    Args:
        pictures: ``dtype[n, *shape]``.
    """
    shape = picture_shape(pictures.dtype.str, pictures.shape[1:])
    stack = None if shape is None or shape.stack_axis is None else _Stack(shape.stack_axis, shape.n_new)
    head = _HEAD.pack(_NO_STACK, 0, 0) if stack is None else _HEAD.pack(stack.axis, stack.n_new, 0)
    difference = np.empty(pictures.shape[1:], pictures.dtype)
    words, blocks = [], []
    before: NDArray[Any] | None = None
    for picture in pictures:
        if before is None:
            kind, block = _Kind.WHOLE, _packed(picture)
        elif stack is not None and stack.moves_on(before, picture):
            kind = _Kind.SHIFTED
            block = _changed(stack.newest(before), stack.newest(picture), None)
        else:
            kind, block = _Kind.DIFFERENCE, _changed(before, picture, difference)
        words.append(len(block) | kind << _KIND_SHIFT)
        blocks.append(block)
        before = picture
    return b"".join([head, np.array(words, "<u4").tobytes(), *blocks])


def _changed(before: NDArray[Any], now: NDArray[Any], out: NDArray[Any] | None) -> bytes:
    """The packed difference; empty where there is none."""
    difference = np.bitwise_xor(before, now, out=out)
    return _packed(difference) if difference.any() else b""


def _packed(values: NDArray[Any]) -> bytes:
    return bytes(lz4.block.compress(np.ascontiguousarray(values).data.cast("B"), store_size=False))


class _Stack:
    """A stack of pictures along one axis: the newest are last, and each step moves the others on."""

    def __init__(self, axis: int, n_new: int) -> None:
        self.axis = axis
        self.n_new = n_new
        lead = (slice(None),) * axis
        self._older = (*lead, slice(None, -n_new))
        self._later = (*lead, slice(n_new, None))
        self._newest = (*lead, slice(-n_new, None))

    def newest(self, stack: NDArray[Any]) -> NDArray[Any]:
        """The newest part, a view."""
        return stack[self._newest]

    def moves_on(self, before: NDArray[Any], now: NDArray[Any]) -> bool:
        """Whether the older part of a stack is the later part of the one before it."""
        later, older = before[self._later], now[self._older]
        # One line of a stack that does not move on most often tells: comparing all of it takes much longer.
        middle = tuple(length // 2 if axis < now.ndim - 2 else slice(None) for axis, length in enumerate(older.shape))
        return np.array_equal(later[middle], older[middle]) and np.array_equal(later, older)

    def move_on(self, stack: NDArray[Any]) -> None:
        """Make room for the newest part, in place; the last one stays there, too."""
        stack[self._older] = stack[self._later].copy()


class PictureReader:
    """The pictures of one column of a chunk, unpacked on demand. Threads may share one.

    Args:
        data: as ``encode_pictures`` made it.
        n_pictures: how many there are.
        spec: of the column.

    Raises:
        EpisodeFileCorruptError: the bytes are no such pictures.
        EpisodeFileTooLargeError: unpacked they would exceed the limit of a chunk.
    """

    def __init__(self, data: bytes, n_pictures: int, spec: ColumnSpec) -> None:
        self._spec = spec
        self._data = data
        self._n_pictures = n_pictures
        self._dtype = np.dtype(spec.dtype)
        if n_pictures * spec.step_bytes > MAX_FRAME_BYTES:
            raise EpisodeFileTooLargeError(
                f"column {spec.name!r}: {n_pictures} pictures of {spec.step_bytes} bytes in one chunk; the limit is "
                f"{MAX_FRAME_BYTES} bytes"
            )
        start = _HEAD.size + 4 * n_pictures
        if len(data) < start:
            raise self._corrupt(f"{len(data)} bytes for {n_pictures} pictures")
        axis, n_new, _ = _HEAD.unpack_from(data)
        self._stack: _Stack | None = None
        if axis != _NO_STACK:
            if axis >= len(spec.shape) or not 0 < n_new < spec.shape[axis]:
                raise self._corrupt(f"a stack of shape {list(spec.shape)} moves on by {n_new} along axis {axis}")
            self._stack = _Stack(axis, n_new)
        words = np.frombuffer(data, "<u4", n_pictures, _HEAD.size)
        self._kinds = (words >> _KIND_SHIFT).tolist()
        ends = np.cumsum(words & _LENGTH, dtype=np.int64) + start
        self._bounds = [start, *ends.tolist()]
        if self._bounds[-1] != len(data):
            raise self._corrupt(f"its pictures end at byte {self._bounds[-1]} of {len(data)}")
        if n_pictures and self._kinds[0] != _Kind.WHOLE:
            raise self._corrupt("its first picture refers to one before it")
        if max(self._kinds, default=0) > (_Kind.DIFFERENCE if self._stack is None else _Kind.SHIFTED):
            raise self._corrupt(f"a picture of kind {max(self._kinds)}")
        self._last: tuple[int, NDArray[Any]] | None = None
        """The picture that was asked for last, and its index: the next one is one step from there."""

    def picture(self, index: int) -> NDArray[Any]:
        """``dtype[*shape]``: one picture, which the caller may change.

        Raises:
            EpisodeFileCorruptError: a block of it is damaged.
        """
        last = self._last
        first = max(at for at in range(index + 1) if self._kinds[at] == _Kind.WHOLE)
        if last is not None and first <= last[0] <= index:
            first, picture = last[0] + 1, last[1].copy()
        else:
            picture = np.empty(self._spec.shape, self._dtype)
        for at in range(first, index + 1):
            self._advance(picture, at)
        self._last = (index, picture)
        return picture.copy()

    def read_into(self, out: NDArray[Any]) -> None:
        """Unpack all of them.

        Args:
            out: ``dtype[n_pictures, *shape]``, contiguous.

        Raises:
            EpisodeFileCorruptError: a block is damaged.
        """
        for at in range(self._n_pictures):
            if self._kinds[at] != _Kind.WHOLE:
                out[at] = out[at - 1]
            self._advance(out[at], at)

    def _advance(self, picture: NDArray[Any], at: int) -> None:
        """Make a picture the one after it."""
        kind = self._kinds[at]
        if kind == _Kind.WHOLE:
            picture[...] = self._unpacked(at, picture.shape)
            return
        part = picture
        if kind == _Kind.SHIFTED:
            assert self._stack is not None
            self._stack.move_on(picture)
            part = self._stack.newest(picture)
        if self._bounds[at] < self._bounds[at + 1]:
            np.bitwise_xor(part, self._unpacked(at, part.shape), out=part)

    def _unpacked(self, at: int, shape: tuple[int, ...]) -> NDArray[Any]:
        block = self._data[self._bounds[at] : self._bounds[at + 1]]
        n_bytes = int(np.prod(shape)) * self._dtype.itemsize
        try:
            content = lz4.block.decompress(block, uncompressed_size=n_bytes)
        except (lz4.block.LZ4BlockError, ValueError, OverflowError) as error:
            raise self._corrupt(f"picture {at} is damaged ({error})") from error
        if len(content) != n_bytes:
            raise self._corrupt(f"picture {at} has {len(content)} bytes, expected {n_bytes}")
        return np.frombuffer(content, self._dtype).reshape(shape)

    def _corrupt(self, problem: str) -> EpisodeFileCorruptError:
        return EpisodeFileCorruptError(f"column {self._spec.name!r}: {problem}")
