"""Follows an episode, or a run's episodes one after the other, while they are recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from recorder.errors import RecorderError, StreamCorruptError, StreamError
from replay_server.access.public_message import public_message
from replay_server.episodes.library import Library
from replay_server.episodes.live import LiveEpisodes
from replay_server.episodes.live_episode import LiveEpisode
from replay_server.socket.chunk_stream import ChunkStream
from replay_server.socket.connection import Connection
from replay_server.socket.messages import error_code
from replay_server.socket.opened_message import opened_message

if TYPE_CHECKING:
    from replay_server.socket.hub import Hub

__all__ = ["follow"]

Result = TypeVar("Result")

_POLL_SECS = 0.25
"""Flush interval of a trainer."""

_RETRY_SECS = 2.0
"""Pause between attempts to reach Redis."""

_LANE_POLLS = 8
"""Polls without an episode of the wanted lane, 2 s, after which a viewer who waits gets one of any lane."""


async def follow(
    hub: Hub,
    connection: Connection,
    stream: ChunkStream,
    *,
    library: Library,
    live: LiveEpisodes,
    run_id: str,
    episode_id: int | None,
    lane: int | None,
    start: int,
    last_seq: str | None,
    waits: bool,
    stays: bool,
    pump: Callable[[ChunkStream], None],
) -> None:
    """Feed a stream until its episode ends; without ``episode_id``, continue with the run's next episode.

    Args:
        start: step index at which to begin, if it has arrived.
        waits: after the end, report how many episodes of its lane have begun, and wait for the viewer's next request.
        stays: take no episode of another lane, however long the wait.
        last_seq: the client's position before it lost its connection.
        pump: sends what the stream's credit allows.
    """
    is_told_to_wait = False
    n_polls = 0
    while True:
        try:
            wanted = episode_id
            n_polls += 1
            if waits and not stays and n_polls > _LANE_POLLS:
                lane = None
            if wanted is None:
                wanted = await _ask(hub, connection, stream, live.newest, run_id, lane)
            episode = None if wanted is None else await _ask(hub, connection, stream, live.refresh, run_id, wanted)
            if episode is not None:
                is_told_to_wait = False
                await _follow_one(hub, connection, stream, live, episode, start=start, last_seq=last_seq, pump=pump)
                start, last_seq = 0, None
                if waits:
                    await _count_next(hub, connection, stream, live, episode)
                if episode_id is not None:
                    return
                continue
            if episode_id is not None:
                await _open_recording(hub, connection, stream, library, run_id, episode_id, start=start, pump=pump)
                return
        except RecorderError as error:
            _tell(connection, stream, error)
            return
        if not is_told_to_wait or stream.is_cut_off:
            is_told_to_wait, stream.is_cut_off = True, False
            connection.send({"type": "waiting", "id": stream.stream_id, "run_id": run_id})
        await asyncio.sleep(_POLL_SECS)


async def _ask(
    hub: Hub, connection: Connection, stream: ChunkStream, question: Callable[..., Result], *args: Any
) -> Result:
    """Read from the step stream, with retries while Redis can't be reached. The viewer is notified once."""
    while True:
        try:
            return await hub.read(question, *args)
        except StreamCorruptError:
            raise
        except StreamError as error:
            if not stream.is_cut_off:
                stream.is_cut_off = True
                _tell(connection, stream, error)
            await asyncio.sleep(_RETRY_SECS)


async def _follow_one(
    hub: Hub,
    connection: Connection,
    stream: ChunkStream,
    live: LiveEpisodes,
    episode: LiveEpisode,
    *,
    start: int,
    last_seq: str | None,
    pump: Callable[[ChunkStream], None],
) -> None:
    """Feed one episode until it ends."""
    n_announced = _announce(connection, stream, episode, start=start, last_seq=last_seq)
    pump(stream)
    while True:
        newer = await _ask(hub, connection, stream, live.refresh, episode.run_id, episode.episode_id)
        if newer is None:
            episode.is_ended = True  # the stream has deleted it, and the server has dropped it
        elif newer.play_id != episode.play_id:  # the run was resumed and plays the episode again
            episode = newer
            n_announced = _announce(connection, stream, episode, start=0, last_seq=None)
            pump(stream)
        elif newer is not episode:  # read it again from the beginning: the same chunks, and new ones
            stream.source = episode = newer
        if not connection.is_congested:
            is_ended = episode.is_ended  # read first, so that no chunk can arrive between the last read and the end
            n_announced = _announce_growth(connection, stream, episode, n_announced)
            pump(stream)
            if is_ended:
                connection.send(
                    {
                        "type": "ended",
                        "id": stream.stream_id,
                        "episode_id": episode.episode_id,
                        "metadata": episode.metadata.to_map(),
                        "total_steps": episode.n_steps,
                        "outline": episode.outline.to_map(),
                    }
                )
                return
        await asyncio.sleep(_POLL_SECS)


async def _count_next(
    hub: Hub, connection: Connection, stream: ChunkStream, live: LiveEpisodes, ended: LiveEpisode
) -> None:
    """Report each episode that begins in the lane of the ended one, until the viewer's next request cancels this."""
    newest, n_episodes = ended.episode_id, 0
    while True:
        found = await _ask(hub, connection, stream, live.newest, ended.run_id, ended.lane)
        if found is not None and found != newest:
            newest, n_episodes = found, n_episodes + 1
            connection.send({"type": "behind", "id": stream.stream_id, "n_episodes": n_episodes})
        await asyncio.sleep(_POLL_SECS)


def _announce(
    connection: Connection, stream: ChunkStream, episode: LiveEpisode, *, start: int, last_seq: str | None
) -> int:
    """Notify a viewer of an episode; return how many chunks the viewer knows of."""
    n_chunks = len(episode.chunk_rows)
    stream.change_source(episode)
    play_id, _, sequence = (last_seq or "").partition("-")
    resumed = play_id == str(episode.play_id) and sequence.isdigit()
    if resumed:
        stream.next_chunk = episode.number_after(int(sequence))
    elif episode.n_steps:
        stream.next_chunk = stream.chunk_at(min(start, episode.n_steps - 1))
    connection.send_text(
        opened_message(
            episode, stream_id=stream.stream_id, next_chunk=stream.next_chunk, resumed=resumed, n_chunks=n_chunks
        )
    )
    return n_chunks


def _announce_growth(connection: Connection, stream: ChunkStream, episode: LiveEpisode, n_announced: int) -> int:
    """Notify of chunks after the first ``n_announced``; after an outage also without any, so that the viewer knows it
    is over."""
    n_chunks = len(episode.chunk_rows)
    if n_chunks != n_announced or stream.is_cut_off:
        stream.is_cut_off = False
        n_steps = episode.n_steps_in(n_chunks)
        connection.send(
            {
                "type": "grown",
                "id": stream.stream_id,
                "chunks": episode.chunk_rows[n_announced:n_chunks],
                "total_steps": n_steps,
                **episode.outline.growth(episode.n_steps_in(n_announced), n_steps),
                "last_seq": episode.seq_of(n_chunks),
            }
        )
    return n_chunks


async def _open_recording(
    hub: Hub,
    connection: Connection,
    stream: ChunkStream,
    library: Library,
    run_id: str,
    episode_id: int,
    *,
    start: int,
    pump: Callable[[ChunkStream], None],
) -> None:
    """The episode is recorded: continue from its file."""
    recording = await hub.read(library.prepared, run_id, episode_id)
    stream.change_source(recording)
    if recording.n_steps:
        stream.next_chunk = stream.chunk_at(min(start, recording.n_steps - 1))
    connection.send_text(opened_message(recording, stream_id=stream.stream_id, next_chunk=stream.next_chunk))
    pump(stream)


def _tell(connection: Connection, stream: ChunkStream, error: RecorderError) -> None:
    connection.send(
        {
            "type": "error",
            "code": error_code(error),
            "message": public_message(error),
            "re": "follow",
            "id": stream.stream_id,
        }
    )
