"""An open recording: its episode, and what is derived from it once for all viewers."""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.agents.columns import parse_agent_column
from recorder.catalog import RecordingRow
from recorder.chunk import encode_chunk
from recorder.episode import return_of
from recorder.episode_file import Episode
from recorder.episode_file.chunk_cache import MAX_KEPT_BYTES
from recorder.errors import ShapeChangedError, UnknownColumnError
from recorder.framing import as_lz4
from recorder.outline import Outline, StepColumns, chunk_rows, describe_recording
from recorder.outline.step_columns import unusual_numbers
from recorder.schema import EXTRAS_PREFIX
from recorder.values.json_text import to_json
from replay_server.memory import Held

__all__ = ["OpenedRecording", "bytes_taken"]

_OVERHEAD_BYTES = 8192
"""Overhead of objects around the numbers."""
_MAX_VECTOR_NUMBERS = 1024
"""A larger extra is an image, not a vector."""
_OUTLINE_BYTES = 64 * 1024
"""Markers, dull spans and names as text."""
_AGENT_BYTES = 12 * 1024
"""An agent's part of the outline: presence, and samples of its return as numbers and as text."""

_OUTLINE_COLUMNS = (
    "reward", "intrinsic_reward", "position", "meters", "action", "q_values", "action_masks", "interaction_progress",
)  # fmt: skip
"""Decoded for the whole episode; all others are decoded by chunk on request."""
_CHUNK_ROW_BYTES = 800
"""Overhead per chunk, here and in the episode."""
_HEADER_GROWTH = 16
"""How much larger small texts and numbers are as objects than in the file."""
_MAX_UNLISTED_BYTES = 64 * 2**20
"""Size of an outline's column that is not in the schema because it appeared in mid-episode."""


def bytes_taken(episode: Episode, *, file_bytes: int) -> int:
    """Estimate the memory of an ``OpenedRecording`` with all that is decoded later, without decoding anything.

    Args:
        file_bytes: size of the file.
    """
    listed = [spec for spec in episode.schema.columns if spec.name in _OUTLINE_COLUMNS]
    if episode.version == 1:  # columns are all in memory, and chunks are encoded here
        chunks = 2 * sum(episode.chunk(number).n_bytes for number in range(len(episode.chunks)))
    else:
        chunks = 2 * min(episode.unpacked_bytes, MAX_KEPT_BYTES) + (
            0 if episode.compression == "lz4" else 2 * file_bytes
        )
    # Each column as it is decoded and as it is used; a promoted one may be twice as wide.
    per_step = sum(2 * spec.step_bytes + 16 * spec.n_values for spec in listed) + 64
    return (
        file_bytes
        + chunks
        + episode.n_steps * per_step
        + len(episode.chunks) * _CHUNK_ROW_BYTES
        + episode.header_bytes * _HEADER_GROWTH
        + _OUTLINE_BYTES
        + len(episode.metadata.agents) * _AGENT_BYTES
        + _OVERHEAD_BYTES
    )


class OpenedRecording:
    """One recording in memory; immutable, so all viewers share it.

    Args:
        row: the catalog's row.
        episode: the opened file.
        held: its share of the memory budget, initially ``bytes_taken``; grows with columns that are not in the
            schema.
    """

    live = False

    def __init__(self, row: RecordingRow, episode: Episode, held: Held) -> None:
        self.row = row
        self.run_id = row.run_id
        self.episode_id = row.episode_id
        self.episode = episode
        self._held = held
        listed = {spec.name: spec for spec in episode.schema.columns}
        episode.max_column_bytes = {
            name: 2 * episode.n_steps * max(listed[name].step_bytes, 8) if name in listed else _MAX_UNLISTED_BYTES
            for name in _OUTLINE_COLUMNS
        }

    @property
    def n_bytes(self) -> int:
        """Bytes of memory, including what is decoded later."""
        return self._held.n_bytes

    @property
    def key(self) -> tuple[str, int, str]:
        """Identifies these bytes."""
        return self.run_id, self.episode_id, self.row.content_hash

    @property
    def n_steps(self) -> int:
        """Steps that the recording has."""
        return self.episode.n_steps

    @cached_property
    def cumulative_reward(self) -> NDArray[np.float64]:
        """``float64[n_steps]``: the return up to and including each step."""
        columns = self.columns
        with unusual_numbers():
            sums = np.cumsum(columns.reward), np.cumsum(columns.intrinsic_reward)
            return return_of(*sums, self.episode.metadata.intrinsic_weight)

    @cached_property
    def columns(self) -> StepColumns:
        """The columns from which the outline is made."""
        self.episode.decode(_OUTLINE_COLUMNS)
        return StepColumns.of_episode(self.episode, read=self._column)

    @cached_property
    def outline(self) -> Outline:
        """Markers, dull spans and the other parts of the outline."""
        return Outline.of(self.episode, self.columns)

    def first_numbers(self, limit: int) -> list[NDArray[np.float64]]:
        """``float64[n_steps]`` each, NaN where missing: the first components of the extras, except images and texts."""
        found: list[NDArray[np.float64]] = []
        for spec in self.episode.schema.columns:
            is_vector = 0 < spec.n_values <= _MAX_VECTOR_NUMBERS and not spec.is_text
            if not spec.name.startswith(EXTRAS_PREFIX) or not is_vector or parse_agent_column(spec.name) is not None:
                continue
            found += self._first_numbers_of(spec.name, limit - len(found))
            if len(found) == limit:
                break
        return found

    def _first_numbers_of(self, name: str, limit: int) -> list[NDArray[np.float64]]:
        """The same for one column; empty if its shape changes."""
        rows = np.full((self.n_steps, limit), np.nan)
        widths = set()
        start = 0
        for chunk, _ in self.episode.chunks_between(0, self.n_steps):
            data = chunk.column(name)
            if data is not None and not chunk.spec(name).is_text:
                values = data.values.reshape(len(data.values), -1)[:, :limit].astype(np.float64)
                widths.add(values.shape[1])
                here = rows[start : start + chunk.n_steps, : values.shape[1]]
                here[slice(None) if data.present is None else data.present] = values
            start += chunk.n_steps
        return list(rows.T[: widths.pop()]) if len(widths) == 1 else []

    @cached_property
    def chunk_rows(self) -> list[list[Any]]:
        """The rows of ``chunks`` in PROTOCOL.md."""
        frames = self._own_frames
        sizes = [ref.n_bytes for ref in self.episode.chunks] if frames is None else [len(frame) for frame in frames]
        return chunk_rows(self.episode, self.columns, sizes)

    @cached_property
    def first_indexes(self) -> list[int]:
        """Index of the first step of each chunk."""
        counts = [ref.n_steps for ref in self.episode.chunks]
        return [0, *accumulate(counts)][: len(counts)]

    def chunk_frame(self, number: int) -> bytes:
        """Return one chunk as an LZ4 frame.

        Raises:
            EpisodeFileError: the file is corrupt there.
        """
        return self.episode.chunk_bytes(number) if self._own_frames is None else self._own_frames[number]

    @cached_property
    def outline_json(self) -> str:
        """The recording's part of the ``opened`` message without braces; the same for all viewers."""
        description = describe_recording(self.episode, self.outline, self.chunk_rows)
        more = {"content_hash": self.row.content_hash, "last_seq": None}
        return to_json({**description, "run_id": self.run_id, "episode_id": self.episode_id, **more})[1:-1]

    @cached_property
    def _own_frames(self) -> list[bytes] | None:
        """LZ4 frames encoded here, for a file without them: version 1, or with another compression. The page reads these."""
        episode = self.episode
        if episode.version != 1:
            if episode.compression == "lz4":
                return None
            return [as_lz4(episode.chunk_bytes(number)) for number in range(len(episode.chunks))]
        chunks = (chunk for chunk, _ in episode.chunks_between(0, self.n_steps))
        return [
            encode_chunk(
                episode.schema, first_step=chunk.first_step, n_steps=chunk.n_steps, columns=chunk.columns(chunk.names)
            )
            for chunk in chunks
        ]

    def _column(self, name: str) -> NDArray[Any] | None:
        try:
            values = self.episode.column(name)
        except (UnknownColumnError, ShapeChangedError):
            return None
        if self.episode.schema.index(name) is None:
            self._held.grow_to(self._held.n_bytes + 3 * values.nbytes)
        return values
