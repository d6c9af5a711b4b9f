"""A recording that viewers look at: its episode, and what is derived from it once for all of them."""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.catalog import RecordingRow
from recorder.chunk import ColumnData, compress_frame, encode_chunk
from recorder.chunk.frames import FRAME_MAGIC
from recorder.episode_file import Episode
from recorder.errors import ShapeChangedError, UnknownColumnError
from recorder.json_text import to_json
from recorder.outline import MAX_SAMPLES, Outline, StepColumns, chunk_rows, describe_recording, return_weight
from recorder.schema import EXTRAS_PREFIX, STEP_COLUMNS

__all__ = ["OpenedRecording"]

_OVERHEAD_BYTES = 8192
"""Objects around the numbers."""
_MAX_VECTOR_NUMBERS = 1024
"""An extra of more is a picture rather than a vector."""
_OUTLINE_BYTES = 64 * 1024
"""Markers, dull spans and names as text."""


class OpenedRecording:
    """One recording in memory; never changes, so all viewers share it.

    Args:
        row: the catalog's row.
        episode: the file, opened.
        file_bytes: its size.
    """

    live = False

    def __init__(self, row: RecordingRow, episode: Episode, *, file_bytes: int) -> None:
        self.row = row
        self.run_id = row.run_id
        self.episode_id = row.episode_id
        self.episode = episode
        # Chunks are unpacked and columns decoded sooner or later, and kept: counted from the start, so that the bound
        # holds.
        decoded = sum(spec.step_bytes for spec in episode.schema.columns)
        derived = sum(8 * spec.n_values for spec in episode.schema.columns if spec.name in STEP_COLUMNS)
        # The numbers of a version 1 file may be shorter there than here.
        unpacked = max(episode.unpacked_bytes, episode.n_steps * decoded)
        meters = episode.schema.index("meters")
        n_meters = 0 if meters is None else episode.schema.columns[meters].n_values
        n_samples = (3 + n_meters) * min(episode.n_steps, MAX_SAMPLES)
        has_frames = episode.version != 1 and episode.compression == "lz4"
        self.n_bytes = (
            file_bytes
            + (1 if has_frames else 2) * unpacked
            + episode.n_steps * (decoded + derived + 32)
            + 20 * n_samples
            + _OUTLINE_BYTES
            + _OVERHEAD_BYTES
        )

    @property
    def key(self) -> tuple[str, int, str]:
        """Names these bytes."""
        return self.run_id, self.episode_id, self.row.content_hash

    @property
    def n_steps(self) -> int:
        """Steps that the recording holds."""
        return self.episode.n_steps

    @cached_property
    def cumulative_reward(self) -> NDArray[np.float64]:
        """``float64[n_steps]``: the return up to and including each step."""
        columns = self.columns
        return np.cumsum(columns.reward) + return_weight(self.episode.metadata) * np.cumsum(columns.intrinsic_reward)

    @cached_property
    def columns(self) -> StepColumns:
        """The columns that an outline is found from."""
        return StepColumns.of_episode(self.episode)

    @cached_property
    def outline(self) -> Outline:
        """What happened in the episode."""
        return Outline.of(self.episode, self.columns)

    def first_numbers(self, limit: int) -> list[NDArray[np.float64]]:
        """``float64[n_steps]`` each, NaN where there is none: the first numbers of the extras, but for pictures."""
        found: list[NDArray[np.float64]] = []
        for spec in self.episode.schema.columns:
            if not spec.name.startswith(EXTRAS_PREFIX) or not 0 < spec.n_values <= _MAX_VECTOR_NUMBERS:
                continue
            values = self._column(spec.name)
            if values is not None:
                rows = values.reshape(self.n_steps, -1)[:, : limit - len(found)].astype(np.float64)
                found += list(np.where(self.episode.present(spec.name)[:, np.newaxis], rows, np.nan).T)
        return found

    @cached_property
    def chunk_rows(self) -> list[list[Any]]:
        """The rows of ``chunks``, as PROTOCOL.md has them."""
        frames = self._own_frames
        sizes = [ref.n_bytes for ref in self.episode.chunks] if frames is None else [len(frame) for frame in frames]
        return chunk_rows(self.episode, self.columns, sizes)

    @cached_property
    def first_indexes(self) -> list[int]:
        """Index of the first step of each chunk."""
        counts = [ref.n_steps for ref in self.episode.chunks]
        return [0, *accumulate(counts)][: len(counts)]

    def chunk_frame(self, number: int) -> bytes:
        """One chunk as an LZ4 frame.

        Raises:
            EpisodeFileError: the file is corrupt there.
        """
        return self.episode.chunk_bytes(number) if self._own_frames is None else self._own_frames[number]

    @cached_property
    def outline_json(self) -> str:
        """What the ``opened`` message says of the recording, without the braces: the same for every viewer."""
        description = describe_recording(self.episode, self.outline, self.chunk_rows)
        more = {"content_hash": self.row.content_hash, "last_seq": None}
        return to_json({**description, "run_id": self.run_id, "episode_id": self.episode_id, **more})[1:-1]

    @cached_property
    def _own_frames(self) -> list[bytes] | None:
        """Frames made here, of a file that has none: version 1, or written without compression."""
        episode = self.episode
        if episode.version != 1:
            if not episode.chunks or episode.chunk_bytes(0).startswith(FRAME_MAGIC):
                return None
            return [compress_frame(episode.chunk_bytes(number)) for number in range(len(episode.chunks))]
        columns, masks = episode.columns(), {name: episode.present(name) for name in episode.columns()}
        frames = []
        for start, ref in zip(self.first_indexes, episode.chunks, strict=True):
            here = slice(start, start + ref.n_steps)
            data = {}
            for name, values in columns.items():
                present = masks[name][here]
                if present.any():
                    part = values[here]
                    data[name] = ColumnData(part) if present.all() else ColumnData(part[present], present)
            frames.append(encode_chunk(episode.schema, first_step=ref.first_step, n_steps=ref.n_steps, columns=data))
        return frames

    def _column(self, name: str) -> NDArray[Any] | None:
        try:
            return self.episode.column(name)
        except (UnknownColumnError, ShapeChangedError):
            return None
