"""Unpacks msgpack with limits, so that a small hostile message can't become a large tree of objects.

An empty list takes one byte in msgpack and 56 in Python, so lists and maps are counted as they are built. msgpack
allocates the declared length of a list, so lengths are limited, too.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgpack

from recorder.errors import EpisodeFileCorruptError, EpisodeFileTooLargeError

__all__ = ["SplitMap", "brief", "split_map", "unpack_bounded", "unpack_list", "unpack_sequence"]

_MAX_LENGTH = 2**31 - 1
"""msgpack's limit for text."""

_BROKEN = (ValueError, TypeError, msgpack.exceptions.UnpackException, RecursionError)


class _Brief(reprlib.Repr):
    def repr_bytes(self, found: bytes, level: int) -> str:  # noqa: ARG002 - signature of the base class
        return f"{len(found)} bytes"


_brief = _Brief()


def brief(found: object) -> str:
    """A short form of an invalid value, for messages."""
    return _brief.repr(found)[:100]


class _Counter:
    """A hook of msgpack that counts the containers of a message.

    Args:
        element_cost: how much each element counts in addition to its container.
        max_in_all: limit on containers that resetting ``left`` does not lift.
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
                f"{' and elements' if self._element_cost else ''}"
            )
        return container


def unpack_bounded(data: bytes, *, max_containers: int) -> Any:
    """Unpack one object.

    Args:
        max_containers: limit on lists and maps, and on the elements of each.

    Raises:
        EpisodeFileCorruptError: not msgpack, or bytes are left over.
        EpisodeFileTooLargeError: the limit is exceeded.
    """
    # A container takes at least a byte, so a short message needs no counting, which costs more than unpacking.
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
        raise EpisodeFileTooLargeError("msgpack: nested lists declare more elements than fit into memory") from error
    except _BROKEN as error:
        raise EpisodeFileCorruptError(f"not msgpack: {error}") from error


def unpack_sequence(data: bytes | memoryview, *, max_containers: int) -> Iterator[tuple[int, int, Any]]:
    """Unpack a sequence of objects as ``(offset, end, object)``; a torn last one is left out.

    Args:
        max_containers: limit on lists and maps in each object, and on the elements of each.

    Raises:
        EpisodeFileCorruptError: not msgpack.
        EpisodeFileTooLargeError: the limit is exceeded.
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
            raise EpisodeFileTooLargeError(
                "msgpack: nested lists declare more elements than fit into memory"
            ) from error
        except _BROKEN as error:
            raise EpisodeFileCorruptError(f"not msgpack at byte {start}: {error}") from error
        end = unpacker.tell()
        yield start, end, item
        start = end


class SplitMap(NamedTuple):
    """A map without one long list, which stays packed."""

    rest: dict[Any, Any]
    """The map without the list."""
    end: int
    """End of the map in bytes."""
    list_at: int | None
    """Start of the list; None if the map has no such key."""
    list_end: int


def split_map(data: bytes | memoryview, key: str, *, max_values: int) -> SplitMap | None:
    """Unpack a map, but skip the value at ``key``. Returns None if the map is cut off.

    If ``data`` is no map, the result is empty and ends at 0.

    Args:
        max_values: limit on containers and elements in each other value.

    Raises:
        EpisodeFileCorruptError: not msgpack.
        EpisodeFileTooLargeError: the limit is exceeded.
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
        raise EpisodeFileTooLargeError("msgpack: nested lists declare more elements than fit into memory") from error
    except _BROKEN as error:
        raise EpisodeFileCorruptError(f"not msgpack: {error}") from error
    return SplitMap(rest, unpacker.tell(), list_at, list_end)


def unpack_list(data: bytes | memoryview, *, max_values: int, max_containers: int) -> Iterator[tuple[int, Any]]:
    """Unpack a list element by element, each with its end in bytes.

    Args:
        max_values: limit on containers and elements in each element of the list.
        max_containers: limit on containers in all elements.

    Raises:
        EpisodeFileCorruptError: not a list, or not msgpack.
        EpisodeFileTooLargeError: a limit is exceeded.
    """
    unpacker, counter = _unpacker(data, max_values, element_cost=1, max_in_all=max_containers)
    try:
        for _ in range(unpacker.read_array_header()):
            counter.left = max_values
            item = unpacker.unpack()
            yield unpacker.tell(), item
    except MemoryError as error:
        raise EpisodeFileTooLargeError("msgpack: nested lists declare more elements than fit into memory") from error
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
        # Declared elements may be missing in a torn message, so the number of bytes is no limit.
        max_array_len=max_containers,
        max_map_len=max_containers,
        max_str_len=_MAX_LENGTH,
        max_bin_len=_MAX_LENGTH,
        max_ext_len=0,
    )
    unpacker.feed(data)
    return unpacker, counter
