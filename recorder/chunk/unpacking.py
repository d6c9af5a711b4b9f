"""msgpack with bounds: a small hostile message can't become a large tree of Python objects.

An empty list is one byte in msgpack and 56 in Python, so lengths alone don't bound memory; the number of lists and maps is
counted as they are built. msgpack makes room for as many elements as a list announces, so these are bounded too.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgpack

from recorder.errors import EpisodeFileCorruptError, EpisodeFileTooLargeError

__all__ = ["SplitMap", "brief", "split_map", "unpack_bounded", "unpack_list", "unpack_sequence"]

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
    """Counts the containers of one message, as msgpack's hooks.

    Args:
        element_cost: how much an element of a list or map counts beside the list itself.
        max_in_all: lists and maps, however often ``left`` is set anew.
    """

    def __init__(self, max_containers: int, *, element_cost: int = 0, max_in_all: int = 2**63) -> None:
        self.max_containers = self.left = max_containers
        self._element_cost = element_cost
        self._max_in_all = self._left_in_all = max_in_all

    def __call__(self, container: Any) -> Any:
        self._left_in_all -= 1
        if self._left_in_all < 0:
            raise EpisodeFileTooLargeError(f"msgpack: more than {self._max_in_all} lists and maps in all")
        self.left -= 1 + self._element_cost * len(container)
        if self.left < 0:
            raise EpisodeFileTooLargeError(
                f"msgpack: more than {self.max_containers} lists and maps"
                f"{' and what is in them' if self._element_cost else ''}, which is as many as the reader allows here"
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
    unpacker, counter = _unpacker(data, max_containers)
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


class SplitMap(NamedTuple):
    """A map of which one long list was left packed."""

    rest: dict[Any, Any]
    """The map without it."""
    end: int
    """Where the map ends, in bytes."""
    list_at: int | None
    """Where the list begins; None when the map has none under that key."""
    list_end: int


def split_map(data: bytes | memoryview, key: str, *, max_values: int) -> SplitMap | None:
    """The map at the beginning of ``data``, but for one value, over which it is only stepped; None when it is cut off.

    What is no map has nothing in it, and ends where it begins.

    Args:
        max_values: in each other value: lists and maps, and what is in them.

    Raises:
        EpisodeFileCorruptError: it can't be msgpack.
        EpisodeFileTooLargeError: more values than allowed.
    """
    unpacker, counter = _unpacker(data, max_values, element_cost=1)
    rest: dict[Any, Any] = {}
    list_at, list_end = None, 0
    try:
        try:
            n_items = unpacker.read_map_header()
        except ValueError:
            return SplitMap({}, 0, None, 0)
        for _ in range(n_items):
            name = unpacker.unpack()
            if not isinstance(name, str | bytes):
                raise EpisodeFileCorruptError(f"not msgpack: a map's key is {brief(name)}")
            if name == key:
                list_at = unpacker.tell()
                unpacker.skip()
                list_end = unpacker.tell()
            else:
                counter.left = max_values
                rest[name] = unpacker.unpack()
    except msgpack.exceptions.OutOfData:
        return None
    except MemoryError as error:
        raise EpisodeFileTooLargeError("msgpack: lists in lists that announce more than there is memory") from error
    except _BROKEN as error:
        raise EpisodeFileCorruptError(f"not msgpack: {error}") from error
    return SplitMap(rest, unpacker.tell(), list_at, list_end)


def unpack_list(data: bytes | memoryview, *, max_values: int, max_containers: int) -> Iterator[tuple[int, Any]]:
    """The elements of the list at the beginning of ``data``, one by one, each with where it ends.

    Args:
        max_values: in each element: lists and maps, and what is in them.
        max_containers: lists and maps in all elements together.

    Raises:
        EpisodeFileCorruptError: it is no list, or can't be msgpack.
        EpisodeFileTooLargeError: more values than allowed.
    """
    unpacker, counter = _unpacker(data, max_values, element_cost=1, max_in_all=max_containers)
    try:
        for _ in range(unpacker.read_array_header()):
            counter.left = max_values
            item = unpacker.unpack()
            yield unpacker.tell(), item
    except MemoryError as error:
        raise EpisodeFileTooLargeError("msgpack: lists in lists that announce more than there is memory") from error
    except _BROKEN as error:
        raise EpisodeFileCorruptError(f"not msgpack: {error}") from error


def _unpacker(
    data: bytes | memoryview, max_containers: int, *, element_cost: int = 0, max_in_all: int = 2**63
) -> tuple[msgpack.Unpacker, _Counter]:
    counter = _Counter(max_containers, element_cost=element_cost, max_in_all=max_in_all)
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
    return unpacker, counter
