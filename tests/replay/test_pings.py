"""Who answers no pings is closed; who can't, because the server does not read what comes, is not."""

from __future__ import annotations

import asyncio

from wsproto import WSConnection
from wsproto.events import CloseConnection, TextMessage

from replay_server.limits import Limits
from tests.replay.bare_connection import bare_connection, run

LIMITS = Limits(max_inbox=4, messages_per_sec=1e9, message_burst=10**9)
LONG_SECS = 10 * LIMITS.ping_secs


async def _scenario() -> None:
    loop = asyncio.get_running_loop()
    async with bare_connection(LIMITS) as ends:
        client, ours, session, connection = ends.client, ends.ours, ends.session, ends.server
        for _ in range(LIMITS.max_inbox + 1):  # the first is being carried out, the others fill the inbox
            ours.sendall(client.send(TextMessage("wait")))
        while ends.transport.is_reading():
            await asyncio.sleep(0)
        ends.now += LONG_SECS
        connection.check()
        assert _goodbye(client, await loop.sock_recv(ours, 4096)) is None

        session.may_work.set()
        while session.n_done <= LIMITS.max_inbox:
            await asyncio.sleep(0)
        connection.check()
        assert ends.transport.is_reading()

        ends.now += LONG_SECS
        connection.check()
        assert _goodbye(client, await loop.sock_recv(ours, 4096)) == (1001, "no answer to pings")


def _goodbye(client: WSConnection, data: bytes) -> tuple[int, str | None] | None:
    """Code and reason of the closing frame in what the server sent."""
    client.receive_data(data)
    return next(((event.code, event.reason) for event in client.events() if isinstance(event, CloseConnection)), None)


def test_a_viewer_with_waiting_messages_is_not_timed_out() -> None:
    run(_scenario())
