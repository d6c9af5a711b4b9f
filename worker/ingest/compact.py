"""Joins the small chunks of a slow trainer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recorder.chunk import MAX_CHUNK_BYTES, MAX_CHUNK_PICTURE_BYTES, MAX_CHUNK_STEPS, Chunk, ColumnData, encode_chunk
from recorder.schema import ColumnSpec, Encoding, EpisodeSchema

__all__ = ["compact_chunks"]


def compact_chunks(chunks: Sequence[Chunk], schema: EpisodeSchema) -> list[tuple[int, int, bytes]]:
    """Join the chunks into as few as the format allows.

    Returns:
        ``(first_step, n_steps, frame)`` for each chunk. Chunks are not joined across missing steps, or if a column's
        type changes.
    """
    return [_join(group, schema) for group in _groups(chunks)]


def _groups(chunks: Sequence[Chunk]) -> list[list[Chunk]]:
    groups: list[list[Chunk]] = []
    n_steps = number_bytes = picture_bytes = 0
    for chunk in chunks:
        numbers, pictures = _sizes(chunk)
        last = groups[-1][-1] if groups else None
        if (
            last is not None
            and last.first_step + last.n_steps == chunk.first_step
            and n_steps + chunk.n_steps <= MAX_CHUNK_STEPS
            and number_bytes + numbers <= MAX_CHUNK_BYTES
            and picture_bytes + pictures <= MAX_CHUNK_PICTURE_BYTES
            and _agree(last, chunk)
        ):
            groups[-1].append(chunk)
            n_steps += chunk.n_steps
            number_bytes, picture_bytes = number_bytes + numbers, picture_bytes + pictures
        else:
            groups.append([chunk])
            n_steps, number_bytes, picture_bytes = chunk.n_steps, numbers, pictures
    return groups


def _sizes(chunk: Chunk) -> tuple[int, int]:
    """Bytes of a chunk's numbers and texts, and of its pictures, not encoded."""
    numbers = pictures = 0
    for name in chunk.names:
        spec = chunk.spec(name)
        n_bytes = spec.step_bytes * int(chunk.present(name).sum())
        if spec.encoding is Encoding.XOR:
            pictures += n_bytes
        elif spec.is_text:
            numbers += chunk.stored_bytes(name)
        else:
            numbers += n_bytes
    return numbers, pictures


def _agree(one: Chunk, other: Chunk) -> bool:
    """Return whether both chunks have the same columns, of the same dtypes and shapes, and of texts or of numbers."""
    return set(one.names) == set(other.names) and all(
        _kind(one.spec(name)) == _kind(other.spec(name)) for name in one.names
    )


def _kind(spec: ColumnSpec) -> tuple[str, tuple[int, ...], bool]:
    return spec.dtype, spec.shape, spec.is_text


def _join(group: Sequence[Chunk], schema: EpisodeSchema) -> tuple[int, int, bytes]:
    n_steps = sum(chunk.n_steps for chunk in group)
    columns = {}
    for name in group[0].names:
        parts = [(chunk, data) for chunk in group if (data := chunk.column(name)) is not None]
        values = np.concatenate([data.values for _, data in parts])
        present = None
        if any(data.present is not None for _, data in parts):
            present = np.concatenate(
                [np.ones(chunk.n_steps, np.bool_) if data.present is None else data.present for chunk, data in parts]
            )
        columns[name] = ColumnData(values, present)
    first_step = group[0].first_step
    return first_step, n_steps, encode_chunk(schema, first_step=first_step, n_steps=n_steps, columns=columns)
