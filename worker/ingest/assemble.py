"""Turns the stream entries of a play into the bytes of its file. Pure: the same entries give the same file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from recorder.agents.table import agent_table
from recorder.catalog import EpisodeToWrite, RecordingRow
from recorder.chunk import Chunk, decode_chunk
from recorder.episode import EpisodeMetadata, EpisodeStatus, Gap, return_of
from recorder.episode_file import Episode, build_version1, build_version2, open_episode
from recorder.errors import EpisodeFileError, StreamCorruptError, UsageError
from recorder.framing import unpack_bounded
from recorder.schema import EpisodeSchema
from recorder.step_stream import CHUNK, END, HEADER, UNKNOWN, StreamEntry
from recorder.storage import episode_path
from worker.ingest.compact import compact_chunks

__all__ = ["AssembledFile", "PlayContent", "assemble", "read_play", "read_producer"]

_MAX_CONTAINERS = 100_000


@dataclass(frozen=True, slots=True)
class PlayContent:
    """The decoded entries of a play."""

    producer: str
    is_resumed: bool
    """Whether it replaces an earlier play of the same episode."""
    schema: EpisodeSchema
    chunks: tuple[tuple[Chunk, bytes], ...]
    metadata: EpisodeMetadata


@dataclass(frozen=True, slots=True)
class AssembledFile:
    """A file and its catalog row."""

    name: str
    data: bytes
    recording: RecordingRow
    compression: str


def read_play(
    entries: Sequence[StreamEntry], *, until_step: int | None = None, earlier: Episode | None = None
) -> PlayContent:
    """Decode and check the entries of one play, and find its gaps.

    If there is no end entry because the trainer died, lengths and returns are summed from the steps.

    Args:
        until_step: where the play ended when it was salvaged; what its trainer sent after that is left out.
        earlier: what was salvaged of the play before its trainer went on. It may be all that there is of the play's beginning,
            header included.

    Raises:
        StreamCorruptError: the header is missing, or an entry is invalid.
    """
    if not entries and earlier is None:
        raise StreamCorruptError(
            "its steps are no longer in Redis: Redis was emptied, lost its data, or another program deleted them"
        )
    for entry in entries:
        if entry.kind == UNKNOWN:
            raise StreamCorruptError(f"stream entry {entry.entry_id}: {entry.data.decode()}")
    try:
        header, schema = _read_header(entries, earlier)
        chunks = [(decode_chunk(entry.data, schema), entry.data) for entry in entries if entry.kind == CHUNK]
        ends = [entry for entry in entries if entry.kind == END]
        if until_step is not None:
            chunks, ends = [pair for pair in chunks if _stop_of(pair[0]) <= until_step], []
        if earlier is not None:
            chunks = _joined(earlier, chunks, schema)
        body = unpack_bounded(ends[-1].data, max_containers=_MAX_CONTAINERS) if ends else header
        metadata = EpisodeMetadata.from_map(body["metadata"])
    except (EpisodeFileError, UsageError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise StreamCorruptError(f"a stream entry is invalid: {error}") from error
    read = [chunk for chunk, _ in chunks]
    n_sent = metadata.n_steps if ends else None
    if not ends:
        _sum_up(metadata, read)
    metadata.gaps = _all_gaps(metadata.gaps, read, n_sent=n_sent)
    metadata.n_steps = sum(chunk.n_steps for chunk in read)
    metadata.agents = agent_table(read, intrinsic_weight=metadata.intrinsic_weight, given=metadata.agents)
    return PlayContent(str(header.get("producer")), bool(header.get("resumed")), schema, tuple(chunks), metadata)


def read_producer(header: StreamEntry) -> str | None:
    """Return the producer id in a header entry, or None if the entry is not a header."""
    try:
        return str(unpack_bounded(header.data, max_containers=_MAX_CONTAINERS)["producer"])
    except (EpisodeFileError, LookupError, TypeError):
        return None


def _read_header(entries: Sequence[StreamEntry], earlier: Episode | None) -> tuple[Mapping[str, Any], EpisodeSchema]:
    if entries and entries[0].kind == HEADER:
        header = unpack_bounded(entries[0].data, max_containers=_MAX_CONTAINERS)
        return header, EpisodeSchema.from_list(header["schema"])
    if earlier is None:
        raise StreamCorruptError("the stream has no header: it was lost by the server, or dropped by another program")
    metadata = earlier.metadata.to_map()
    metadata["gaps"] = [gap for gap in metadata["gaps"] if gap[1] is not None]
    return {"producer": "sweep", "metadata": metadata}, earlier.schema


def _joined(
    earlier: Episode, chunks: Sequence[tuple[Chunk, bytes]], schema: EpisodeSchema
) -> list[tuple[Chunk, bytes]]:
    """The chunks of the file, then those of the stream; where a trainer has sent some of them again, those of the file."""
    saved = compact_chunks([earlier.chunk(index) for index in range(len(earlier.chunks))], schema)
    joined = [(decode_chunk(frame, schema), frame) for _, _, frame in saved]
    end_step = _stop_of(joined[-1][0]) if joined else 0
    return joined + [pair for pair in chunks if _stop_of(pair[0]) > end_step]


def _stop_of(chunk: Chunk) -> int:
    return chunk.first_step + chunk.n_steps


def _sum_up(metadata: EpisodeMetadata, chunks: Sequence[Chunk]) -> None:
    metadata.status = EpisodeStatus.SALVAGED
    metadata.survival_steps = chunks[-1].first_step + chunks[-1].n_steps if chunks else 0
    metadata.extrinsic_reward = _sum_of("reward", chunks)
    metadata.intrinsic_reward = _sum_of("intrinsic_reward", chunks)
    metadata.total_reward = return_of(metadata.extrinsic_reward, metadata.intrinsic_reward, metadata.intrinsic_weight)


def _sum_of(name: str, chunks: Sequence[Chunk]) -> float:
    columns = [chunk.column(name) for chunk in chunks]
    return sum(float(data.values.sum(dtype=np.float64)) for data in columns if data is not None)


def _all_gaps(known: Sequence[Gap], chunks: Sequence[Chunk], *, n_sent: int | None) -> tuple[Gap, ...]:
    """Return the gaps that the trainer reported and those between the chunks.

    Args:
        n_sent: number of steps that the trainer says it sent; None if the trainer died.
    """
    closed = [(gap.first_step, gap.end_step) for gap in known if gap.end_step is not None]
    spans = [(chunk.first_step, chunk.first_step + chunk.n_steps) for chunk in chunks]
    for (_, stop), (first, _) in pairwise(spans):
        if first < stop:
            raise StreamCorruptError(f"a chunk begins at step {first}, before step {stop}")
    gaps = list(known)
    end_step = 0
    for first, stop in sorted(closed + spans):
        if first > end_step:
            gaps.append(Gap(end_step, first, "lost"))
        end_step = max(end_step, stop)
    if n_sent is None:
        gaps.append(Gap(end_step, None, "trainer died"))
    else:
        last = n_sent + sum(stop - first for first, stop in closed)
        if last > end_step:
            gaps.append(Gap(end_step, last, "lost"))
    return tuple(sorted(gaps, key=lambda gap: gap.first_step))


def assemble(
    row: EpisodeToWrite, content: PlayContent, *, file_format: int, compression: str, compact_below_steps: int
) -> AssembledFile:
    """Build an episode's file and its catalog row."""
    metadata, schema = content.metadata, content.schema
    metadata.curriculum_stage = row.curriculum_stage  # an episode that was cut off has the stage of its lane
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
    name = episode_path(row.run_id, row.episode_id, compression=compression, replaced_plays=row.replaced_plays)
    recording = RecordingRow(
        run_id=row.run_id,
        episode_id=row.episode_id,
        play_id=row.play_id,
        survival_steps=metadata.survival_steps,
        total_reward=metadata.total_reward,
        curriculum_stage=metadata.curriculum_stage,
        recording_reason=row.reasons[0] if row.reasons else "",
        reasons=row.reasons,
        timestamp=metadata.timestamp or 0.0,
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
        seed=metadata.seed,
        agents=metadata.agents,
    )
    return AssembledFile(name, data, recording, compression)
