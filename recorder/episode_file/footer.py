"""The footer of version 2 of the episode file: where its chunks are, what they lack, and the hash of what is before it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from recorder.chunk import MAX_CHUNK_STEPS
from recorder.episode import Gap
from recorder.errors import EpisodeFileCorruptError
from recorder.framing import brief, decompress_frame, unpack_bounded

__all__ = [
    "MAX_HEADER_BYTES",
    "MAX_HEADER_CONTAINERS",
    "SKIPPABLE_MAGIC",
    "TRAILER",
    "TRAILER_TAG",
    "VERSION",
    "ChunkRef",
    "Footer",
    "end_step_of",
    "first_misplaced",
    "footer_offset",
    "read_footer",
    "refs_by_footer",
    "unlisted_gaps",
]

VERSION = 2
MAX_HEADER_BYTES = 4 * 2**20
MAX_HEADER_CONTAINERS = 100_000
"""Lists and maps in a header or footer. A footer has one per chunk: enough for 25 million steps."""

TRAILER = struct.Struct("<4sI4sIQ")
SKIPPABLE_MAGIC = b"\x5a\x2a\x4d\x18"
TRAILER_TAG = b"HMLT"


class ChunkRef(NamedTuple):
    """Position of a chunk in its file."""

    first_step: int
    n_steps: int
    offset: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Footer:
    offset: int
    """Its first byte; the hash covers all bytes before it."""
    hash: str


def first_misplaced(refs: Sequence[ChunkRef]) -> int | None:
    """First step of the first chunk that overlaps the previous one; None if there is none."""
    end_step = 0
    for first_step, n_steps, _, _ in refs:
        if first_step < end_step:
            return first_step
        end_step = first_step + n_steps
    return None


def footer_offset(data: bytes) -> int | None:
    """Offset of the footer, from the trailer; None without a trailer."""
    if len(data) < TRAILER.size:
        return None
    magic, n_bytes, tag, version, offset = TRAILER.unpack_from(data, len(data) - TRAILER.size)
    known = (magic, n_bytes, tag, version) == (SKIPPABLE_MAGIC, TRAILER.size - 8, TRAILER_TAG, VERSION)
    return int(offset) if known else None


def refs_by_footer(data: bytes, first_chunk: int, offset: int) -> tuple[list[ChunkRef], Footer]:
    end = len(data) - TRAILER.size
    if not first_chunk <= offset < end:
        raise EpisodeFileCorruptError(f"the trailer places the footer at byte {offset} of {len(data)}")
    content = decompress_frame(data[offset:end], max_bytes=MAX_HEADER_BYTES)
    return read_footer(unpack_bounded(content, max_containers=MAX_HEADER_CONTAINERS), first_chunk, offset)


def read_footer(body: object, first_chunk: int, offset: int) -> tuple[list[ChunkRef], Footer]:
    """Chunks listed in the footer; they must fill the space between header and footer without gaps."""
    match body:
        case {"footer": 2, "chunks": list(rows), "n_steps": int(n_steps), "hash": str(content_hash)}:
            pass
        case _:
            raise EpisodeFileCorruptError(f"expected the footer at byte {offset}, found {brief(body)}")
    refs = []
    end = first_chunk
    for row in rows:
        # A match statement would take as long as the rest of the footer.
        if not (isinstance(row, list) and len(row) == 4 and all(number.__class__ is int for number in row)):
            raise EpisodeFileCorruptError(f"the footer places a chunk at {brief(row)}: expected four integers")
        start, n_bytes, first_step, chunk_steps = row
        is_within = 0 <= first_step < 2**63 - MAX_CHUNK_STEPS and 0 < chunk_steps <= MAX_CHUNK_STEPS
        if start != end or n_bytes <= 0 or not is_within:
            raise EpisodeFileCorruptError(
                f"the footer places a chunk at {row}: expected byte {end} and 1 to {MAX_CHUNK_STEPS} steps"
            )
        refs.append(ChunkRef(first_step, chunk_steps, start, n_bytes))
        end += n_bytes
    if end != offset or sum(ref.n_steps for ref in refs) != n_steps:
        raise EpisodeFileCorruptError(
            f"the footer declares {n_steps} steps up to byte {offset}, but lists other chunks, up to byte {end}"
        )
    return refs, Footer(offset, content_hash)


def end_step_of(chunks: Sequence[ChunkRef]) -> int:
    """Number of the step after the last one."""
    return chunks[-1].first_step + chunks[-1].n_steps if chunks else 0


def unlisted_gaps(listed: Sequence[Gap], chunks: Sequence[ChunkRef]) -> list[Gap]:
    """Steps that are missing between chunks but not listed as a gap."""
    known = [(ref.first_step, ref.first_step + ref.n_steps) for ref in chunks]
    known += [(gap.first_step, end_step_of(chunks) if gap.end_step is None else gap.end_step) for gap in listed]
    found = []
    end = 0
    for first, stop in sorted(known):
        if first > end:
            found.append(Gap(end, first, "missing from the file"))
        end = max(end, stop)
    return found
