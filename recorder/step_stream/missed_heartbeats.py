"""What workers note of silent trainers, as bytes, and how long a server keeps it."""

from __future__ import annotations

from collections.abc import Mapping

import msgpack

from recorder.step_stream.base import MissedHeartbeats
from recorder.step_stream.ends import unpack_body

__all__ = ["MISSED_HEARTBEATS_SECS", "noted_secs_ago", "pack_missed_heartbeats", "unpack_missed_heartbeats"]

MISSED_HEARTBEATS_SECS = 3600
"""What was seen longer ago says nothing of now."""


def pack_missed_heartbeats(missed_heartbeats: Mapping[str, MissedHeartbeats]) -> bytes:
    """A msgpack map: trainer process to heartbeat and looks."""
    packed: bytes = msgpack.packb({name: (it.heartbeat, it.n_looks) for name, it in missed_heartbeats.items()})
    return packed


def unpack_missed_heartbeats(packed: bytes) -> dict[str, MissedHeartbeats]:
    """What was noted; what is not of this kind is left out, so that its looks begin anew."""
    return {
        str(name): MissedHeartbeats(*pair)
        for name, pair in unpack_body(packed).items()
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(it, int | float) for it in pair)
    }


def noted_secs_ago(millis_left: int) -> float | None:
    """When it was noted, from the milliseconds that the server will keep it; None where that has no limit."""
    return max(0.0, MISSED_HEARTBEATS_SECS - millis_left / 1000) if millis_left >= 0 else None
