"""One plain HTTP connection on the event loop.

A request is read to its end here, and then handed to a thread. The thread makes a piece of the answer and is free again; the
next piece is made when the client has taken this one. So a slow client holds a socket and one piece, and no thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from email.utils import formatdate
from typing import Any

import h11

from recorder.json_text import to_json
from replay_server.front.answerer import Answerer
from replay_server.front.limits import MAX_BODY_BYTES
from replay_server.front.progress import Progress
from replay_server.front.wsgi import WsgiCall, framing_problem, make_environ
from replay_server.untaken import untaken_bytes

__all__ = ["HttpConnection"]

logger = logging.getLogger(__name__)

_CODES = {408: "request_timeout", 413: "request_entity_too_large", 431: "headers_too_large", 500: "internal"}
_QUOTED_LETTERS = 120
"""As much of a request is repeated in the answer that refuses it."""

_FAILED = "the server failed to answer this; its log says why"


class HttpConnection(asyncio.Protocol):
    """One client.

    Args:
        front: answers the requests, and looks after the connection.
        client: its address, as it was when it was accepted: a socket that has been reset can't tell any more.
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
        self._is_clogged = False
        self._is_last = False
        self._is_over = False
        self._progress = Progress(self._limits.min_bytes_per_sec, self._limits.rate_secs)
        self.waits_since = front.clock()
        """Since when it has not been answered anything: what the clock says, seconds."""
        self._has_begun = False
        """Whether a part of a request has come."""

    @property
    def is_waiting(self) -> bool:
        """Whether there is no whole request to answer."""
        return self._call is None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=0)  # the next piece is made when the system has taken this one
        if self._is_over:  # its place was given away before it was taken
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._is_over or self._transport is None:
            return
        if self._call is not None:  # of the next request already
            self._transport.pause_reading()
        elif not self._has_begun:
            self._has_begun, self.waits_since = True, self._front.clock()
        self._http.receive_data(data)
        self._read()

    def eof_received(self) -> bool:
        if self._is_over or self._transport is None:
            return False
        self._http.receive_data(b"")  # that was all; it may have closed its own side alone, and wait for the answers
        self._read()
        return self._call is not None or self._is_over

    def pause_writing(self) -> None:
        self._is_clogged = True

    def resume_writing(self) -> None:
        self._is_clogged = False
        self._go_on()

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        self._front.forget(self)
        if self._call is not None and not self._is_working:
            self._front.close_later(self._call)

    # What the front calls.

    def check(self, now: float) -> None:
        """Called every second: hang up on a client whose time is over."""
        transport = self._transport
        if transport is None:
            return
        n_untaken_bytes = untaken_bytes(transport)
        waited_secs = now - self.waits_since
        if self._progress.is_too_slow(now, n_untaken_bytes):
            logger.info("a client that took its answer too slowly was cut off")
            transport.abort()
        elif self._is_over:
            if n_untaken_bytes == 0 and waited_secs > self._limits.linger_secs:
                transport.abort()
        elif self._call is None and self._has_begun and waited_secs > self._limits.request_secs:
            self._refuse(408, f"the request was not complete after {self._limits.request_secs:g} s")
        elif self._call is None and waited_secs > self._limits.keepalive_secs:
            transport.close()

    def end(self) -> None:
        """Take no more requests, and close when what is asked is answered."""
        self._is_last = True
        if self._call is None and self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Hang up at once."""
        self._is_over = True
        if self._transport is not None:
            self._transport.abort()

    # The way in.

    def _read(self) -> None:
        """Look at what has come, up to the end of one request."""
        while self._call is None and not self._is_over and self._transport is not None:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                self._refuse(error.error_status_hint, f"this is no HTTP request: {error!s:.{_QUOTED_LETTERS}}")
                return
            match event:
                case h11.Request():
                    self._request, self._is_head = event, event.method == b"HEAD"
                    if (problem := framing_problem(event)) is not None:
                        self._refuse(400, problem)
                    n_bytes = len(event.target) + sum(len(name) + len(value) for name, value in event.headers)
                    if n_bytes > self._limits.max_head_bytes:  # of a head that came in pieces the protocol has found it
                        self._refuse(431, f"the head of a request holds at most {self._limits.max_head_bytes} bytes")
                case h11.Data():
                    self._body += event.data
                    if len(self._body) > MAX_BODY_BYTES:
                        self._refuse(413, f"a request holds at most {MAX_BODY_BYTES} bytes")
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
        """Hand the whole request to a thread."""
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
                self._refuse(400, "a client that asks for an upgrade must wait for the answers before it sends more")
                return
            transport.pause_reading()
            socket = transport.get_extra_info("socket").dup()
        self._call = WsgiCall(self._front.app, environ, socket)
        self._path = self._front.path_of(environ)
        self._work(self._call.start, is_first=True)

    # The way out.

    def _work(self, job: Callable[[], bytes], *, is_first: bool) -> None:
        self._is_working = True
        self._front.submit(job, self._worked, path=self._path, is_first=is_first)

    def _worked(self, future: Future[bytes]) -> None:
        """A piece of the answer is there."""
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
            self._transport.abort()  # this handle alone: the hub has another
            return
        try:
            self._pass_on(call, future.result())
        except h11.LocalProtocolError as broken:
            self._fail(broken)

    def _pass_on(self, call: WsgiCall, piece: bytes) -> None:
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
            self._go_on()

    def _go_on(self) -> None:
        """Have the next piece made, once the client has taken the one before."""
        if self._call is not None and not self._is_working and not self._is_clogged and self._is_begun:
            self._work(self._call.take, is_first=False)

    def _finish(self) -> None:
        """The answer is whole: on to the next request."""
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
        """The application failed: say so if nothing was said yet, else break off, which a client can tell from an end."""
        logger.error("an answer failed", exc_info=error)
        call, self._call = self._call, None
        if call is not None:
            self._front.close_later(call)
        if self._is_begun:
            self.abort()
        else:
            self._refuse(500, _FAILED)

    def _refuse(self, status: int, message: str) -> None:
        """Answer from here, and hang up."""
        body = to_json(
            {"error": {"code": _CODES.get(status, "bad_request"), "message": message, "detail": None}}
        ).encode()
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(body))),
                ("Cache-Control", "no-store"),
                ("Connection", "close"),
            ]
            self._send(
                h11.Response(status_code=status, headers=headers),
                h11.Data(data=b"" if self._is_head else body),
                h11.EndOfMessage(),
            )
        self._hang_up()

    def _hang_up(self) -> None:
        """Close our side, and wait a little for the client to close its own: else the system would take back the answer."""
        self._is_over, self.waits_since = True, self._front.clock()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()
            self._transport.resume_reading()

    def _send(self, *events: h11.Event) -> None:
        data = b"".join(self._http.send(event) or b"" for event in events)
        self._progress.n_written_bytes += len(data)
        if self._transport is not None:
            self._transport.write(data)
