"""Who reads slowly but steadily is kept; who reads nothing is hung up on. And one read's work is bounded."""

from __future__ import annotations

import asyncio

from replay_server.limits import Limits
from tests.replay.bare_connection import BareConnection, bare_connection, run

LIMITS = Limits(high_water_bytes=2**20)
ROUND_SECS = 0.8 * LIMITS.stalled_secs
PING_FRAME = b"\x89\x80\0\0\0\0"


async def _read_a_little(ends: BareConnection) -> None:
    """Read less than what waits in the system."""
    await asyncio.get_running_loop().sock_recv(ends.ours, 65536)


async def _steady_then_stalled() -> None:
    async with bare_connection(LIMITS) as ends:
        ends.server.send_binary(bytes(4 * LIMITS.high_water_bytes))
        for _ in range(4):
            ends.now += ROUND_SECS
            await _read_a_little(ends)
            ends.server.check()
            assert ends.server.is_congested
            assert not ends.transport.is_closing()
        for _ in range(2):
            assert not ends.transport.is_closing()
            ends.now += ROUND_SECS
            ends.server.check()
        assert ends.transport.is_closing()


async def _flood() -> None:
    async with bare_connection(Limits()) as ends:
        n_before = ends.n_looks
        ends.server.data_received(PING_FRAME * 40_000)
        limits = Limits()
        assert ends.n_looks - n_before < 3 * (limits.message_burst + limits.max_refused)


def test_a_reader_is_disconnected_only_after_reading_nothing_for_too_long() -> None:
    run(_steady_then_stalled())


def test_a_flood_of_messages_is_not_parsed_beyond_the_limit() -> None:
    run(_flood())
