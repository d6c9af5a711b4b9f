"""``ViewerSession``: dispatches one viewer's messages to playback or streams, and sends errors to the viewer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from recorder.errors import RecorderError, shortened
from replay_server.access.public_message import public_message
from replay_server.episodes.library import Library
from replay_server.episodes.live import LiveEpisodes
from replay_server.metrics import Metrics
from replay_server.socket.connection import Connection
from replay_server.socket.frames import MAX_PART_BYTES
from replay_server.socket.hub import Hub
from replay_server.socket.messages import Handler, Message, MessageError, error_code, parse_message
from replay_server.socket.playback_protocol import PlaybackProtocol
from replay_server.socket.stream_protocol import StreamProtocol

__all__ = ["PROTOCOL_VERSION", "ViewerSession"]

logger = logging.getLogger(__name__)

PROTOCOL_VERSION = 1


class ViewerSession:
    """One viewer.

    Args:
        hub: serves the connection.
        connection: of the viewer.
        library: recordings.
        live: episodes that are being recorded; None if the server has no step stream.
        metrics: counts.
        server_name: name and version, for the greeting.
        base_steps_per_sec: pace at speed 1 of a playback that the server drives.
    """

    def __init__(
        self,
        hub: Hub,
        connection: Connection,
        *,
        library: Library,
        live: LiveEpisodes | None,
        metrics: Metrics,
        server_name: str,
        base_steps_per_sec: float,
    ) -> None:
        self._connection = connection
        self._limits = hub.limits
        self._metrics = metrics
        self._server_name = server_name
        self._base_steps_per_sec = base_steps_per_sec
        self._is_live = live is not None
        self._playback = PlaybackProtocol(hub, connection, library, base_steps_per_sec=base_steps_per_sec)
        self._streams = StreamProtocol(hub, connection, library, live)
        self._handlers: Mapping[str, Handler] = {**self._playback.handlers, **self._streams.handlers}

    def opened(self) -> None:
        self._metrics.viewers.inc()
        self._connection.send(
            {
                "type": "connected",
                "mode": "replay",
                "protocol": PROTOCOL_VERSION,
                "server": self._server_name,
                "base_steps_per_sec": self._base_steps_per_sec,
                "speed": 1.0,
                "max_message_bytes": self._limits.max_message_bytes,
                "max_part_bytes": MAX_PART_BYTES,
                "live": self._is_live,
            }
        )

    async def receive(self, text: str) -> None:
        self._metrics.messages.inc()
        message: Message | None = None
        try:
            message = parse_message(text)
            handler = self._handlers.get(message.type)
            if handler is None:
                known = ", ".join(self._handlers)
                raise MessageError("unknown_type", f"unknown type {message.type[:40]!a}: expected one of {known}")
            await handler(message)
        except RecorderError as error:
            self._send_error(error_code(error), public_message(error), message)
        except Exception:
            logger.exception("a message failed: type=%.40r", message and message.type)
            self._send_error("internal", "the server failed to handle this; see its log", message)

    def refuse(self, code: str, message: str) -> None:
        self._send_error(code, message, None)

    def writable(self) -> None:
        self._streams.pump_all()

    def is_busy(self) -> bool:
        return self._playback.is_playing or self._streams.is_following

    def closed(self) -> None:
        self._metrics.viewers.dec()
        self._playback.close()
        self._streams.close()

    def _send_error(self, code: str, text: str, message: Message | None) -> None:
        self._metrics.errors.labels(code=code).inc()
        body: dict[str, Any] = {"type": "error", "code": code, "message": shortened(text)}
        if message is not None:
            body["re"] = message.type[:40]
            if message.id is not None:
                body["id"] = message.id
        self._connection.send(body)
