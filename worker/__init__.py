"""Runs outside the training process: assembles, selects, writes and renders episodes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worker.criteria import (
        PerformanceCriterion,
        PeriodicCriterion,
        StageBoundariesCriterion,
        StageTransitionCriterion,
    )
    from worker.recording_writer import RecordingWriter

__all__ = [
    "PerformanceCriterion",
    "PeriodicCriterion",
    "RecordingWriter",
    "StageBoundariesCriterion",
    "StageTransitionCriterion",
]


def __getattr__(name: str) -> Any:
    """Import the writer, and with it the catalog, or the criteria on first use."""
    if name in __all__:
        return getattr(
            import_module("worker.recording_writer" if name == "RecordingWriter" else "worker.criteria"), name
        )
    raise AttributeError(f"module 'worker' has no attribute {name!r}")
