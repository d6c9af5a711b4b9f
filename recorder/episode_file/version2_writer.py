"""Writes version 2 of the episode file: header and footer around the trainer's chunks."""

from __future__ import annotations

from collections.abc import Sequence

import msgpack

from recorder.episode import EpisodeMetadata
from recorder.episode_file.footer import SKIPPABLE_MAGIC, TRAILER, TRAILER_TAG, VERSION, ChunkRef, first_misplaced
from recorder.episode_file.version2 import hash_of
from recorder.errors import UsageError
from recorder.framing import compress_frame, content_bytes, decompress_frame
from recorder.schema import EpisodeSchema

__all__ = ["build_version2"]


def build_version2(
    *,
    metadata: EpisodeMetadata,
    reasons: Sequence[str],
    schema: EpisodeSchema,
    chunks: Sequence[tuple[int, int, bytes]],
    compression: str = "lz4",
) -> tuple[bytes, str, int]:
    """Build a file; the chunks' bytes are not changed.

    Args:
        chunks: ``(first_step, n_steps, frame)`` each, in step order.
        compression: ``lz4``; ``zstd`` to compress the frames again; or ``none`` to unpack them.

    Returns:
        The file's bytes, its content hash, and its size without compression.

    Raises:
        UsageError: the chunks are not in order.
        EpisodeFileCorruptError: ``compression`` is not ``lz4`` and a chunk is not a frame.
        MissingExtraError: ``zstd`` is not installed.
    """
    framed = compression != "none"
    header = msgpack.packb(
        {
            "version": VERSION,
            "metadata": metadata.to_map(),
            "reasons": list(reasons),
            "schema": schema.to_list(),
            "affordances": {name: list(cell) for name, cell in metadata.affordance_layout.items()},
        }
    )
    parts = [compress_frame(header, compression) if framed else header]
    offset = len(parts[0])
    unpacked_bytes = len(header)
    refs = []
    for first_step, n_steps, frame in chunks:
        part = _recompressed(frame, compression)
        refs.append(ChunkRef(first_step, n_steps, offset, len(part)))
        parts.append(part)
        offset += len(part)
        unpacked_bytes += content_bytes(frame) if framed else len(part)
    if (misplaced := first_misplaced(refs)) is not None:
        raise UsageError(f"a chunk begins at step {misplaced}, before the end of the one before it")
    content_hash = hash_of(b"".join(parts))
    footer = msgpack.packb(
        {
            "footer": VERSION,
            "chunks": [[ref.offset, ref.n_bytes, ref.first_step, ref.n_steps] for ref in refs],
            "n_steps": sum(ref.n_steps for ref in refs),
            "gaps": [[gap.first_step, gap.end_step, gap.reason] for gap in metadata.gaps],
            "hash": content_hash,
        }
    )
    unpacked_bytes += len(footer)
    if framed:
        parts.append(compress_frame(footer, compression))
        parts.append(TRAILER.pack(SKIPPABLE_MAGIC, 16, TRAILER_TAG, VERSION, offset))
    else:
        parts.append(footer)
    return b"".join(parts), content_hash, unpacked_bytes


def _recompressed(frame: bytes, compression: str) -> bytes:
    """A chunk as the file has it."""
    if compression == "lz4":
        return frame
    content = decompress_frame(frame)
    return content if compression == "none" else compress_frame(content, compression)
