"""What a viewer may ask of the server: sizes, rates, times. PROTOCOL.md states them to clients."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits", "RateLimiter"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one process.

    Args:
        max_connections: WebSockets at once.
        max_message_bytes: one message from a client: the largest sensible one is a filter, far below.
        messages_per_sec, message_burst: what a person who drags a slider can cause, several times over; pings and
            fragments of messages count too.
        max_refused: messages beyond the rate after which a client counts as hostile; forgiven_per_sec: how many of them
            are forgotten each second.
        max_inbox: messages that wait while one is carried out; then the socket is not read until they are done.
        high_water_bytes: bytes that wait for a slow reader before updates are skipped and chunks held back.
        stalled_secs: a reader that takes nothing for so long is hung up on.
        ping_secs: how often a connection is asked whether it is there; twice that without an answer closes it.
        idle_secs: a connection that says nothing and plays nothing for so long is closed.
        max_streams: chunk streams of one connection.
        max_credit: chunks that one stream may have outstanding.
    """

    max_connections: int = 1200
    max_message_bytes: int = 16 * 1024
    messages_per_sec: float = 50.0
    message_burst: int = 100
    max_refused: int = 500
    forgiven_per_sec: float = 10.0
    max_inbox: int = 32
    high_water_bytes: int = 256 * 1024
    stalled_secs: float = 30.0
    ping_secs: float = 20.0
    idle_secs: float = 3600.0
    max_streams: int = 8
    max_credit: int = 64


class RateLimiter:
    """A token bucket.

    Args:
        per_sec: tokens that come back each second.
        burst: tokens that it holds when full.
        now: the time at which it is full, seconds.
    """

    __slots__ = ("_burst", "_level", "_per_sec", "_updated")

    def __init__(self, per_sec: float, burst: int, now: float) -> None:
        self._per_sec = per_sec
        self._burst = float(burst)
        self._level = float(burst)
        self._updated = now

    def allow(self, now: float) -> bool:
        """Take a token; False when none is left."""
        self._level = min(self._burst, self._level + (now - self._updated) * self._per_sec)
        self._updated = now
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True

    def wait_secs(self, now: float) -> float:
        """Seconds from ``now`` until a token is there, when none was just now."""
        level = min(self._burst, self._level + (now - self._updated) * self._per_sec)
        return max(0.0, 1.0 - level) / self._per_sec
