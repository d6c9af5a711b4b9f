"""One WebSocket on the event loop: checks and dispatches incoming messages one by one, and limits unsent ones."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from wsproto import WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import ProtocolError

from recorder.values.json_text import to_json
from replay_server.limits import Limits, RateLimiter
from replay_server.socket.frames import Assembly, binary_frame, text_frame
from replay_server.socket.liveness import Liveness, Verdict
from replay_server.socket.messages import Session
from replay_server.unread_bytes import unread_bytes

if TYPE_CHECKING:
    from wsproto.events import Event

__all__ = ["Connection"]

_FIRST_NUDGE_SECS = 0.05
_LAST_NUDGE_SECS = 4.0
"""Delay of a ping after the greeting. simple-websocket 1.1 does not read a greeting that arrives together with the
answer to the upgrade until more data arrives."""

_LINGER_SECS = 2.0
"""How long a peer may take to close its side."""


class Connection(asyncio.Protocol):
    """A WebSocket after its upgrade.

    Args:
        ws: the state of the protocol, after the handshake.
        limits: sizes, rates and times.
        clock: monotonic seconds.
        make_session: creates the handler of its messages.
        on_close: called once, when it is gone.
        spawn: runs a coroutine on the event loop.
        call_later: calls a function after some seconds.
    """

    def __init__(
        self,
        ws: WSConnection,
        *,
        limits: Limits,
        clock: Callable[[], float],
        make_session: Callable[[Connection], Session],
        on_close: Callable[[Connection], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        call_later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._ws = ws
        self._limits = limits
        self._clock = clock
        self._on_close = on_close
        self._spawn = spawn
        self._call_later = call_later
        now = clock()
        self._rate = RateLimiter(limits.messages_per_sec, limits.message_burst, now)
        self._patience = RateLimiter(limits.forgiven_per_sec, limits.max_refused, now)
        self._inbox: deque[str] = deque()
        self._is_working = False
        self._assembly = Assembly(limits.max_message_bytes)
        self._is_ending = False
        self._liveness = Liveness(limits, now)
        self._is_congested = False
        self._transport: asyncio.Transport | None = None
        self._held = b""
        self._session = make_session(self)

    # called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=self._limits.high_water_bytes)
        self._session.opened()
        self._call_later(_FIRST_NUDGE_SECS, lambda: self._ping_later(_FIRST_NUDGE_SECS))

    def data_received(self, data: bytes) -> None:
        self._liveness.received(self._clock())
        if self._is_ending:
            return
        try:
            self._ws.receive_data(data)
            self._take_events()
        except ProtocolError as error:
            self.close(CloseReason.PROTOCOL_ERROR, f"not a WebSocket frame: {error}")

    def pause_writing(self) -> None:
        self._is_congested = True
        self._liveness.begin_waiting(self._clock(), self._count_unread())

    def resume_writing(self) -> None:
        self._is_congested = False
        self._liveness.excuse(self._clock())  # its answers to pings were waiting behind unread data
        self._session.writable()
        self._start_work()

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        self._inbox.clear()
        self._session.closed()
        self._on_close(self)

    # called by sessions

    @property
    def is_congested(self) -> bool:
        """Whether too many bytes are unsent: skip everything optional."""
        return self._is_congested

    @property
    def n_waiting_bytes(self) -> int:
        """Bytes that the client has not read yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message as JSON."""
        self.send_text(to_json(message).encode())

    def send_text(self, payload: bytes) -> None:
        """Send a text message encoded as UTF-8."""
        self._write(text_frame(payload))

    def queue_text(self, payload: bytes) -> None:
        """Queue a UTF-8 text message and send it with the next message, or with ``flush``.

        So an answer and the first chunk arrive together, instead of some milliseconds apart.
        """
        self._held += text_frame(payload)

    def flush(self) -> None:
        """Send queued messages."""
        if self._held:
            self._write(b"")

    def send_binary(self, payload: bytes) -> None:
        """Send a binary message."""
        self._write(binary_frame(payload))

    def close(self, code: int, reason: str) -> None:
        """Send a close frame and close; at once if the client does not read, because the frame would wait behind all
        the rest."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._is_ending:
            return
        if self.is_congested:
            self._is_ending = True
            transport.abort()
            return
        if self._ws.state is ConnectionState.OPEN:
            self._write(self._ws.send(CloseConnection(code, reason.encode()[:120].decode(errors="ignore"))))
        # Close only our side, and discard what arrives: closing with unread bytes would reset the connection, and the
        # client would not get the reason.
        self._is_ending = True
        self._inbox.clear()
        transport.resume_reading()
        transport.write_eof()
        self._call_later(_LINGER_SECS, transport.abort)

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def check(self) -> None:
        """Called every few seconds: ping, and close connections that stall, do not answer, or are idle."""
        now = self._clock()
        if self.is_congested:
            self._liveness.took(now, self._count_unread())
        match self._liveness.verdict(
            now, is_congested=self.is_congested, is_read=self._is_listening(), is_busy=self._session.is_busy()
        ):
            case Verdict.STALLED:
                self.abort()
            case Verdict.SILENT:
                self.close(CloseReason.GOING_AWAY, "no answer to pings")
            case Verdict.IDLE:
                self.close(CloseReason.NORMAL_CLOSURE, "idle")
            case Verdict.PING if self._ws.state is ConnectionState.OPEN:
                self._write(self._ws.send(Ping()))

    def _count_unread(self) -> int:
        return 0 if self._transport is None else unread_bytes(self._transport)

    def _ping_later(self, after_secs: float) -> None:
        """Ping a client that has not sent anything yet, at growing intervals."""
        if self._transport is None or self._liveness.is_heard or self._is_ending or after_secs > _LAST_NUDGE_SECS:
            return
        self._write(self._ws.send(Ping()))
        self._call_later(2 * after_secs, lambda: self._ping_later(2 * after_secs))

    # reading

    def _take_events(self) -> None:
        """Parse what has arrived, until the connection is closed."""
        for event in self._ws.events():
            self._on_event(event)
            if self._is_ending:
                return

    def _on_event(self, event: Event) -> None:
        match event:
            case TextMessage():
                self._on_text(event)
            case BytesMessage():
                self._on_bytes(event)
            case Ping():
                if self._is_in_time() and not self.is_congested:
                    self._write(self._ws.send(event.response()))
            case CloseConnection() if self._ws.state is ConnectionState.REMOTE_CLOSING:
                self._write(self._ws.send(event.response()))
                if self._transport is not None:
                    self._transport.close()
            case CloseConnection():  # the library's message for invalid frames
                self.close(event.code, event.reason or "not a WebSocket frame")
            case Pong():
                self._is_in_time()

    def _on_text(self, event: TextMessage) -> None:
        is_in_time = not event.frame_finished or self._is_in_time()
        if not self._assembly.add(event.data):
            self.close(
                CloseReason.MESSAGE_TOO_BIG, f"a message may have at most {self._limits.max_message_bytes} bytes"
            )
        elif event.message_finished:
            text = self._assembly.take()
            self._liveness.spoke(self._clock())
            if is_in_time:
                self._accept(text)
            else:
                self._refuse_as_too_fast()

    def _on_bytes(self, event: BytesMessage) -> None:
        is_in_time = not event.frame_finished or self._is_in_time()
        if event.message_finished:
            if is_in_time:
                self._refuse("bad_message", "expected a text message, found a binary one")
            else:
                self._refuse_as_too_fast()

    def _is_in_time(self) -> bool:
        """Count one frame; return False if it exceeds the rate. Close the connection if that continues."""
        now = self._clock()
        if self._rate.allow(now):
            return True
        if not self._patience.allow(now):
            self.close(CloseReason.POLICY_VIOLATION, "too many messages: slow down and connect again")
        return False

    def _refuse_as_too_fast(self) -> None:
        self._refuse(
            "too_fast", f"more than {self._limits.messages_per_sec:g} messages per second: this one is ignored"
        )

    def _accept(self, text: str) -> None:
        self._inbox.append(text)
        if len(self._inbox) >= self._limits.max_inbox and self._transport is not None:
            self._transport.pause_reading()
        self._start_work()

    def _start_work(self) -> None:
        if self._inbox and not self._is_working:
            self._is_working = True
            self._spawn(self._work())

    async def _work(self) -> None:
        """Handle waiting messages in order, unless the client does not read the answers."""
        while self._inbox and not self.is_congested and not self._is_ending:
            await self._session.receive(self._inbox.popleft())
            if not self._inbox and self._transport is not None and not self._is_listening():
                self._liveness.excuse(self._clock())  # its answers to pings must still be read
                self._transport.resume_reading()
        self._is_working = False

    def _is_listening(self) -> bool:
        """Whether the socket is read; not while the inbox is full."""
        return self._transport is not None and self._transport.is_reading()

    def _refuse(self, code: str, message: str) -> None:
        if not self.is_congested and not self._is_ending:
            self._session.refuse(code, message)

    def _write(self, frame: bytes) -> None:
        if self._held:
            frame, self._held = self._held + frame, b""
        if self._transport is not None and not self._transport.is_closing() and not self._is_ending:
            self._transport.write(frame)
