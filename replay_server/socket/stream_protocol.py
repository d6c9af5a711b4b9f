"""Streams of chunks: the server sends the file's bytes, and the client paces them by credit."""

from __future__ import annotations

from collections.abc import Mapping

from recorder.errors import RecorderError
from recorder.values.json_text import to_json
from replay_server.access.public_message import public_message
from replay_server.episodes.library import Library
from replay_server.episodes.live import LiveEpisodes
from replay_server.episodes.recorded import OpenedRecording
from replay_server.socket.chunk_stream import ChunkStream
from replay_server.socket.connection import Connection
from replay_server.socket.follow import follow
from replay_server.socket.hub import Hub
from replay_server.socket.messages import Handler, Message, MessageError, error_code
from replay_server.socket.opened_message import opened_message

__all__ = ["StreamProtocol"]

_MAX_STREAM_ID = 2**16 - 1


class StreamProtocol:
    """One viewer's streams.

    Args:
        hub: opens recordings on other threads, and runs the followers.
        connection: where chunks go.
        library: recordings.
        live: episodes that are being recorded; None if the server has no step stream.
    """

    def __init__(self, hub: Hub, connection: Connection, library: Library, live: LiveEpisodes | None) -> None:
        self._hub = hub
        self._connection = connection
        self._library = library
        self._live = live
        self._streams: dict[int, ChunkStream] = {}
        self.handlers: Mapping[str, Handler] = {
            "open": self._open,
            "credit": self._credit,
            "seek": self._seek,
            "close": self._close,
            "follow": self._follow,
        }

    @property
    def is_following(self) -> bool:
        """Whether any stream waits for a trainer."""
        return any(stream.task is not None and not stream.task.done() for stream in self._streams.values())

    def close(self) -> None:
        """Called when the viewer is gone."""
        for stream in self._streams.values():
            stream.cancel()
        self._streams.clear()

    def pump_all(self) -> None:
        """Send what the credit allows, on all streams."""
        for stream in list(self._streams.values()):
            self.pump(stream)

    def pump(self, stream: ChunkStream) -> None:
        """Send what the credit allows, unless too many bytes are unsent."""
        while not self._connection.is_congested:
            if stream.has_part:
                self._connection.send_binary(stream.take_part())
                continue
            if stream.next_chunk >= stream.n_chunks:
                if isinstance(stream.source, OpenedRecording) and not stream.is_eof_told:
                    stream.is_eof_told = True
                    self._connection.send({"type": "eof", "id": stream.stream_id})
                return
            if stream.credit <= 0:
                return
            frame = self._ready_chunk(stream)
            if frame is None:
                return
            stream.begin(frame)

    async def _open(self, message: Message) -> None:
        stream_id, credit, start = self._id_of(message), self._credit_of(message), message.integer("from", 0)
        episode_id, run_id = message.integer("episode_id"), message.optional_text("run_id")
        self._make_room(stream_id)
        recording = await self._hub.read(self._library.prepared, run_id, episode_id)
        stream = ChunkStream(stream_id, recording, credit)
        if start or recording.n_steps:
            stream.next_chunk = stream.chunk_at(start)
        self._replace(stream)
        self._connection.queue_text(opened_message(recording, stream_id=stream_id, next_chunk=stream.next_chunk))
        self.pump(stream)
        self._connection.flush()

    async def _follow(self, message: Message) -> None:
        stream_id, credit, start = self._id_of(message), self._credit_of(message), message.integer("from", 0)
        run_id, last_seq = message.optional_text("run_id"), message.optional_text("last_seq", longest=64)
        episode_id, lane = message.optional_integer("episode_id"), message.optional_integer("lane")
        if run_id is None:
            raise MessageError("bad_message", "follow: expected 'run_id' to be a text, found nothing")
        if self._live is None:
            raise MessageError(
                "unavailable",
                "this server can't see live runs: start it with recording.redis.url set to their Redis",
            )
        self._make_room(stream_id)
        stream = ChunkStream(stream_id, None, credit)
        self._replace(stream)
        stream.task = self._hub.spawn(
            follow(
                self._hub,
                self._connection,
                stream,
                library=self._library,
                live=self._live,
                run_id=run_id,
                episode_id=episode_id,
                lane=lane,
                start=start,
                last_seq=last_seq,
                waits=message.body.get("waits") is True,
                stays=message.body.get("stays") is True,
                pump=self.pump,
            )
        )

    async def _credit(self, message: Message) -> None:
        stream = self._require(message)
        n_chunks = message.integer("n", least=1, most=self._hub.limits.max_credit)
        stream.credit = min(stream.credit + n_chunks, self._hub.limits.max_credit)
        self.pump(stream)

    async def _seek(self, message: Message) -> None:
        stream = self._require(message)
        step, credit = message.integer("step"), self._credit_of(message)
        stream.seek(stream.chunk_at(step), credit)
        answer = {"type": "seeked", "id": stream.stream_id, "step": step, "next_chunk": stream.next_chunk}
        self._connection.queue_text(to_json(answer).encode())
        self.pump(stream)
        self._connection.flush()

    async def _close(self, message: Message) -> None:
        stream = self._require(message)
        stream.cancel()
        del self._streams[stream.stream_id]
        self._connection.send({"type": "closed", "id": stream.stream_id})

    def _id_of(self, message: Message) -> int:
        return message.integer("id", most=_MAX_STREAM_ID)

    def _credit_of(self, message: Message) -> int:
        return message.integer("credit", 1, most=self._hub.limits.max_credit)

    def _require(self, message: Message) -> ChunkStream:
        stream = self._streams.get(self._id_of(message))
        if stream is None:
            raise MessageError(
                "no_episode", f"{message.type}: no stream has the id {message.id}: send open or follow first"
            )
        return stream

    def _make_room(self, stream_id: int) -> None:
        limit = self._hub.limits.max_streams
        if stream_id not in self._streams and len(self._streams) >= limit:
            raise MessageError("too_many", f"a connection holds at most {limit} streams: close one first")

    def _replace(self, stream: ChunkStream) -> None:
        before = self._streams.pop(stream.stream_id, None)
        if before is not None:
            before.cancel()
        self._streams[stream.stream_id] = stream

    def _ready_chunk(self, stream: ChunkStream) -> bytes | None:
        """Return the next chunk's frame; None if it must be loaded first, after which the stream is pumped again."""
        source, number = stream.source, stream.next_chunk
        if isinstance(source, OpenedRecording):
            return source.chunk_frame(number)
        if stream.loaded is not None and stream.loaded[0] == number:
            frame, stream.loaded = stream.loaded[1], None
            return frame
        assert source is not None
        assert self._live is not None
        cached = self._live.cached_chunk(source, number)
        if cached is None and not stream.is_loading:
            stream.is_loading = True
            self._hub.spawn(self._load(stream, number))
        return cached

    async def _load(self, stream: ChunkStream, number: int) -> None:
        assert self._live is not None
        source = stream.source
        try:
            frame = await self._hub.read(self._live.chunk, source, number)
        except RecorderError as error:
            if stream.source is source:
                self._send_failure(stream, error)
                return
        else:
            if stream.source is source:
                stream.loaded = (number, frame)
        finally:
            stream.is_loading = False
        self.pump(stream)

    def _send_failure(self, stream: ChunkStream, error: RecorderError) -> None:
        code = error_code(error)
        if code == "unavailable":  # the credit is kept for when Redis is back
            stream.is_cut_off = True
        else:
            stream.credit = 0
        self._connection.send(
            {"type": "error", "code": code, "message": public_message(error), "re": "follow", "id": stream.stream_id}
        )
