"""Writes a recording in another version or compression."""

from __future__ import annotations

from typing import NamedTuple

from recorder.chunk import ColumnData, encode_chunk, spec_of
from recorder.episode_file import Episode, build_version1, build_version2, open_episode
from recorder.framing import as_lz4
from recorder.schema import ColumnSpec, EpisodeSchema

__all__ = ["Conversion", "convert_bytes", "convert_episode"]

_PYTHON_DTYPES = frozenset(["|b1", "<i8", "<f8"])
"""Dtypes of Python's numbers, the only ones that version 1 distinguishes."""


class Conversion(NamedTuple):
    """The new file's bytes, and descriptions of what was lost."""

    data: bytes
    losses: tuple[str, ...]


def convert_bytes(data: bytes, *, version: int, compression: str = "lz4") -> Conversion:
    """Convert a recording.

    Args:
        data: the file.
        version: 1 or 2.
        compression: ``lz4``, ``zstd`` or ``none``.

    Raises:
        MissingExtraError: ``zstd`` is not installed.
        EpisodeFileError: the file is damaged. A torn file is converted up to its end, with a gap after it.
    """
    return convert_episode(open_episode(data), version=version, compression=compression)


def convert_episode(episode: Episode, *, version: int, compression: str = "lz4") -> Conversion:
    """Convert an opened recording; see ``convert_bytes``."""
    episode.check()
    torn = (
        () if episode.torn_at is None else (f"the file is torn; the new file also ends before step {episode.torn_at}",)
    )
    if version == 1:
        converted, _ = build_version1(
            metadata=episode.metadata, reasons=episode.reasons, steps=episode.steps(), compression=compression
        )
        return Conversion(converted, (*torn, *_losses_of_version1(episode)))
    schema, chunks = _existing_chunks(episode) if episode.version == 2 else _new_chunks(episode)
    converted, _, _ = build_version2(
        metadata=episode.metadata, reasons=episode.reasons, schema=schema, chunks=chunks, compression=compression
    )
    return Conversion(converted, torn)


def _losses_of_version1(episode: Episode) -> tuple[str, ...]:
    chunks = [episode.chunk(index) for index in range(len(episode.chunks))]
    specs = {chunk.spec(name) for chunk in chunks for name in chunk.names}
    narrow = sorted(
        f"{spec.name} ({spec.dtype})" for spec in specs if spec.dtype not in _PYTHON_DTYPES and not spec.is_text
    )
    return (f"version 1 keeps values but not dtypes: {', '.join(narrow)}",) if narrow else ()


def _existing_chunks(episode: Episode) -> tuple[EpisodeSchema, list[tuple[int, int, bytes]]]:
    """The chunks of a version 2 file, not encoded again."""
    chunks = []
    for index, ref in enumerate(episode.chunks):
        part = episode.chunk_bytes(index)
        chunks.append((ref.first_step, ref.n_steps, as_lz4(part)))
    return episode.schema, chunks


def _new_chunks(episode: Episode) -> tuple[EpisodeSchema, list[tuple[int, int, bytes]]]:
    """Chunks with the steps of a version 1 file."""
    parts = [episode.chunk(index) for index in range(len(episode.chunks))]
    columns = [{name: data for name in part.names if (data := part.column(name)) is not None} for part in parts]
    specs: dict[str, ColumnSpec] = {}
    for part_columns in columns:
        for name, data in part_columns.items():
            if name not in specs:
                specs[name] = spec_of(name, data.values)
    schema = EpisodeSchema(tuple(specs.values()))
    return schema, [_encode(schema, part.first_step, part.n_steps, of) for part, of in zip(parts, columns, strict=True)]


def _encode(
    schema: EpisodeSchema, first_step: int, n_steps: int, columns: dict[str, ColumnData]
) -> tuple[int, int, bytes]:
    return first_step, n_steps, encode_chunk(schema, first_step=first_step, n_steps=n_steps, columns=columns)
