"""msgpack with bounds: a small hostile message can't become a large tree of Python objects.

An empty list is one byte in msgpack and 56 in Python, so lengths alone don't bound memory; the number of lists and maps is
counted as they are built. msgpack makes room for as many elements as a list announces, so these are bounded too.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from typing import Any

import msgpack

from recorder.errors import EpisodeFileCorruptError, EpisodeFileTooLargeError

__all__ = ["brief", "unpack_bounded", "unpack_sequence"]

_MAX_LENGTH = 2**31 - 1
"""msgpack's own limit of a text's length."""

_BROKEN = (ValueError, TypeError, msgpack.exceptions.UnpackException, RecursionError)


class _Brief(reprlib.Repr):
    def repr_bytes(self, found: bytes, level: int) -> str:  # noqa: ARG002 - the base class calls it so
        return f"{len(found)} bytes"


_brief = _Brief()


def brief(found: object) -> str:
    """A few words of what was found instead of what was expected, however large it is."""
    return _brief.repr(found)[:100]


class _Counter:
    """Counts the containers of one message, as msgpack's hooks."""

    def __init__(self, max_containers: int) -> None:
        self.max_containers = self.left = max_containers

    def __call__(self, container: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise EpisodeFileTooLargeError(
                f"msgpack: more than {self.max_containers} lists and maps, which is as many as the reader allows here"
            )
        return container


def unpack_bounded(data: bytes, *, max_containers: int) -> Any:
    """The one object in ``data``.

    Args:
        max_containers: lists and maps in it, and elements in each of them, at most.

    Raises:
        EpisodeFileCorruptError: not msgpack, or bytes are left over.
        EpisodeFileTooLargeError: more containers than allowed.
    """
    # A list or map takes a byte at least, so a short message needs no counting, which costs more than the unpacking.
    counter = None if len(data) <= max_containers else _Counter(max_containers)
    max_length = min(len(data), max_containers)
    try:
        return msgpack.unpackb(
            data,
            list_hook=counter,
            object_hook=counter,
            max_array_len=max_length,
            max_map_len=max_length,
            max_ext_len=0,
        )
    except MemoryError as error:
        raise EpisodeFileTooLargeError("msgpack: lists in lists that announce more than there is memory") from error
    except _BROKEN as error:
        raise EpisodeFileCorruptError(f"not msgpack: {error}") from error


def unpack_sequence(data: bytes | memoryview, *, max_containers: int) -> Iterator[tuple[int, int, Any]]:
    """The whole objects of a sequence, one by one, as ``(offset, end, object)``; a torn last one is left out.

    Args:
        max_containers: lists and maps in each object, and elements in each of them, at most.

    Raises:
        EpisodeFileCorruptError: bytes that can't be msgpack.
        EpisodeFileTooLargeError: more containers than allowed.
    """
    counter = _Counter(max_containers)
    unpacker = msgpack.Unpacker(
        list_hook=counter,
        object_hook=counter,
        max_buffer_size=len(data) or 1,
        # What is announced may lie behind a torn end, so it is not bounded by the bytes that are there.
        max_array_len=max_containers,
        max_map_len=max_containers,
        max_str_len=_MAX_LENGTH,
        max_bin_len=_MAX_LENGTH,
        max_ext_len=0,
    )
    unpacker.feed(data)
    start = 0
    while start < len(data):
        counter.left = max_containers
        try:
            item = unpacker.unpack()
        except msgpack.exceptions.OutOfData:
            return
        except MemoryError as error:
            raise EpisodeFileTooLargeError("msgpack: lists in lists that announce more than there is memory") from error
        except _BROKEN as error:
            raise EpisodeFileCorruptError(f"not msgpack at byte {start}: {error}") from error
        end = unpacker.tell()
        yield start, end, item
        start = end
