"""Reports of trainers, workers and Redis about a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["KnownRun", "MissedHeartbeats", "Refused", "RunInfo", "ServerMemory"]


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
