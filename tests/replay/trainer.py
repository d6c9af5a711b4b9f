"""A trainer in tests, reduced to what it sends: the entries of one episode, chunk by chunk."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgpack
import numpy as np

from recorder.step_stream import CHUNK, END, HEADER, Flush, Outgoing, Play, StepStream
from tests.episodes import make_chunks, make_columns, make_metadata

CHUNK_STEPS = 16


class Trainer:
    """One episode on its way into a stream.

    Args:
        n_chunks: chunks of 16 steps that it will have.
        columns: as many steps as these have, instead.
    """

    def __init__(
        self,
        stream: StepStream,
        run_id: str,
        episode_id: int,
        *,
        play_id: int = 1,
        lane: int = 0,
        n_chunks: int = 8,
        columns: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self._stream = stream
        self._run_id = run_id
        self.play = Play(episode_id, play_id)
        self._lane = lane
        self._sequence = 0
        columns = make_columns(n_chunks * CHUNK_STEPS, seed=play_id) if columns is None else columns
        self.schema, self.chunks = make_chunks(columns, chunk_steps=CHUNK_STEPS)
        self.metadata = make_metadata(run_id, episode_id, len(columns["reward"]), lane=lane)

    def begin(self) -> None:
        """Send the header."""
        body = {"lane": self._lane, "schema": self.schema.to_list(), "metadata": self.metadata.to_map()}
        self._send(HEADER, msgpack.packb(body))

    def send_chunk(self, number: int) -> None:
        """Send one chunk."""
        self._send(CHUNK, self.chunks[number][2])

    def end(self) -> None:
        """Send the end."""
        self._send(END, msgpack.packb({"metadata": self.metadata.to_map()}), closes=True)

    def drop(self) -> None:
        """What a worker does when the episode is not kept."""
        self._stream.drop_plays(self._run_id, [self.play])

    def _send(self, kind: str, data: bytes, *, closes: bool = False) -> None:
        self._sequence += 1
        entry = Outgoing(self.play, self._sequence, kind, data)  # type: ignore[arg-type]
        active = {} if closes else {self.play: time.time()}
        self._stream.send(self._run_id, Flush([entry], active=active, closed=[self.play] if closes else []))
