"""A ``Connection`` without a server: on a pair of sockets, with a clock and a session that tests are in charge of."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from wsproto import WSConnection
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection, Request

from replay_server.limits import Limits
from replay_server.socket.connection import Connection
from tests.waiting import DEADLINE_SECS


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end; on a separate thread, because a browser of other tests may have a loop on this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, asyncio.wait_for(scenario, DEADLINE_SECS)).result()


class SlowSession:
    """Runs its callbacks when a test asks."""

    def __init__(self) -> None:
        self.may_work = asyncio.Event()
        self.n_done = 0
        self.is_over = asyncio.Event()

    def opened(self) -> None:
        """Nothing to say."""

    async def receive(self, text: str) -> None:
        """Wait."""
        await self.may_work.wait()
        self.n_done += 1

    def refuse(self, code: str, message: str) -> None:
        """Nothing is refused here."""
        raise AssertionError(message)

    def writable(self) -> None:
        """Nothing is written."""

    def is_busy(self) -> bool:
        """Always, so that it is never idle."""
        return True

    def closed(self) -> None:
        """The end."""
        self.is_over.set()


class BareConnection:
    """Both ends.

    Attributes:
        now: what the connection's clock shows.
        n_looks: how often it was looked at.
        server: the end that is tested.
        transport: what it writes to.
        session: what it talks to.
        client: state of the other end.
        ours: socket of the other end; nothing reads it by itself.
    """

    def __init__(self, limits: Limits) -> None:
        self.now = 0.0
        self.n_looks = 0
        loop = asyncio.get_running_loop()
        self.session = SlowSession()
        self.client, ws = _upgraded()
        self.server = Connection(
            ws,
            limits=limits,
            clock=self._clock,
            make_session=lambda _: self.session,
            on_close=lambda _: None,
            spawn=loop.create_task,
            call_later=loop.call_later,
        )
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.transport: asyncio.Transport

    def _clock(self) -> float:
        self.n_looks += 1
        return self.now


@asynccontextmanager
async def bare_connection(limits: Limits) -> AsyncIterator[BareConnection]:
    """Both ends, connected; at the end the client has hung up and the server has noticed."""
    ends = BareConnection(limits)
    loop = asyncio.get_running_loop()
    ends.transport, _ = await loop.connect_accepted_socket(lambda: ends.server, ends.theirs)
    with ends.ours:
        yield ends
    await ends.session.is_over.wait()


def _upgraded() -> tuple[WSConnection, WSConnection]:
    """Both ends' states after the upgrade."""
    client, server = WSConnection(ConnectionType.CLIENT), WSConnection(ConnectionType.SERVER)
    server.receive_data(client.send(Request(host="localhost", target="/ws")))
    list(server.events())
    client.receive_data(server.send(AcceptConnection()))
    list(client.events())
    return client, server
