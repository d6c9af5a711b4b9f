"""Who answers no pings is closed; who can't, because the server does not read what comes, is not."""

from __future__ import annotations

import asyncio
import socket

from wsproto import WSConnection
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

from replay_server.limits import Limits
from replay_server.socket.connection import Connection

LIMITS = Limits(max_inbox=4, messages_per_sec=1e9, message_burst=10**9)
LONG_SECS = 10 * LIMITS.ping_secs


class SlowSession:
    """Carries its messages out when it is told to."""

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


async def _scenario() -> None:
    now = 0.0
    client, server = _upgraded()
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    session = SlowSession()
    connection = Connection(
        server,
        limits=LIMITS,
        clock=lambda: now,
        make_session=lambda _: session,
        on_close=lambda _: None,
        spawn=loop.create_task,
        call_later=loop.call_later,
    )
    transport, _ = await loop.connect_accepted_socket(lambda: connection, theirs)
    ours.setblocking(False)
    with ours:
        for _ in range(LIMITS.max_inbox + 1):  # the first is being carried out, the others fill the inbox
            ours.sendall(client.send(TextMessage("wait")))
        while transport.is_reading():
            await asyncio.sleep(0)
        now += LONG_SECS
        connection.check()
        assert _goodbye(client, await loop.sock_recv(ours, 4096)) is None

        session.may_work.set()
        while session.n_done <= LIMITS.max_inbox:
            await asyncio.sleep(0)
        connection.check()
        assert transport.is_reading()

        now += LONG_SECS
        connection.check()
        assert _goodbye(client, await loop.sock_recv(ours, 4096)) == (1001, "no answer to pings")
    await session.is_over.wait()


def _upgraded() -> tuple[WSConnection, WSConnection]:
    """Both ends' states after the upgrade."""
    client, server = WSConnection(ConnectionType.CLIENT), WSConnection(ConnectionType.SERVER)
    server.receive_data(client.send(Request(host="localhost", target="/ws")))
    list(server.events())
    client.receive_data(server.send(AcceptConnection()))
    list(client.events())
    return client, server


def _goodbye(client: WSConnection, data: bytes) -> tuple[int, str | None] | None:
    """Code and reason of the closing frame in what the server sent."""
    client.receive_data(data)
    return next(((event.code, event.reason) for event in client.events() if isinstance(event, CloseConnection)), None)


def test_a_viewer_whose_messages_wait_is_not_blamed_for_silence() -> None:
    asyncio.run(asyncio.wait_for(_scenario(), 20.0))
