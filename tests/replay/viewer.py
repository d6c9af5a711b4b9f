"""A viewer in tests: a real WebSocket client, and nothing that the server's own code has."""

from __future__ import annotations

import http.client
import json
import socket
import struct
from types import TracebackType
from typing import Any, Self

from simple_websocket import Client, ConnectionClosed
from wsproto import WSConnection
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection, BytesMessage, Event, Request, TextMessage

from tests.waiting import DEADLINE_SECS

PART = struct.Struct("<BBHIII")


def upgrade_status(port: int, path: str = "/ws", **headers: str) -> int:
    """HTTP status with which a request to upgrade is answered; the connection is closed at once."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECS)
    handshake = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    try:
        connection.request(
            "GET", path, headers={**handshake, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **headers}
        )
        return connection.getresponse().status
    finally:
        connection.close()


class Viewer:
    """A connection; the greeting is read already.

    Args:
        headers: of the request to upgrade.
    """

    def __init__(self, port: int, path: str = "/ws", headers: dict[str, str] | None = None) -> None:
        self.socket = Client.connect(f"ws://127.0.0.1:{port}{path}", headers=headers or None)
        self.greeting = self.receive()

    def send(self, **message: Any) -> None:
        """Send a message."""
        self.socket.send(json.dumps(message))

    def send_text(self, text: str) -> None:
        """Send anything."""
        self.socket.send(text)

    def receive_any(self) -> dict[str, Any] | bytes:
        """The next message, whatever it is."""
        message = self.socket.receive(timeout=DEADLINE_SECS)
        assert message is not None, "no message came"
        return message if isinstance(message, bytes) else json.loads(message)

    def receive(self, kind: str | None = None) -> dict[str, Any]:
        """The next text message; with ``kind`` it must be of that type."""
        message = self.receive_any()
        assert isinstance(message, dict), (
            f"expected {kind or 'a text message'}, a binary one of {len(message)} bytes came"
        )
        assert kind is None or message["type"] == kind, message
        return message

    def skip_to(self, kind: str) -> dict[str, Any]:
        """The next message of a type, whatever comes before it."""
        while not (isinstance(message := self.receive_any(), dict) and message["type"] == kind):
            pass
        return message

    def receive_chunk(self, stream_id: int) -> tuple[int, bytes]:
        """Number and bytes of the next chunk, joined from its parts."""
        frame, is_last = b"", 0
        while not is_last:
            part = self.receive_any()
            assert isinstance(part, bytes), part
            assert len(part) <= 64 * 1024
            kind, is_last, found_id, number, offset, total = PART.unpack_from(part)
            assert (kind, found_id, offset) == (1, stream_id, len(frame))
            frame += part[PART.size :]
        assert len(frame) == total
        return number, frame

    def closing(self) -> tuple[int, str]:
        """Code and sentence with which the server closes, after whatever still comes."""
        try:
            while self.socket.receive(timeout=DEADLINE_SECS) is not None:
                pass
        except ConnectionClosed as closed:
            return int(closed.reason), closed.message or ""
        raise AssertionError("the server did not close")

    def close(self) -> None:
        """Hang up."""
        try:
            self.socket.close()
        except (ConnectionClosed, OSError):
            pass
        self.socket.thread.join(DEADLINE_SECS)


class LazyViewer:
    """A connection that reads messages only on request; the system buffers few of them.

    Attributes:
        sock: the connection, upgraded.
        ws: its state.
    """

    def __init__(self, port: int) -> None:
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.settimeout(DEADLINE_SECS)
        self.sock.connect(("127.0.0.1", port))
        self.ws = WSConnection(ConnectionType.CLIENT)
        self.sock.sendall(self.ws.send(Request(host=f"127.0.0.1:{port}", target="/ws")))
        answer = b""
        while not answer.endswith(
            b"\r\n\r\n"
        ):  # nothing may be sent before it: it would be taken for a part of the request
            answer += self.sock.recv(1)
        self.ws.receive_data(answer)
        assert isinstance(next(self.ws.events()), AcceptConnection)

    def send(self, **message: Any) -> None:
        """Send a message."""
        self.sock.sendall(self.ws.send(TextMessage(json.dumps(message))))

    def receive(self) -> dict[str, Any] | bytes:
        """The next message, whatever it is."""
        text, data = "", b""
        while True:
            event = self.receive_event()
            if isinstance(event, TextMessage):
                text += event.data
                if event.message_finished:
                    message: dict[str, Any] = json.loads(text)
                    return message
            elif isinstance(event, BytesMessage):
                data += event.data
                if event.message_finished:
                    return data

    def receive_event(self) -> Event:
        """The next event of the protocol."""
        while (event := next(self.ws.events(), None)) is None:
            data = self.sock.recv(65536)
            assert data, "the server hung up"
            self.ws.receive_data(data)
        return event

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.sock.close()
