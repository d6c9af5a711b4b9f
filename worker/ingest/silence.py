"""Looking whether trainers still speak; what the looks come to stands in ``recorder/step_stream/trainers.py``.

A look compares a heartbeat with the one that the look before has found; looks are counted
on the server, so that all workers count together. Nothing is counted while the server is away, or so full that it refuses
heartbeats as well; a machine that was asleep finds the count where it left it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from recorder.step_stream import (
    GONE_AFTER_LOOKS,
    MissedHeartbeats,
    RunInfo,
    has_closed,
    heartbeat_of,
    is_gone,
    trainer_names,
)
from worker.ingest.context import IngestContext

__all__ = ["expect_trainers", "is_known", "is_time_to_look", "look_at_trainers", "someone_is_gone"]

_SLACK = 0.9
"""Sweeps that are due each third of ``abandoned_after_secs`` must not find the lock of the one before."""


def is_time_to_look(context: IngestContext) -> bool:
    """Whether the last look is long enough ago, by the server's clock; then the next one has to wait."""
    return context.stream.try_lock("look", secs=_SLACK * context.limits.abandoned_after_secs / GONE_AFTER_LOOKS)


def look_at_trainers(context: IngestContext, info: RunInfo) -> RunInfo:
    """Count for each trainer process how often in a row it had nothing new to say; returns what is known now."""
    missed_heartbeats = {name: _after_a_look(info, name) for name in trainer_names(info) if not has_closed(info, name)}
    if missed_heartbeats:
        context.stream.note_missed_heartbeats(info.run_id, missed_heartbeats)
    return replace(info, missed_heartbeats=missed_heartbeats)


def expect_trainers(context: IngestContext, info: RunInfo, names: Collection[str]) -> None:
    """Look from now on at trainer processes that episodes name, and that have said nothing yet of themselves."""
    expected = {name: MissedHeartbeats(0.0, 0) for name in names}
    context.stream.note_missed_heartbeats(info.run_id, {**expected, **info.missed_heartbeats})


def is_known(info: RunInfo, name: str) -> bool:
    """Whether a trainer process has said something of itself, or is looked at."""
    return name in trainer_names(info)


def someone_is_gone(info: RunInfo) -> bool:
    """Whether one trainer process of the run is gone."""
    return any(is_gone(info, name) for name in trainer_names(info))


def _after_a_look(info: RunInfo, name: str) -> MissedHeartbeats:
    heartbeat, before = heartbeat_of(info, name), info.missed_heartbeats.get(name)
    is_same = before is not None and before.heartbeat == heartbeat
    return MissedHeartbeats(heartbeat, before.n_looks + 1 if before is not None and is_same else 0)
