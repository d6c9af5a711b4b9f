"""Short ways to write what a trainer sends."""

from __future__ import annotations

from typing import Any

import msgpack

from recorder.step_stream import CHUNK, END, HEADER, Flush, Outgoing, Play, StepStream, StreamEntry

RUN = "run"
PLAY = Play(episode_id=7, play_id=1000)
LATER_PLAY = Play(episode_id=7, play_id=2000)


def header(play: Play = PLAY, data: bytes = b"header") -> Outgoing:
    return Outgoing(play, 1, HEADER, data)


def chunk(play: Play = PLAY, sequence: int = 2, data: bytes | None = None) -> Outgoing:
    return Outgoing(play, sequence, CHUNK, b"chunk %d" % sequence if data is None else data)


def end(play: Play = PLAY, sequence: int = 3, data: bytes = b"end") -> Outgoing:
    return Outgoing(play, sequence, END, data)


def finished(**body: Any) -> bytes:
    packed: bytes = msgpack.packb(body)
    return packed


def send_play(stream: StepStream, play: Play = PLAY, n_chunks: int = 1, run_id: str = RUN) -> list[StreamEntry]:
    """Send a whole play; gives its entries as a reader has to see them."""
    entries = [header(play), *(chunk(play, 2 + i) for i in range(n_chunks)), end(play, 2 + n_chunks)]
    assert stream.send(run_id, Flush(entries)) == []
    return [StreamEntry(play.play_id, entry.sequence, entry.kind, entry.data) for entry in entries]
