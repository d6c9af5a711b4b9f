"""Programs that a command starts for itself, and that never outlive it."""

from recorder.child_process.child import ChildProcess, spawn_tethered

__all__ = ["ChildProcess", "spawn_tethered"]
