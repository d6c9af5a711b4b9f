"""Limits of a viewer and of plain HTTP connections: sizes, rates and times. PROTOCOL.md states them to clients."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MAX_BODY_BYTES", "FrontLimits", "Limits", "RateLimiter"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one process.

    Args:
        max_connections: WebSockets at once.
        max_message_bytes: size of a client's message; the largest normal one is a filter, far below this.
        messages_per_sec: rate; several times that of a person who drags a slider. Pings and fragments count too.
        message_burst: messages that may exceed the rate at once.
        max_refused: messages beyond the rate after which the client is disconnected.
        forgiven_per_sec: how many of those are forgotten each second.
        max_inbox: waiting messages; when there are as many, the socket is not read.
        high_water_bytes: unsent bytes at which updates are skipped and chunks held back.
        stalled_secs: a reader that reads nothing for this long is disconnected.
        ping_secs: interval of pings; without an answer for twice this long the connection is closed.
        idle_secs: a connection that sends and plays nothing for this long is closed.
        max_streams: chunk streams per connection; a wall of lanes has 16.
        max_credit: outstanding chunks per stream.
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
    max_streams: int = 24
    max_credit: int = 64


class RateLimiter:
    """A token bucket.

    Args:
        per_sec: tokens added per second.
        burst: capacity.
        now: the time at which it is full, in seconds.
    """

    __slots__ = ("_burst", "_level", "_per_sec", "_updated")

    def __init__(self, per_sec: float, burst: int, now: float) -> None:
        self._per_sec = per_sec
        self._burst = float(burst)
        self._level = float(burst)
        self._updated = now

    def allow(self, now: float) -> bool:
        """Take a token; return False if there is none."""
        self._level = min(self._burst, self._level + (now - self._updated) * self._per_sec)
        self._updated = now
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True

    def wait_secs(self, now: float) -> float:
        """Return the seconds from ``now`` until the next token."""
        level = min(self._burst, self._level + (now - self._updated) * self._per_sec)
        return max(0.0, 1.0 - level) / self._per_sec


MAX_BODY_BYTES = 64 * 1024
"""The largest request is an annotation."""


@dataclass(frozen=True, slots=True)
class FrontLimits:
    """The limits of one process. PROTOCOL.md states them to clients.

    Args:
        max_connections: at once. A new one replaces the one that has waited longest without a request.
        max_head_bytes: request line and headers.
        request_secs: from the first byte of a request to its last.
        keepalive_secs: how long a connection may be idle before a request.
        min_bytes_per_sec: a client that reads its answer more slowly, averaged over ``rate_secs``, is disconnected. A
            browser fetches the rest of a paused video by range.
        linger_secs: how long a client may take to close its side after its last answer.
        check_secs: interval of checks.
    """

    max_connections: int = 2048
    max_head_bytes: int = 32 * 1024
    request_secs: float = 10.0
    keepalive_secs: float = 15.0
    min_bytes_per_sec: float = 1024.0
    rate_secs: float = 30.0
    linger_secs: float = 2.0
    check_secs: float = 1.0
