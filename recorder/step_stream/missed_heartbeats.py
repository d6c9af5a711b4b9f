"""Packs missed heartbeats for storage in Redis."""

from __future__ import annotations

from collections.abc import Mapping

import msgpack

from recorder.step_stream.ends import unpack_body
from recorder.step_stream.run_info import MissedHeartbeats

__all__ = ["MISSED_HEARTBEATS_SECS", "age_secs", "pack_missed_heartbeats", "unpack_missed_heartbeats"]

MISSED_HEARTBEATS_SECS = 3600
"""Lifetime of the stored counts."""


def pack_missed_heartbeats(missed_heartbeats: Mapping[str, MissedHeartbeats]) -> bytes:
    """A msgpack map: trainer process to heartbeat and number of checks."""
    packed: bytes = msgpack.packb({name: (it.heartbeat, it.n_checks) for name, it in missed_heartbeats.items()})
    return packed


def unpack_missed_heartbeats(packed: bytes) -> dict[str, MissedHeartbeats]:
    """The stored counts; invalid entries are left out, so that their count restarts."""
    return {
        str(name): MissedHeartbeats(*pair)
        for name, pair in unpack_body(packed).items()
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(it, int | float) for it in pair)
    }


def age_secs(millis_left: int) -> float | None:
    """Age of the counts, from their remaining lifetime in milliseconds; None if they have no lifetime."""
    return max(0.0, MISSED_HEARTBEATS_SECS - millis_left / 1000) if millis_left >= 0 else None
