"""Decides which trainers are gone: closed, or without a new heartbeat in several checks.

Workers count the checks (``StepStream.note_missed_heartbeats``). Clocks of two machines are never compared.
"""

from __future__ import annotations

from recorder.step_stream.run_info import RunInfo

__all__ = ["GONE_AFTER_CHECKS", "has_closed", "heartbeat_of", "is_gone", "trainer_names", "trainers_are_gone"]

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
