"""``Front``: all plain HTTP connections of a process on one event loop, with a few threads for the application."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from replay_server.front.connection import HttpConnection
from replay_server.front.intake import Intake
from replay_server.front.workers import Workers
from replay_server.front.wsgi import Application, WsgiCall
from replay_server.limits import FrontLimits

__all__ = ["Front"]

logger = logging.getLogger(__name__)

_HEALTH_PATH = "/healthz"
"""Has a thread for itself, so it answers even if all others are busy."""

_DECODING_PATHS = ("/steps", "/steps.csv", "/steps.npz", "/player.html", "/thumbnail.png", "/film.png")
"""Ends of paths whose answers decode recordings. They are slow, and must not delay lists and pages."""

_N_DECODING_THREADS = 2
"""More threads would not be faster, because the interpreter runs one at a time."""

_RECEIVE_BYTES = 64 * 1024
_UNSENT_BYTES = 64 * 1024
"""Size of a socket's send buffer. By default the system buffers megabytes for each slow client."""

_ACCEPTED_AT_ONCE = 16
_LOOK_SECS = 10.0

_FULL_SECS = 0.1
"""Pause of accepting connections after the system had no file descriptors left."""


class Front:
    """Reads requests, has them answered, and sends the answers.

    Args:
        app: the application.
        loop: the event loop of the connections.
        n_threads: threads that run the application.
        limits: for every connection.
        on_check: called on a thread from time to time.
        path_of: returns the path within the application from a request's environment.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        app: Application,
        loop: asyncio.AbstractEventLoop,
        *,
        n_threads: int,
        limits: FrontLimits,
        on_check: Callable[[], object] = lambda: None,
        path_of: Callable[[dict[str, Any]], str] = lambda environ: environ["PATH_INFO"],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app = app
        self.limits = limits
        self.path_of = path_of
        self.clock = clock
        self._on_check = on_check
        self._loop = loop
        self._connections: set[HttpConnection] = set()
        self._listeners: list[socket.socket] = []
        self._threads = Workers(n_threads, "replay-http")
        self._decoding_threads = Workers(_N_DECODING_THREADS, "replay-decoding")
        self._health_thread = Workers(1, "replay-health")
        self._intake = Intake(loop, (self._threads, self._decoding_threads), clock)
        self._looked_at = clock()
        self._next_check: asyncio.TimerHandle | None = None
        self._opening: set[asyncio.Task[object]] = set()

    def listen(self, listener: socket.socket) -> None:
        """Start accepting connections."""
        listener.setblocking(False)
        self._listeners.append(listener)
        self._loop.add_reader(listener, self._accept, listener)
        if len(self._listeners) == 1:
            self._next_check = self._loop.call_later(self.limits.check_secs, self._check)

    async def close(self, grace_secs: float) -> None:
        """Stop accepting, answer pending requests, then close.

        Args:
            grace_secs: the longest time for that.
        """
        for listener in self._listeners:
            self._loop.remove_reader(listener)
        self._listeners.clear()
        if self._next_check is not None:
            self._next_check.cancel()
        for connection in list(self._connections):
            connection.end()
        deadline = self.clock() + grace_secs
        while self._connections and self.clock() < deadline:
            await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.abort()
        for threads in (self._threads, self._decoding_threads, self._health_thread):
            threads.end()
        await asyncio.sleep(0)  # aborted connections are closed in the loop's next round

    def submit(
        self, job: Callable[[], bytes], on_done: Callable[[Future[bytes]], None], *, path: str, is_first: bool
    ) -> None:
        """See ``Answerer``."""

        def tell(future: Future[bytes]) -> None:
            with suppress(RuntimeError):  # the loop has been closed
                self._loop.call_soon_threadsafe(on_done, future)

        self._threads_of(path).submit(job, is_first=is_first).add_done_callback(tell)

    def close_later(self, call: WsgiCall) -> None:
        """See ``Answerer``."""
        with suppress(RuntimeError):  # the server is stopping
            self._threads.submit(call.close)

    def note_arrival(self) -> None:
        """See ``Answerer``."""
        self._intake.note_arrival()

    def forget(self, connection: object) -> None:
        """See ``Answerer``."""
        self._connections.discard(connection)

    def _threads_of(self, path: str) -> Workers:
        if path == _HEALTH_PATH:
            return self._health_thread
        return self._decoding_threads if path.endswith(_DECODING_PATHS) else self._threads

    def _accept(self, listener: socket.socket) -> None:
        """Accept some of the waiting connections; another process may have time for the rest."""
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                sock, client = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):  # no more are waiting
                return
            except OSError as error:
                logger.warning("can't accept a connection (%s): closing one that has no request", error.strerror)
                self._make_room()
                self._loop.remove_reader(listener)
                self._loop.call_later(_FULL_SECS, self._accept_again, listener)
                return
            self._begin(sock, client)

    def _begin(self, sock: socket.socket, client: tuple[Any, ...]) -> None:
        if len(self._connections) >= self.limits.max_connections and not self._make_room():
            sock.close()
            return
        self._intake.note_arrival()
        connection = HttpConnection(self, client)
        self._connections.add(connection)
        task = self._loop.create_task(self._open(connection, sock))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, connection: HttpConnection, sock: socket.socket) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            if hasattr(socket, "TCP_NOTSENT_LOWAT"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
            await self._loop.connect_accepted_socket(lambda: connection, sock)
        except OSError as error:  # gone already
            logger.info("a client left at once: %s", error)
            sock.close()
            self.forget(connection)

    def _accept_again(self, listener: socket.socket) -> None:
        if listener in self._listeners:
            self._loop.add_reader(listener, self._accept, listener)

    def _make_room(self) -> bool:
        """Disconnect the client that has waited longest without a request; return False if all have one."""
        waiting = [connection for connection in self._connections if connection.is_waiting]
        if not waiting:
            return False
        oldest = min(waiting, key=lambda connection: connection.waits_since)
        oldest.abort()
        self.forget(oldest)
        return True

    def _check(self) -> None:
        now = self.clock()
        for connection in list(self._connections):
            connection.check(now)
        if now - self._looked_at > _LOOK_SECS:
            self._looked_at = now
            self._threads.submit(self._on_check)
        self._next_check = self._loop.call_later(self.limits.check_secs, self._check)
