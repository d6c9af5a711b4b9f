"""Which trainers are gone: those that have closed, and those whose heartbeat stood still while workers looked at it.

Workers count the looks (``StepStream.note_missed_heartbeats``); whoever reads the counts goes by the same rule. No two machines'
clocks are compared.
"""

from __future__ import annotations

from recorder.step_stream.base import RunInfo

__all__ = ["GONE_AFTER_LOOKS", "has_closed", "heartbeat_of", "is_gone", "trainer_names", "trainers_are_gone"]

GONE_AFTER_LOOKS = 3
"""One of them may come too early: a lock has run out on a server that was asleep."""


def trainer_names(info: RunInfo) -> set[str]:
    """The trainer processes that have said something of themselves, or are looked at."""
    return {*info.producers, *info.missed_heartbeats}


def has_closed(info: RunInfo, name: str) -> bool:
    """Whether a trainer process has said that it is done."""
    return bool(info.producers.get(name, {}).get("closed"))


def heartbeat_of(info: RunInfo, name: str) -> float:
    """What a trainer process said last, by its own clock; 0.0 when it has said nothing yet."""
    return float(info.producers.get(name, {}).get("heartbeat", 0.0))


def is_gone(info: RunInfo, name: str) -> bool:
    """Whether a trainer process has closed, or was silent for so many looks."""
    silence = info.missed_heartbeats.get(name)
    return has_closed(info, name) or (
        silence is not None and silence.n_looks >= GONE_AFTER_LOOKS and silence.heartbeat == heartbeat_of(info, name)
    )


def trainers_are_gone(info: RunInfo) -> bool:
    """Whether each trainer process of the run is gone."""
    return all(is_gone(info, name) for name in trainer_names(info))
