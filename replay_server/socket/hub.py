"""``Hub``: the thread that serves all WebSockets of a process.

On an event loop a waiting viewer costs nothing; a thread per viewer would cost memory and context switches, which delay
all viewers. Work that may block on a disk or database is done on a few other threads.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from wsproto import WSConnection
from wsproto.frame_protocol import CloseReason

from replay_server.limits import Limits
from replay_server.socket.connection import Connection
from replay_server.socket.messages import Session
from replay_server.socket.scheduler import Scheduler

__all__ = ["Hub"]

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_N_READERS = 4
"""Threads that open recordings and read the catalog and the step stream."""

_FAREWELL_SECS = 2.0


class Hub:
    """Serves upgraded sockets on an event loop; starts its thread with the first one.

    Args:
        limits: for every connection.
        make_session: creates the handler of a connection's messages.
        on_check: called as often as connections are checked.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        make_session: Callable[[Hub, Connection], Session],
        on_check: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self.clock = clock
        self._make_session = make_session
        self._on_check = on_check
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._n_reserved = 0
        self._is_closed = False
        self.loop = asyncio.new_event_loop()
        self.scheduler = Scheduler(clock, self.loop.call_later)
        self._readers = ThreadPoolExecutor(_N_READERS, "replay-reader")

    @property
    def n_connections(self) -> int:
        """Number of connections."""
        return self._n_reserved

    @property
    def n_waiting_bytes(self) -> int:
        """Unsent bytes; approximate, because any thread may ask."""
        return sum(connection.n_waiting_bytes for connection in list(self._connections))

    def reserve(self) -> bool:
        """Reserve a place before the upgrade; return False if all are taken or the server is stopping."""
        with self._lock:
            if self._is_closed or self._n_reserved >= self.limits.max_connections:
                return False
            self._n_reserved += 1
            return True

    def release(self) -> None:
        """Release a reserved place."""
        with self._lock:
            self._n_reserved -= 1

    def adopt(self, sock: socket.socket, ws: WSConnection, *, on_gone: Callable[[], object] = lambda: None) -> None:
        """Serve an upgraded socket whose place is reserved. The hub owns the socket from now on.

        Args:
            on_gone: called when the viewer is gone.
        """
        with self._lock:
            if not self._is_closed:
                self._start()
                self.loop.call_soon_threadsafe(lambda: self.spawn(self._serve(sock, ws, on_gone)))
                return
        sock.close()
        self.release()
        on_gone()

    async def read(self, function: Callable[..., Result], *args: Any) -> Result:
        """Call a function that may block, on another thread."""
        return await self.loop.run_in_executor(self._readers, function, *args)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine on the event loop; its errors are logged."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def close(self, reason: str) -> None:
        """Send the reason to every viewer, close the connections and stop the thread. New connections are refused."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            thread = self._thread
        if thread is not None:
            asyncio.run_coroutine_threadsafe(self._close_all(reason), self.loop)
            thread.join(2 * _FAREWELL_SECS)
        self._readers.shutdown(wait=False, cancel_futures=True)
        if thread is None:
            self.loop.close()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="replay-sockets", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.call_soon(self._check)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    async def _serve(self, sock: socket.socket, ws: WSConnection, on_gone: Callable[[], object]) -> None:
        def forget(connection: Connection) -> None:
            if connection in self._connections:
                self._connections.discard(connection)
                self.release()
                on_gone()

        connection = Connection(
            ws,
            limits=self.limits,
            clock=self.clock,
            make_session=lambda connection: self._make_session(self, connection),
            on_close=forget,
            spawn=self.spawn,
            call_later=self.loop.call_later,
        )
        self._connections.add(connection)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self.loop.connect_accepted_socket(lambda: connection, sock)
        except OSError as error:  # it left between the upgrade and here
            logger.info("a viewer left during the upgrade: %s", error)
            sock.close()
            forget(connection)

    def _check(self) -> None:
        for connection in list(self._connections):
            connection.check()
        self._on_check()
        self.loop.call_later(self.limits.ping_secs / 4, self._check)

    async def _close_all(self, reason: str) -> None:
        deadline = self.loop.time() + _FAREWELL_SECS
        while self._connections and self.loop.time() < deadline:
            for connection in list(self._connections):  # in every round, because some may have just been upgraded
                connection.close(CloseReason.GOING_AWAY, reason)
            await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.abort()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # aborted connections are closed in the loop's next round
        self.loop.call_soon(self.loop.stop)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a viewer's task failed in process %d", os.getpid(), exc_info=error)
