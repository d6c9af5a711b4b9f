"""One play of an episode that is still being recorded, as far as its entries have arrived."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recorder.chunk import decode_chunk
from recorder.episode import EpisodeMetadata
from recorder.errors import StreamCorruptError
from recorder.framing import unpack_bounded
from recorder.outline import Outline
from recorder.schema import EpisodeSchema
from recorder.step_stream import StreamEntry

__all__ = ["LiveEpisode", "begin_episode"]

_MAX_CONTAINERS = 100_000


@dataclass(slots=True)
class LiveEpisode:
    """One play of an episode, as far as it has arrived.

    Reader threads extend it while viewers read it. Lists only grow, ``chunk_rows`` last, so what the first ``n_chunks``
    cover does not change.
    """

    run_id: str
    episode_id: int
    play_id: int
    lane: int
    metadata: EpisodeMetadata
    schema: EpisodeSchema
    outline: Outline
    last_seq: str
    chunk_rows: list[list[Any]] = field(default_factory=list)
    """In the format of PROTOCOL.md."""
    first_indexes: list[int] = field(default_factory=list)
    sequences: list[int] = field(default_factory=list)
    """Sequence number of each chunk's entry."""
    n_steps: int = 0
    is_ended: bool = False

    def n_steps_in(self, n_chunks: int) -> int:
        """Return the number of steps in the first ``n_chunks`` chunks."""
        return 0 if n_chunks == 0 else self.first_indexes[n_chunks - 1] + int(self.chunk_rows[n_chunks - 1][1])

    def seq_of(self, n_chunks: int) -> str:
        """Return the stream position of the last of the first ``n_chunks`` chunks, or of the header."""
        return f"{self.play_id}-{self.sequences[n_chunks - 1] if n_chunks else 1}"

    def number_after(self, sequence: int) -> int:
        """Return the index of the first chunk after an entry."""
        return bisect_right(self.sequences, sequence)

    def add_chunk(self, entry: StreamEntry) -> None:
        """Add a chunk.

        Raises:
            EpisodeFileError: it is not a chunk.
        """
        chunk = decode_chunk(entry.data, self.schema)
        before = [self.outline.reward_so_far, self.outline.intrinsic_so_far]
        self.outline.add_chunk(chunk)
        self.first_indexes.append(self.n_steps)
        self.sequences.append(entry.sequence)
        self.n_steps += chunk.n_steps
        self.chunk_rows.append([chunk.first_step, chunk.n_steps, len(entry.data), *before])

    def end(self, entry: StreamEntry) -> None:
        """Mark the episode as finished by the trainer.

        Raises:
            EpisodeFileError: the entry has no metadata.
        """
        metadata = EpisodeMetadata.from_map(_map_of(entry)["metadata"])
        self.metadata = metadata
        self.outline.close(metadata, metadata.gaps)
        self.is_ended = True


def begin_episode(run_id: str, episode_id: int, entry: StreamEntry) -> LiveEpisode:
    """Return the episode that a header entry begins.

    Raises:
        StreamCorruptError: the entry is not a map.
    """
    header = _map_of(entry)
    metadata = EpisodeMetadata.from_map(header["metadata"])
    schema = EpisodeSchema.from_list(header["schema"])
    return LiveEpisode(
        run_id=run_id,
        episode_id=episode_id,
        play_id=entry.play_id,
        lane=int(header.get("lane", 0)),
        metadata=metadata,
        schema=schema,
        outline=Outline(metadata, schema, metadata.affordance_layout),
        last_seq=entry.entry_id,
    )


def _map_of(entry: StreamEntry) -> Mapping[str, Any]:
    body = unpack_bounded(entry.data, max_containers=_MAX_CONTAINERS)
    if not isinstance(body, dict):
        raise StreamCorruptError(f"stream entry {entry.entry_id}: expected a map, found {body!r:.60}")
    return body
