"""Reports of trainers, workers and Redis about a run, and which of its trainers are gone.

Workers count checks without a new heartbeat (``StepStream.note_missed_heartbeats``). Clocks of two machines are never
compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgpack

from recorder.step_stream.ends import unpack_body

__all__ = [
    "GONE_AFTER_CHECKS",
    "MISSED_HEARTBEATS_SECS",
    "KnownRun",
    "MissedHeartbeats",
    "Refused",
    "RunInfo",
    "ServerMemory",
    "age_secs",
    "has_closed",
    "heartbeat_of",
    "is_gone",
    "pack_missed_heartbeats",
    "trainer_names",
    "trainers_are_gone",
    "unpack_missed_heartbeats",
]


@dataclass(frozen=True, slots=True)
class MissedHeartbeats:
    """How long a trainer process has been silent, counted in checks, so that clocks of two machines are never compared."""

    heartbeat: float
    """Last heartbeat, by the trainer's clock; 0.0 if there was none."""
    n_checks: int
    """Consecutive checks that found this heartbeat unchanged."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What trainers report about a run."""

    run_id: str
    last_heartbeat: float
    """The latest of all trainer processes, in seconds since 1970."""
    info: Mapping[str, Any]
    producers: Mapping[str, Mapping[str, Any]]
    """Report of each trainer process: ``heartbeat``, ``closed``, ``host``, ``pid``, and its counters."""
    missed_heartbeats: Mapping[str, MissedHeartbeats] = field(default_factory=dict)
    """By trainer process, from the last check; empty if there was none within an hour."""
    checked_secs_ago: float | None = None
    """Age of that check by the server's clock; None if there was none."""


@dataclass(frozen=True, slots=True)
class ServerMemory:
    """Memory use of the server. All fields are zero, None or empty if this user may not call INFO."""

    used_bytes: int
    limit_bytes: int | None
    server_id: str
    """New with each start of the server, which may have lost its last second."""


@dataclass(frozen=True, slots=True)
class KnownRun:
    """What the catalog has of a run that has ended, perhaps to continue later.

    Args:
        last_episode_id: the highest; -1 if there is none.
    """

    n_episodes: int
    last_episode_id: int
    has_ended: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """Episodes of one trainer process that workers refused.

    Args:
        n_steps: steps of those episodes.
        why: reason for the last one.
    """

    n_episodes: int = 0
    n_steps: int = 0
    why: str = ""


GONE_AFTER_CHECKS = 3
"""One check may come too early: a lock may expire while Redis was suspended."""


def trainer_names(info: RunInfo) -> set[str]:
    """Trainer processes that have reported, or are being watched."""
    return {*info.producers, *info.missed_heartbeats}


def has_closed(info: RunInfo, name: str) -> bool:
    """Whether a trainer process reported that it closed."""
    return bool(info.producers.get(name, {}).get("closed"))


def heartbeat_of(info: RunInfo, name: str) -> float:
    """Last heartbeat, by the trainer's clock; 0.0 if there was none."""
    return float(info.producers.get(name, {}).get("heartbeat", 0.0))


def is_gone(info: RunInfo, name: str) -> bool:
    """Whether a trainer process has closed or is silent."""
    missed = info.missed_heartbeats.get(name)
    return has_closed(info, name) or (
        missed is not None and missed.n_checks >= GONE_AFTER_CHECKS and missed.heartbeat == heartbeat_of(info, name)
    )


def trainers_are_gone(info: RunInfo) -> bool:
    """Whether all trainer processes of the run are gone."""
    return all(is_gone(info, name) for name in trainer_names(info))


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
