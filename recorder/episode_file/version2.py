"""Version 2 of the episode file: a header, the trainer's own chunks, a footer. ``FORMAT.md`` is the specification."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack

from recorder.chunk import (
    Chunk,
    chunk_from,
    compress_frame,
    decode_chunk,
    decompress_frame,
    frame_end,
    unpack_bounded,
    unpack_sequence,
)
from recorder.episode import EpisodeMetadata
from recorder.errors import EpisodeFileCorruptError, EpisodeFileError
from recorder.schema import MAX_COLUMNS, EpisodeSchema

__all__ = ["ChunkRef", "Version2File", "build_version2", "parse_version2"]

VERSION = 2
MAX_HEADER_BYTES = 4 * 2**20
MAX_HEADER_CONTAINERS = 100_000
"""Lists and maps in a header or footer: a footer has one a chunk, which is 25 million steps."""

_TRAILER = struct.Struct("<4sI4sIQ")
_SKIPPABLE_MAGIC = b"\x5a\x2a\x4d\x18"
_TRAILER_TAG = b"HMLT"


@dataclass(frozen=True, slots=True)
class ChunkRef:
    """Where a chunk lies in its file."""

    first_step: int
    n_steps: int
    offset: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Version2File:
    """The outline of a file; chunks are unpacked when asked for."""

    data: bytes
    header: Mapping[str, Any]
    schema: EpisodeSchema
    chunks: tuple[ChunkRef, ...]
    footer: Mapping[str, Any] | None
    """None when the file has no whole footer: its writer was interrupted."""
    framed: bool

    def chunk(self, index: int) -> Chunk:
        """Unpack one chunk."""
        ref = self.chunks[index]
        part = self.data[ref.offset : ref.offset + ref.n_bytes]
        if self.framed:
            chunk = decode_chunk(part, self.schema)
        else:
            chunk = chunk_from(unpack_bounded(part, max_containers=4 * MAX_COLUMNS), self.schema)
        if (chunk.first_step, chunk.n_steps) != (ref.first_step, ref.n_steps):
            raise EpisodeFileCorruptError(
                f"the footer places steps {ref.first_step}+{ref.n_steps} at byte {ref.offset}; "
                f"steps {chunk.first_step}+{chunk.n_steps} lie there"
            )
        return chunk


def build_version2(
    *,
    metadata: EpisodeMetadata,
    reasons: Sequence[str],
    schema: EpisodeSchema,
    chunks: Sequence[tuple[int, int, bytes]],
    compression: str = "lz4",
) -> tuple[bytes, str, int]:
    """Put a file together without touching the chunks' bytes.

    Args:
        chunks: ``(first_step, n_steps, frame)`` each, in the order of their steps.
        compression: ``lz4``, or ``none`` to unpack the frames.

    Returns:
        The file's bytes, its content hash, and its size unpacked in bytes.
    """
    framed = compression == "lz4"
    header = msgpack.packb(
        {
            "version": VERSION,
            "metadata": metadata.to_map(),
            "reasons": list(reasons),
            "schema": schema.to_list(),
            "affordances": {name: list(cell) for name, cell in metadata.affordance_layout.items()},
        }
    )
    parts = [compress_frame(header) if framed else header]
    offset = len(parts[0])
    unpacked_bytes = len(header)
    rows = []
    for first_step, n_steps, frame in chunks:
        part = frame if framed else decompress_frame(frame)
        rows.append([offset, len(part), first_step, n_steps])
        parts.append(part)
        offset += len(part)
        unpacked_bytes += int.from_bytes(frame[6:14], "little") if framed else len(part)
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    content_hash = digest.hexdigest()
    footer = msgpack.packb(
        {
            "footer": VERSION,
            "chunks": rows,
            "n_steps": sum(row[3] for row in rows),
            "gaps": [[gap.first_step, gap.end_step, gap.reason] for gap in metadata.gaps],
            "hash": content_hash,
        }
    )
    unpacked_bytes += len(footer)
    if framed:
        parts.append(compress_frame(footer))
        parts.append(_TRAILER.pack(_SKIPPABLE_MAGIC, 16, _TRAILER_TAG, VERSION, offset))
    else:
        parts.append(footer)
    return b"".join(parts), content_hash, unpacked_bytes


def parse_version2(data: bytes, header: Mapping[str, Any], *, first_chunk: int, framed: bool) -> Version2File:
    """The outline of a file whose header is already read.

    Args:
        data: the whole file.
        first_chunk: offset of the first chunk.
        framed: LZ4 frames, or bare msgpack objects.

    Raises:
        EpisodeFileCorruptError: a chunk in the middle is broken, or chunks overlap.
    """
    schema = EpisodeSchema.from_list(header.get("schema"))
    footer: Mapping[str, Any] | None
    if framed:
        footer = _footer_by_trailer(data)
        chunks = None if footer is None else _chunks_of(footer, len(data))
        if chunks is None:
            chunks, footer = _walk_frames(data, first_chunk, schema)
    else:
        chunks, footer = _walk_objects(data, first_chunk, schema)
    end_step = 0
    for ref in chunks:
        if ref.first_step < end_step:
            raise EpisodeFileCorruptError(f"a chunk begins at step {ref.first_step}, before step {end_step}")
        end_step = ref.first_step + ref.n_steps
    return Version2File(data, header, schema, tuple(chunks), footer, framed)


def _footer_by_trailer(data: bytes) -> Mapping[str, Any] | None:
    if len(data) < _TRAILER.size:
        return None
    magic, _, tag, version, offset = _TRAILER.unpack_from(data, len(data) - _TRAILER.size)
    if (magic, tag, version) != (_SKIPPABLE_MAGIC, _TRAILER_TAG, VERSION):
        return None
    if offset >= len(data) - _TRAILER.size:
        raise EpisodeFileCorruptError(f"the trailer points to byte {offset} of {len(data)}")
    frame = data[offset : len(data) - _TRAILER.size]
    footer = unpack_bounded(decompress_frame(frame, max_bytes=MAX_HEADER_BYTES), max_containers=MAX_HEADER_CONTAINERS)
    if not isinstance(footer, dict) or footer.get("footer") != VERSION:
        raise EpisodeFileCorruptError(f"the trailer points to byte {offset}, where no footer lies")
    return footer


def _chunks_of(footer: Mapping[str, Any], file_bytes: int) -> list[ChunkRef]:
    rows = footer.get("chunks")
    if not isinstance(rows, list):
        raise EpisodeFileCorruptError("the footer lists no chunks")
    refs = []
    for row in rows:
        match row:
            case [int(offset), int(n_bytes), int(first_step), int(n_steps)] if (
                min(row) >= 0 and offset + n_bytes <= file_bytes
            ):
                refs.append(ChunkRef(first_step, n_steps, offset, n_bytes))
            case _:
                raise EpisodeFileCorruptError(f"the footer places a chunk at {row!r:.100}")
    return refs


def _walk_frames(data: bytes, start: int, schema: EpisodeSchema) -> tuple[list[ChunkRef], Mapping[str, Any] | None]:
    """Read frame by frame until the footer, the end, or a torn tail."""
    refs: list[ChunkRef] = []
    while start < len(data):
        try:
            end = frame_end(data, start)
        except EpisodeFileCorruptError:
            break
        frame = data[start:end]
        try:
            body = unpack_bounded(decompress_frame(frame), max_containers=MAX_HEADER_CONTAINERS)
            if isinstance(body, dict):
                return refs, body
            chunk = chunk_from(body, schema)
        except EpisodeFileError:
            if end < len(data):
                raise
            break
        refs.append(ChunkRef(chunk.first_step, chunk.n_steps, start, end - start))
        start = end
    return refs, None


def _walk_objects(data: bytes, start: int, schema: EpisodeSchema) -> tuple[list[ChunkRef], Mapping[str, Any] | None]:
    refs: list[ChunkRef] = []
    for offset, end, body in unpack_sequence(data[start:], max_containers=MAX_HEADER_CONTAINERS * 10):
        if isinstance(body, dict):
            return refs, body
        chunk = chunk_from(body, schema)
        refs.append(ChunkRef(chunk.first_step, chunk.n_steps, start + offset, end - offset))
    return refs, None
