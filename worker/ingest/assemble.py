"""From the entries of a play to the bytes of its file: pure, so that doing it twice gives the same file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recorder.catalog import EpisodeRow, RecordingRow
from recorder.chunk import Chunk, decode_chunk, unpack_bounded
from recorder.episode import EpisodeMetadata, EpisodeStatus, Gap
from recorder.episode_file import build_version1, build_version2, open_episode
from recorder.errors import EpisodeFileError, StreamCorruptError, UsageError
from recorder.schema import EpisodeSchema
from recorder.step_stream import CHUNK, END, HEADER, StreamEntry
from recorder.storage import episode_path
from worker.ingest.compact import compact_chunks

__all__ = ["AssembledFile", "PlayContent", "assemble", "read_play"]

_MAX_CONTAINERS = 100_000


@dataclass(frozen=True, slots=True)
class PlayContent:
    """The entries of a play, read."""

    producer: str
    schema: EpisodeSchema
    chunks: tuple[tuple[Chunk, bytes], ...]
    metadata: EpisodeMetadata
    is_ended: bool
    """Whether the trainer's own end is there."""


@dataclass(frozen=True, slots=True)
class AssembledFile:
    """A file and its row."""

    name: str
    data: bytes
    recording: RecordingRow


def read_play(entries: Sequence[StreamEntry]) -> PlayContent:
    """Check the entries of one play and take stock of what is missing.

    Without an end (its trainer died) lengths and returns are summed from the steps.

    Raises:
        StreamCorruptError: the header is missing, or an entry is not what the protocol says.
    """
    if not entries or entries[0].kind != HEADER:
        raise StreamCorruptError("the stream has no header: it was lost by the server, or dropped by another program")
    try:
        header = unpack_bounded(entries[0].data, max_containers=_MAX_CONTAINERS)
        schema = EpisodeSchema.from_list(header["schema"])
        chunks = tuple((decode_chunk(entry.data, schema), entry.data) for entry in entries if entry.kind == CHUNK)
        ends = [entry for entry in entries if entry.kind == END]
        body = unpack_bounded(ends[-1].data, max_containers=_MAX_CONTAINERS) if ends else header
        metadata = EpisodeMetadata.from_map(body["metadata"])
    except (EpisodeFileError, UsageError, KeyError, TypeError) as error:
        raise StreamCorruptError(f"the stream's entries are broken: {error}") from error
    if not ends:
        _sum_up(metadata, [chunk for chunk, _ in chunks])
    metadata.gaps = _all_gaps(metadata.gaps, [chunk for chunk, _ in chunks], is_ended=bool(ends))
    metadata.n_steps = sum(chunk.n_steps for chunk, _ in chunks)
    return PlayContent(str(header.get("producer")), schema, chunks, metadata, bool(ends))


def _sum_up(metadata: EpisodeMetadata, chunks: Sequence[Chunk]) -> None:
    metadata.status = EpisodeStatus.SALVAGED
    metadata.survival_steps = chunks[-1].first_step + chunks[-1].n_steps if chunks else 0
    metadata.extrinsic_reward = _sum_of("reward", chunks)
    metadata.intrinsic_reward = _sum_of("intrinsic_reward", chunks)
    metadata.total_reward = metadata.extrinsic_reward + metadata.intrinsic_weight * metadata.intrinsic_reward


def _sum_of(name: str, chunks: Sequence[Chunk]) -> float:
    columns = [chunk.column(name) for chunk in chunks]
    return sum(float(data.values.sum(dtype=np.float64)) for data in columns if data is not None)


def _all_gaps(known: Sequence[Gap], chunks: Sequence[Chunk], *, is_ended: bool) -> tuple[Gap, ...]:
    """The gaps that the trainer knew of, and those that only the chunks show."""
    gaps = list(known)
    marked = {gap.first_step for gap in known}
    end_step = 0
    for chunk in chunks:
        if chunk.first_step < end_step:
            raise StreamCorruptError(f"a chunk begins at step {chunk.first_step}, before step {end_step}")
        if chunk.first_step > end_step and not any(end_step <= first < chunk.first_step for first in marked):
            gaps.append(Gap(end_step, chunk.first_step, "lost"))
        end_step = chunk.first_step + chunk.n_steps
    if not is_ended:
        gaps.append(Gap(end_step, None, "trainer died"))
    return tuple(sorted(gaps, key=lambda gap: gap.first_step))


def assemble(
    row: EpisodeRow, content: PlayContent, *, file_format: int, compression: str, compact_below_steps: int
) -> AssembledFile:
    """Put an episode's file together."""
    metadata, schema = content.metadata, content.schema
    frames = [(chunk.first_step, chunk.n_steps, data) for chunk, data in content.chunks]
    if len(frames) > 1 and metadata.n_steps < compact_below_steps * len(frames):
        frames = compact_chunks([chunk for chunk, _ in content.chunks], schema)
    data, content_hash, unpacked_bytes = build_version2(
        metadata=metadata, reasons=row.reasons, schema=schema, chunks=frames, compression=compression
    )
    if file_format == 1:
        steps = open_episode(data).steps()
        data, unpacked_bytes = build_version1(
            metadata=metadata, reasons=row.reasons, steps=steps, compression=compression
        )
    name = episode_path(row.run_id, row.episode_id, compression=compression)
    recording = RecordingRow(
        run_id=row.run_id,
        episode_id=row.episode_id,
        play_id=row.play_id,
        survival_steps=metadata.survival_steps,
        total_reward=metadata.total_reward,
        curriculum_stage=metadata.curriculum_stage,
        recording_reason=row.reasons[0] if row.reasons else "",
        reasons=row.reasons,
        timestamp=metadata.timestamp,
        file_path=name,
        file_size_bytes=unpacked_bytes,
        compressed_size_bytes=len(data),
        lane=metadata.lane,
        status=str(metadata.status),
        n_steps=metadata.n_steps,
        content_hash=content_hash,
        format_version=file_format,
        epsilon=metadata.epsilon,
        env_steps=metadata.env_steps,
    )
    return AssembledFile(name, data, recording)
