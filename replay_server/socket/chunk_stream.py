"""One stream of chunks: its position and the client's credit."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from dataclasses import dataclass

from recorder.errors import UsageError
from replay_server.episodes.live_episode import LiveEpisode
from replay_server.episodes.recorded import OpenedRecording
from replay_server.socket.frames import MAX_PART_BYTES, PART_HEADER, part_header

__all__ = ["ChunkStream"]

_PART_BYTES = MAX_PART_BYTES - PART_HEADER.size


@dataclass(slots=True)
class ChunkStream:
    """One stream.

    Args:
        stream_id: the client's number for it.
        source: provides the chunks; None while ``follow`` waits for an episode.
        credit: chunks that may be sent.
        next_chunk: index of the next chunk.
        is_cut_off: whether the client knows that Redis can't be reached.
        loaded: index and frame of a chunk of ``source`` that was loaded for sending.
        task: follows a live episode.
    """

    stream_id: int
    source: OpenedRecording | LiveEpisode | None
    credit: int
    next_chunk: int = 0
    is_eof_told: bool = False
    is_loading: bool = False
    is_cut_off: bool = False
    loaded: tuple[int, bytes] | None = None
    task: asyncio.Task[None] | None = None
    _frame: bytes = b""
    _frame_number: int = 0
    _offset: int = 0

    @property
    def n_chunks(self) -> int:
        """Number of chunks so far."""
        return 0 if self.source is None else len(self.source.chunk_rows)

    @property
    def has_part(self) -> bool:
        """Whether a chunk is partly sent."""
        return self._offset < len(self._frame)

    def chunk_at(self, index: int) -> int:
        """Return the index of the chunk that has a step.

        Raises:
            UsageError: there is no such step.
        """
        n_steps = 0 if self.source is None else self.source.n_steps
        if self.source is None or not 0 <= index < n_steps:
            raise UsageError(f"step index {index} of an episode of {n_steps} steps: the first is 0")
        return bisect_right(self.source.first_indexes, index) - 1

    def change_source(self, source: OpenedRecording | LiveEpisode | None) -> None:
        """Switch to another episode, from its first chunk. Nothing more of the previous one is sent."""
        self.source = source
        self.next_chunk = 0
        self.is_eof_told = self.is_cut_off = False
        self.loaded = None
        self._frame, self._offset = b"", 0

    def begin(self, frame: bytes) -> None:
        """Begin the next chunk, which takes one credit."""
        self._frame, self._frame_number, self._offset = frame, self.next_chunk, 0
        self.next_chunk += 1
        self.credit -= 1

    def take_part(self) -> bytes:
        """Return the next binary message of the current chunk."""
        start, total = self._offset, len(self._frame)
        self._offset = min(start + _PART_BYTES, total)
        header = part_header(
            is_last=self._offset == total,
            stream_id=self.stream_id,
            chunk_number=self._frame_number,
            offset=start,
            chunk_bytes=total,
        )
        part = header + self._frame[start : self._offset]
        if self._offset == total:
            self._frame, self._offset = b"", 0
        return part

    def seek(self, chunk: int, credit: int) -> None:
        """Set the next chunk; a partly sent one is completed first."""
        self.next_chunk = chunk
        self.credit = credit
        self.is_eof_told = False

    def cancel(self) -> None:
        """Stop following and sending, including a chunk that is being loaded."""
        self.change_source(None)
        if self.task is not None:
            self.task.cancel()
