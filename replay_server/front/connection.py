"""One plain HTTP connection on the event loop.

A request is read completely here and then passed to a thread. The thread produces one piece of the answer and is free
again; the next piece is produced when the client has read this one. So a slow client holds a socket and one piece, but
no thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from email.utils import formatdate
from typing import Any

import h11

from replay_server.front.answerer import Answerer
from replay_server.front.refusal import refusal
from replay_server.front.wsgi import WsgiCall, framing_problem, make_environ
from replay_server.limits import MAX_BODY_BYTES
from replay_server.unread_bytes import Progress, unread_bytes

__all__ = ["HttpConnection"]

logger = logging.getLogger(__name__)

_QUOTED_LETTERS = 120
"""How much of an invalid request its error quotes."""

_FAILED = "the server failed to answer; see its log"


class HttpConnection(asyncio.Protocol):
    """One client.

    Args:
        front: answers the requests and tracks the connection.
        client: its address when it was accepted; a reset socket has none.
    """

    def __init__(self, front: Answerer, client: tuple[Any, ...]) -> None:
        self._front = front
        self._client = client
        self._limits = front.limits
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=self._limits.max_head_bytes)
        self._transport: asyncio.Transport | None = None
        self._request: h11.Request | None = None
        self._is_head = False
        self._body = bytearray()
        self._path = ""
        self._call: WsgiCall | None = None
        self._is_working = False
        self._is_begun = False
        self._is_congested = False
        self._is_last = False
        self._is_over = False
        self._progress = Progress(self._limits.min_bytes_per_sec, self._limits.rate_secs)
        self.waits_since = front.clock()
        """Time of the last answer, from the clock in seconds."""
        self._has_begun = False
        """Whether a request is incomplete."""

    @property
    def is_waiting(self) -> bool:
        """Whether it has no request to answer."""
        return self._call is None

    # called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=0)  # the next piece is produced when the system has taken this one
        if self._is_over:  # it was dropped before it was connected
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._is_over or self._transport is None:
            return
        if self._call is not None:  # part of the next request
            self._transport.pause_reading()
        elif not self._has_begun:
            self._has_begun, self.waits_since = True, self._front.clock()
        self._front.note_arrival()
        self._http.receive_data(data)
        self._read()

    def eof_received(self) -> bool:
        if self._is_over or self._transport is None:
            return False
        self._http.receive_data(b"")  # no more requests; the client may have closed only its side and wait for answers
        self._read()
        return self._call is not None or self._is_over

    def pause_writing(self) -> None:
        self._is_congested = True

    def resume_writing(self) -> None:
        self._is_congested = False
        self._produce_next()

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        self._front.forget(self)
        if self._call is not None and not self._is_working:
            self._front.close_later(self._call)

    # called by the front

    def check(self, now: float) -> None:
        """Called every second: disconnect a client that has exceeded a limit."""
        transport = self._transport
        if transport is None:
            return
        n_unread_bytes = unread_bytes(transport)
        waited_secs = now - self.waits_since
        if self._progress.is_too_slow(now, n_unread_bytes):
            logger.info("disconnected a client that read its answer too slowly")
            transport.abort()
        elif self._is_over:
            if n_unread_bytes == 0 and waited_secs > self._limits.linger_secs:
                transport.abort()
        elif self._call is None and self._has_begun and waited_secs > self._limits.request_secs:
            self._refuse(408, f"the request was not complete after {self._limits.request_secs:g} s")
        elif self._call is None and waited_secs > self._limits.keepalive_secs:
            transport.close()

    def end(self) -> None:
        """Accept no more requests, and close after the pending answers."""
        self._is_last = True
        if self._call is None and self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Disconnect at once."""
        self._is_over = True
        if self._transport is not None:
            self._transport.abort()

    # reading

    def _read(self) -> None:
        """Parse what has arrived, up to the end of one request."""
        while self._call is None and not self._is_over and self._transport is not None:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                self._refuse(error.error_status_hint, f"this is not an HTTP request: {error!s:.{_QUOTED_LETTERS}}")
                return
            match event:
                case h11.Request():
                    self._request, self._is_head = event, event.method == b"HEAD"
                    if (problem := framing_problem(event)) is not None:
                        self._refuse(400, problem)
                    n_bytes = len(event.target) + sum(len(name) + len(value) for name, value in event.headers)
                    if n_bytes > self._limits.max_head_bytes:  # the parser has checked a head that came in pieces
                        self._refuse(431, f"the head of a request may have at most {self._limits.max_head_bytes} bytes")
                case h11.Data():
                    self._body += event.data
                    if len(self._body) > MAX_BODY_BYTES:
                        self._refuse(413, f"a request may have at most {MAX_BODY_BYTES} bytes")
                case h11.EndOfMessage():
                    self._ask(self._transport)
                case h11.ConnectionClosed():
                    self._transport.close()
                    return
                case _:
                    if self._http.they_are_waiting_for_100_continue:
                        self._send(h11.InformationalResponse(status_code=100, headers=[]))
                    return

    def _ask(self, transport: asyncio.Transport) -> None:
        """Pass the complete request to a thread."""
        request, body = self._request, bytes(self._body)
        assert request is not None
        self._request, self._body = None, bytearray()
        server = transport.get_extra_info("sockname")
        try:
            environ = make_environ(request, body, client=self._client, server=server)
        except ValueError as error:
            self._refuse(400, str(error))
            return
        socket = None
        if "HTTP_UPGRADE" in environ:  # the application may take the socket
            if self._http.trailing_data[0] or transport.get_write_buffer_size():
                self._refuse(400, "after a request for an upgrade, wait for the answer before sending more")
                return
            transport.pause_reading()
            socket = transport.get_extra_info("socket").dup()
        self._call = WsgiCall(self._front.app, environ, socket)
        self._path = self._front.path_of(environ)
        self._work(self._call.start, is_first=True)

    # writing

    def _work(self, job: Callable[[], bytes], *, is_first: bool) -> None:
        self._is_working = True
        self._front.submit(job, self._on_piece, path=self._path, is_first=is_first)

    def _on_piece(self, future: Future[bytes]) -> None:
        """Send a piece of the answer."""
        self._is_working = False
        call = self._call
        assert call is not None
        if self._transport is None or future.cancelled():
            self.abort()
            self._front.close_later(call)
            return
        if (error := future.exception()) is not None:
            self._fail(error)
            return
        if call.is_handed_over:
            self._transport.abort()  # only this handle: the hub has another
            return
        try:
            self._write_piece(call, future.result())
        except h11.LocalProtocolError as broken:
            self._fail(broken)

    def _write_piece(self, call: WsgiCall, piece: bytes) -> None:
        events: list[h11.Event] = []
        if not self._is_begun:
            self._is_begun = True
            headers = [*call.headers, ("Date", formatdate(usegmt=True))]
            if self._is_last:
                headers.append(("Connection", "close"))
            events.append(h11.Response(status_code=call.status, headers=headers, reason=call.reason))
        if piece:
            events.append(h11.Data(data=piece))
        if call.is_done:
            events.append(h11.EndOfMessage())
        self._send(*events)
        if call.is_done:
            self._finish()
        else:
            self._produce_next()

    def _produce_next(self) -> None:
        """Produce the next piece when the client has read the previous one."""
        if self._call is not None and not self._is_working and not self._is_congested and self._is_begun:
            self._work(self._call.take, is_first=False)

    def _finish(self) -> None:
        """The answer is complete: go on to the next request."""
        assert self._transport is not None
        self._call = None
        self._is_begun = False
        self.waits_since = self._front.clock()
        if self._is_last or self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            self._hang_up()
            return
        self._http.start_next_cycle()
        self._has_begun = bool(self._http.trailing_data[0])
        self._transport.resume_reading()
        self._read()

    def _fail(self, error: BaseException) -> None:
        """Handle an error in the application: answer 500 if nothing was sent, else abort, so that the client sees a
        broken answer."""
        logger.error("an answer failed", exc_info=error)
        call, self._call = self._call, None
        if call is not None:
            self._front.close_later(call)
        if self._is_begun:
            self.abort()
        else:
            self._refuse(500, _FAILED)

    def _refuse(self, status: int, message: str) -> None:
        """Answer without the application, and close."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._send(*refusal(status, message, is_head=self._is_head))
        self._hang_up()

    def _hang_up(self) -> None:
        """Close our side, then wait briefly for the client's, because the system would discard the answer otherwise."""
        self._is_over, self.waits_since = True, self._front.clock()
        if self._transport is None or self._transport.is_closing():
            return
        try:
            self._transport.write_eof()
        except OSError:  # the client closed its side before the answer, and the system has reset the connection
            self._transport.abort()
        else:
            self._transport.resume_reading()

    def _send(self, *events: h11.Event) -> None:
        data = b"".join(self._http.send(event) or b"" for event in events)
        self._progress.n_written_bytes += len(data)
        if self._transport is not None:
            self._transport.write(data)
