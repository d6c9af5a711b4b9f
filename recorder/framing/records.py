"""Records in a row, each compressed and checked by itself: a damaged one hides no other.

A record is a tag of four letters, the sizes of its block and of its content, a CRC-32, and an LZ4 block. Records of one file have
many words in common, so a block may be compressed with a dictionary, which its reader needs, too.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection
from typing import NamedTuple
from zlib import crc32

import lz4.block

from recorder.errors import EpisodeFileCorruptError

__all__ = ["MAX_RECORD_BYTES", "PACK_TAG", "Record", "build_record", "find_records"]

MAX_RECORD_BYTES = 2**18
"""Of a block, and of its content."""

PACK_TAG = b"HMLP"
"""With which a pack of recordings begins."""

_MAX_DAMAGED = 4096
"""Places where no record begins that begins like one. Each costs a checksum."""

_HEAD = struct.Struct("<4sIII")


class Record(NamedTuple):
    """A record whose checksum is right."""

    tag: bytes
    block: bytes
    n_bytes: int
    """Of its content."""

    def content(self, dictionary: bytes = b"") -> bytes:
        """Unpack it.

        Raises:
            EpisodeFileCorruptError: it was not compressed with this dictionary.
        """
        try:
            return bytes(lz4.block.decompress(self.block, uncompressed_size=self.n_bytes, dict=dictionary))
        except lz4.block.LZ4BlockError as error:
            raise EpisodeFileCorruptError(f"the LZ4 block of a record is invalid: {error}") from error


def build_record(tag: bytes, content: bytes, dictionary: bytes = b"") -> bytes:
    """A record.

    Args:
        tag: four letters.
        content: up to ``MAX_RECORD_BYTES``.
        dictionary: what the content has words of, up to 64 KiB.

    Raises:
        ValueError: the content is too large.
    """
    if len(content) > MAX_RECORD_BYTES:
        raise ValueError(f"a record holds up to {MAX_RECORD_BYTES} bytes, got {len(content)}")
    block: bytes = lz4.block.compress(
        content, mode="high_compression", compression=9, store_size=False, dict=dictionary
    )
    sizes = struct.pack("<4sII", tag, len(block), len(content))
    return sizes + struct.pack("<I", crc32(block, crc32(sizes))) + block


def find_records(data: bytes, tags: Collection[bytes]) -> tuple[list[Record], list[int]]:
    """The records in a row of them.

    Returns:
        The records, and where bytes begin that belong to none.

    Raises:
        EpisodeFileCorruptError: the bytes are damaged in too many places.
    """
    records: list[Record] = []
    damaged: list[int] = []
    begins = re.compile(b"|".join(map(re.escape, tags)))
    place, n_failed, is_sound = 0, 0, True
    while place < len(data):
        record = _record_at(data, place, tags)
        if record is not None:
            records.append(record)
            place += _HEAD.size + len(record.block)
            is_sound = True
            continue
        if is_sound:
            damaged.append(place)
            is_sound = False
        n_failed += 1
        if n_failed > _MAX_DAMAGED:
            raise EpisodeFileCorruptError(f"more than {_MAX_DAMAGED} records are damaged")
        following = begins.search(data, place + 1)
        place = len(data) if following is None else following.start()
    return records, damaged


def _record_at(data: bytes, place: int, tags: Collection[bytes]) -> Record | None:
    if place + _HEAD.size > len(data):
        return None
    tag, n_block, n_bytes, checksum = _HEAD.unpack_from(data, place)
    if tag not in tags or max(n_block, n_bytes) > MAX_RECORD_BYTES:
        return None
    start = place + _HEAD.size
    block = data[start : start + n_block]
    if len(block) < n_block or crc32(block, crc32(data[place : start - 4])) != checksum:
        return None
    return Record(tag, block, n_bytes)
