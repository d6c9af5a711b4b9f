"""Version 2 of the episode file: a header, the trainer's chunks, a footer. See ``FORMAT.md``.

``parse_version2`` finds the chunks, which are unpacked on demand; ``version2_writer`` writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from recorder.chunk import MAX_CHUNK_CONTAINERS, Chunk, chunk_from, decode_chunk
from recorder.episode_file.footer import (
    MAX_HEADER_BYTES,
    MAX_HEADER_CONTAINERS,
    VERSION,
    ChunkRef,
    Footer,
    first_misplaced,
    footer_offset,
    read_footer,
    refs_by_footer,
)
from recorder.errors import EpisodeFileCorruptError, EpisodeFileError, EpisodeFileTooLargeError
from recorder.framing import (
    MAX_FRAME_BYTES,
    content_bytes,
    decompress_frame,
    frame_end,
    unpack_bounded,
    unpack_sequence,
)
from recorder.framing.frames import MAX_FRAME_HEADER_BYTES
from recorder.schema import EpisodeSchema

__all__ = [
    "MAX_HEADER_BYTES",
    "MAX_HEADER_CONTAINERS",
    "VERSION",
    "ReadLimits",
    "Version2File",
    "hash_of",
    "parse_version2",
]


class ReadLimits(NamedTuple):
    """Limits on the unpacked size, which each frame declares; checked before unpacking."""

    chunk_bytes: int = MAX_FRAME_BYTES
    """A chunk."""
    total_bytes: int = 2**40
    """The whole file."""
    column_bytes: int = 512 * 2**20
    """All columns of a version 1 file, which are decoded on opening: a small number takes one byte in the file and
    eight in memory.
    """


@dataclass(frozen=True, slots=True)
class Version2File:
    """Header, footer and chunk positions of a file; chunks are unpacked on demand."""

    data: bytes
    header: Mapping[str, Any]
    schema: EpisodeSchema
    chunks: tuple[ChunkRef, ...]
    compression: str
    """``lz4``, ``zstd`` or ``none``."""
    _footer: Footer | None

    @property
    def is_whole(self) -> bool:
        """False if the footer is missing: the writer was interrupted."""
        return self._footer is not None

    @property
    def content_hash(self) -> str:
        """The hash in the footer; empty without one."""
        return "" if self._footer is None else self._footer.hash

    @property
    def unpacked_bytes(self) -> int:
        """Size without compression."""
        if self.compression == "none":
            return len(self.data)
        n_footer_bytes = 0 if self._footer is None else _declared_bytes(self.data, self._footer.offset)
        return self.header_bytes + n_footer_bytes + sum(_declared_bytes(self.data, ref.offset) for ref in self.chunks)

    @property
    def header_bytes(self) -> int:
        """Size of the header without compression."""
        if self.compression != "none":
            return _declared_bytes(self.data, 0)
        return self.chunks[0].offset if self.chunks else len(self.data)

    def chunk_bytes(self, index: int) -> bytes:
        """Bytes of a chunk in the file."""
        ref = self.chunks[index]
        return self.data[ref.offset : ref.offset + ref.n_bytes]

    def chunk(self, index: int) -> Chunk:
        """Unpack a chunk.

        Raises:
            EpisodeFileCorruptError: its bytes are damaged, or it is not the chunk in the footer.
        """
        ref = self.chunks[index]
        part = self.chunk_bytes(index)
        if self.compression != "none":
            chunk = decode_chunk(part, self.schema)
        else:
            chunk = chunk_from(unpack_bounded(part, max_containers=MAX_CHUNK_CONTAINERS), self.schema)
        if (chunk.first_step, chunk.n_steps) != (ref.first_step, ref.n_steps):
            raise EpisodeFileCorruptError(
                f"the footer places steps {ref.first_step}+{ref.n_steps} at byte {ref.offset}; "
                f"found steps {chunk.first_step}+{chunk.n_steps}"
            )
        return chunk

    def check_hash(self) -> None:
        """Compare the footer's hash with the bytes, if there is a footer.

        Raises:
            EpisodeFileCorruptError: they differ.
        """
        if self._footer is None:
            return
        found = hash_of(self.data[: self._footer.offset])
        if found != self._footer.hash:
            raise EpisodeFileCorruptError(
                f"the bytes were changed: expected the hash {self._footer.hash}, found {found}"
            )


def hash_of(data: bytes) -> str:
    """The hash for the footer."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def parse_version2(
    data: bytes, header: Mapping[str, Any], *, first_chunk: int, compression: str, limits: ReadLimits
) -> Version2File:
    """Parse a file whose header is already read.

    Args:
        data: the whole file.
        first_chunk: offset of the first chunk.
        compression: ``lz4`` or ``zstd`` for frames, ``none`` for bare msgpack objects.
        limits: limits on the unpacked size.

    Raises:
        EpisodeFileCorruptError: a chunk before the end is damaged, chunks overlap, the footer does not match them, or,
            without compression, the hash is wrong.
        EpisodeFileTooLargeError: the schema, a chunk or the footer exceeds a limit.
    """
    schema = EpisodeSchema.from_list(header.get("schema"))
    footer: Footer | None
    if compression == "none":
        refs, footer = _walk(_objects(data, first_chunk), schema)
    elif (offset := footer_offset(data)) is not None:
        refs, footer = refs_by_footer(data, first_chunk, offset)
        left_bytes = limits.total_bytes
        for ref in refs:
            with suppress(EpisodeFileCorruptError):  # reported when this chunk is read; the others are intact
                left_bytes = _remaining(data, ref.offset, limits, left_bytes)
    else:
        refs, footer = _walk(_frames(data, first_chunk, limits), schema)
    if (misplaced := first_misplaced(refs)) is not None:
        raise EpisodeFileCorruptError(f"a chunk begins at step {misplaced}, before the end of the one before it")
    file = Version2File(data, header, schema, tuple(refs), compression, footer)
    if compression == "none":
        file.check_hash()
    return file


def _declared_bytes(data: bytes, start: int) -> int:
    return content_bytes(data[start : start + MAX_FRAME_HEADER_BYTES])


def _remaining(data: bytes, start: int, limits: ReadLimits, left_bytes: int) -> int:
    """What remains of ``left_bytes`` after the frame at ``start``.

    Raises:
        EpisodeFileTooLargeError: it is exceeded.
        EpisodeFileCorruptError: there is no frame with a size.
    """
    claimed = _declared_bytes(data, start)
    if claimed > limits.chunk_bytes:
        raise EpisodeFileTooLargeError(
            f"the chunk at byte {start} would unpack to {claimed} bytes; the limit is {limits.chunk_bytes}"
        )
    if claimed > left_bytes:
        raise EpisodeFileTooLargeError(f"the file would unpack to more than the limit of {limits.total_bytes} bytes")
    return left_bytes - claimed


class _Part(NamedTuple):
    """A chunk or the footer."""

    start: int
    end: int
    body: object


def _frames(data: bytes, start: int, limits: ReadLimits) -> Iterator[_Part]:
    """Content of the frames, until the end or a torn frame. A damaged frame before the end is an error."""
    left_bytes = limits.total_bytes
    while start < len(data):
        try:
            end = frame_end(data, start)
        except EpisodeFileCorruptError:
            return
        try:
            left_bytes = _remaining(data, start, limits, left_bytes)
            content = decompress_frame(data[start:end])
            body = unpack_bounded(content, max_containers=MAX_HEADER_CONTAINERS)
        except EpisodeFileError:
            if end < len(data):
                raise
            return
        yield _Part(start, end, body)
        start = end


def _objects(data: bytes, start: int) -> Iterator[_Part]:
    rest = memoryview(data)[start:]
    for offset, end, body in unpack_sequence(rest, max_containers=MAX_HEADER_CONTAINERS):
        yield _Part(start + offset, start + end, body)


def _walk(parts: Iterator[_Part], schema: EpisodeSchema) -> tuple[list[ChunkRef], Footer | None]:
    """Read parts until the footer or a torn end."""
    refs: list[ChunkRef] = []
    first_chunk: int | None = None
    for start, end, body in parts:
        first_chunk = start if first_chunk is None else first_chunk
        if isinstance(body, dict):
            listed, footer = read_footer(body, first_chunk, start)
            if listed != refs:
                raise EpisodeFileCorruptError(f"the footer at byte {start} does not list the chunks before it")
            if next(parts, None) is not None:
                raise EpisodeFileCorruptError(f"data follows the footer at byte {end}")
            return refs, footer
        chunk = chunk_from(body, schema)
        refs.append(ChunkRef(chunk.first_step, chunk.n_steps, start, end - start))
    return refs, None
