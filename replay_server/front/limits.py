"""Limits of plain HTTP connections: times, sizes and the minimum rate."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MAX_BODY_BYTES", "FrontLimits"]

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
