"""Counts missed heartbeats of trainers. ``recorder/step_stream/run_info.py`` decides from the counts who is gone.

Each check compares a heartbeat with the one that the previous check found. The counts are in Redis, so all workers
share them. Nothing is counted while Redis is away, or too full to accept heartbeats; after a machine has slept,
counting continues.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from recorder.step_stream import (
    GONE_AFTER_CHECKS,
    MissedHeartbeats,
    RunInfo,
    has_closed,
    heartbeat_of,
    is_gone,
    trainer_names,
)
from worker.ingest.context import IngestContext

__all__ = ["count_missed_heartbeats", "expect_trainers", "is_any_gone", "is_check_due", "is_known"]

_SLACK = 0.9
"""Checks are due at each third of ``abandoned_after_secs``; the lock of the previous one must have expired by then."""


def is_check_due(context: IngestContext) -> bool:
    """Return whether a check is due by the clock of Redis. If so, lock out other workers until the next one."""
    return context.stream.try_lock("look", secs=_SLACK * context.limits.abandoned_after_secs / GONE_AFTER_CHECKS)


def count_missed_heartbeats(context: IngestContext, info: RunInfo) -> RunInfo:
    """Count for each producer how many checks in a row found no new heartbeat; return the updated info."""
    missed_heartbeats = {name: _count_missed(info, name) for name in trainer_names(info) if not has_closed(info, name)}
    if missed_heartbeats:
        context.stream.note_missed_heartbeats(info.run_id, missed_heartbeats)
    return replace(info, missed_heartbeats=missed_heartbeats)


def expect_trainers(context: IngestContext, info: RunInfo, names: Collection[str]) -> None:
    """Start counting for producers that episodes name but that have sent no heartbeat yet."""
    expected = {name: MissedHeartbeats(0.0, 0) for name in names}
    context.stream.note_missed_heartbeats(info.run_id, {**expected, **info.missed_heartbeats})


def is_known(info: RunInfo, name: str) -> bool:
    """Return whether a producer has sent a heartbeat, or is already being counted."""
    return name in trainer_names(info)


def is_any_gone(info: RunInfo) -> bool:
    """Return whether any producer of the run is gone."""
    return any(is_gone(info, name) for name in trainer_names(info))


def _count_missed(info: RunInfo, name: str) -> MissedHeartbeats:
    heartbeat, before = heartbeat_of(info, name), info.missed_heartbeats.get(name)
    is_same = before is not None and before.heartbeat == heartbeat
    return MissedHeartbeats(heartbeat, before.n_checks + 1 if before is not None and is_same else 0)
