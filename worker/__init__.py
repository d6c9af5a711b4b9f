"""What happens off the training process: assemble, decide, write, render."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worker.recording_writer import RecordingWriter

__all__ = ["RecordingWriter"]


def __getattr__(name: str) -> Any:
    """Load the writer, and with it the catalog, only when it is asked for."""
    if name == "RecordingWriter":
        return getattr(import_module("worker.recording_writer"), name)
    raise AttributeError(f"module 'worker' has no attribute {name!r}")
