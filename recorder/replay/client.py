"""A client of the replay server for programs: recorded and live episodes as decoded chunks. The protocol is PROTOCOL.md's.

::

    with ReplayClient("http://127.0.0.1:8766/") as client:
        for chunk in client.open(100, run_id="demo"):
            print(chunk.first_step, chunk.column("reward").values.sum())
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from recorder.chunk import Chunk, decode_chunk
from recorder.errors import (
    EpisodeFileCorruptError,
    MissingExtraError,
    RecorderError,
    RecordingNotFoundError,
    StreamUnavailableError,
    UsageError,
)
from recorder.schema import EpisodeSchema
from recorder.values.argument_kinds import check_kind

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["RemoteEpisode", "ReplayClient"]

_PART = struct.Struct("<BBHIII")
_PART_KIND = 1
_MAX_CHUNK_BYTES = 2**31
_MAX_CREDIT = 64
_PAGE = re.compile(r"(/runs/[^/]+/episodes/\d+|/ws(/training)?)/?$")
"""Path of a page after the server's root; a proxy may have added a prefix."""

_ERRORS: dict[str, type[RecorderError]] = {
    "not_found": RecordingNotFoundError,
    "unreadable": EpisodeFileCorruptError,
    "unavailable": StreamUnavailableError,
    "too_fast": StreamUnavailableError,
    "internal": StreamUnavailableError,
}


class ReplayClient:
    """A connection to a replay server; not thread-safe.

    Args:
        url: the link that the server printed.
        token: the token, if the link has none.
        timeout_secs: longest wait for an answer.

    Raises:
        MissingExtraError: simple-websocket is not installed.
        StreamUnavailableError: the server can't be reached, or refuses the connection.
    """

    def __init__(self, url: str, *, token: str | None = None, timeout_secs: float = 10.0) -> None:
        try:
            import simple_websocket  # lazy: an extra
        except ModuleNotFoundError as error:
            raise MissingExtraError("The replay client", "server") from error
        check_kind("url", url, str)
        parts = urlsplit(url)
        token = token or next(iter(parse_qs(parts.query).get("token", ())), None)
        self._closed_error: type[Exception] = simple_websocket.ConnectionClosed
        self._timeout_secs = timeout_secs
        root = _PAGE.sub("", parts.path).rstrip("/")
        self._url = f"{'wss' if parts.scheme in ('https', 'wss') else 'ws'}://{parts.netloc}{root}/ws"
        self._next_id = 0
        try:
            self._socket = simple_websocket.Client.connect(
                self._url, headers={"Authorization": f"Bearer {token}"} if token else None
            )
        except (OSError, simple_websocket.ConnectionError) as error:
            raise StreamUnavailableError(
                f"the replay server can't be reached, or refused the connection ({error}): {self._url}"
            ) from error
        self.server = self.receive()
        """The server's ``connected`` message."""

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message of the protocol.

        Raises:
            StreamUnavailableError: the connection is closed.
        """
        try:
            self._socket.send(json.dumps(message))
        except (OSError, self._closed_error) as error:
            raise StreamUnavailableError(f"the connection is closed ({error}): {self._url}") from error

    def receive_any(self, *, timeout_secs: float | None = None) -> dict[str, Any] | bytes:
        """The next message: a dictionary, or the bytes of a part of a chunk.

        Raises:
            StreamUnavailableError: none arrived in time, or the connection is closed.
        """
        wait_secs = self._timeout_secs if timeout_secs is None else timeout_secs
        try:
            message = self._socket.receive(timeout=wait_secs)
        except (OSError, self._closed_error) as error:
            raise StreamUnavailableError(f"the replay server closed the connection ({error}): {self._url}") from error
        if message is None:
            raise StreamUnavailableError(f"no message arrived within {wait_secs:g} s: {self._url}")
        if isinstance(message, bytes):
            return message
        body: dict[str, Any] = json.loads(message)
        return body

    def receive(self) -> dict[str, Any]:
        """The next message that is not part of a chunk.

        Raises:
            StreamUnavailableError: none arrived in time, or the connection is closed.
            RecordingNotFoundError, EpisodeFileCorruptError, UsageError: the server sent this error.
        """
        while isinstance(message := self.receive_any(), bytes):
            pass
        if message["type"] == "error":
            raise _ERRORS.get(message.get("code", ""), UsageError)(message["message"])
        return message

    def list_recordings(self, **filters: Any) -> list[dict[str, Any]]:
        """Recordings, newest first. Filters: ``run_id``, ``stage``, ``reason``, ``min_reward``, ``max_reward``,
        ``limit``.

        Raises:
            UsageError: unknown filter.
        """
        self.send({"type": "list_recordings", "filters": filters})
        while (message := self.receive())["type"] != "recordings_list":
            pass
        rows: list[dict[str, Any]] = message["recordings"]
        return rows

    def open(self, episode_id: int, run_id: str | None = None, *, start: int = 0, credit: int = 4) -> RemoteEpisode:
        """Open a recorded episode, starting with the chunk of step index ``start``.

        Args:
            credit: chunks that the server may send ahead, 1 to 64.

        Raises:
            RecordingNotFoundError, EpisodeFileCorruptError: the server sent this error.
        """
        request = {"type": "open", "run_id": run_id, "episode_id": episode_id, "from": start}
        return RemoteEpisode(self, self._take_id(), request, credit=credit)

    def follow(
        self,
        run_id: str,
        episode_id: int | None = None,
        *,
        lane: int | None = None,
        last_seq: str | None = None,
        credit: int = 4,
    ) -> RemoteEpisode:
        """Follow a live episode; without ``episode_id``, the run's newest one. Waits until it exists.

        Args:
            last_seq: ``RemoteEpisode.last_seq`` of a lost connection, to continue after it.
        """
        request = {"type": "follow", "run_id": run_id, "episode_id": episode_id, "lane": lane, "last_seq": last_seq}
        return RemoteEpisode(self, self._take_id(), request, credit=credit)

    def close(self) -> None:
        """Close the connection."""
        try:
            self._socket.close()
        except (OSError, self._closed_error):
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take_id(self) -> int:
        self._next_id = (self._next_id + 1) % 2**16
        return self._next_id


class RemoteEpisode:
    """An episode on the server, made by ``ReplayClient.open`` or ``follow``. Iterate over its chunks.

    Read only one episode of a client at a time.

    Attributes:
        info: the ``opened`` message.
        schema: the episode's columns.
        total_steps: steps so far.
        last_seq: position of a live episode in the step stream.
        metadata: final after a live episode has ended.
    """

    def __init__(self, client: ReplayClient, stream_id: int, request: Mapping[str, Any], *, credit: int) -> None:
        if not 1 <= credit <= _MAX_CREDIT:
            raise UsageError(f"credit must be 1 to {_MAX_CREDIT}, got {credit}")
        self._client = client
        self._id = stream_id
        self._parts: list[bytes] = []
        self._n_expected = 0
        self._n_taken = 0
        self._is_ended = False
        self.total_steps: int = 0
        self.last_seq: str | None = None
        self.metadata: Mapping[str, Any] = {}
        given = {key: value for key, value in request.items() if value is not None}
        client.send({**given, "id": stream_id, "credit": credit})
        while (message := client.receive())["type"] != "opened":
            pass
        self._begin(message)

    def __iter__(self) -> Iterator[Chunk]:
        """Iterate over the chunks.

        Raises:
            StreamUnavailableError: the connection is closed.
            EpisodeFileCorruptError: a chunk is damaged.
        """
        while not (self._is_ended and self._n_taken >= self._n_expected):
            message = self._client.receive_any()
            if isinstance(message, bytes):
                frame = self._joined(message)
                if frame is not None:
                    self._n_taken += 1
                    self._client.send({"type": "credit", "id": self._id, "n": 1})
                    yield decode_chunk(frame, self.schema)
            elif message.get("id", self._id) == self._id:
                self._on_message(message)

    def _on_message(self, message: Mapping[str, Any]) -> None:
        match message["type"]:
            case "opened":  # a resumed run plays the episode again
                self._begin(message)
            case "grown":
                self._n_expected += len(message["chunks"])
                self.total_steps, self.last_seq = message["total_steps"], message["last_seq"]
            case "ended":
                self._is_ended = True
                self.metadata = message["metadata"]
            case "error":
                raise _ERRORS.get(message.get("code", ""), UsageError)(message["message"])

    def _begin(self, message: Mapping[str, Any]) -> None:
        self.info = message
        self.schema = EpisodeSchema.from_list(message["schema"])
        self.total_steps, self.last_seq = message["total_steps"], message["last_seq"]
        self.metadata = message["metadata"]
        self._parts, self._n_taken = [], 0
        self._n_expected = len(message["chunks"]) - message["next_chunk"]
        self._is_ended = not message["live"]

    def _joined(self, part: bytes) -> bytes | None:
        """The chunk that this part completes, else None."""
        if len(part) < _PART.size:
            raise EpisodeFileCorruptError(f"expected a part of a chunk, found {len(part)} bytes")
        kind, is_last, stream_id, _, offset, total = _PART.unpack_from(part)
        if kind != _PART_KIND or stream_id != self._id:
            return None
        if offset != sum(map(len, self._parts)) or total > _MAX_CHUNK_BYTES:
            raise EpisodeFileCorruptError(f"a part of a chunk is missing before byte {offset}")
        self._parts.append(part[_PART.size :])
        if not is_last:
            return None
        frame = b"".join(self._parts)
        self._parts = []
        if len(frame) != total:
            raise EpisodeFileCorruptError(f"expected a chunk of {total} bytes, found {len(frame)}")
        return frame
