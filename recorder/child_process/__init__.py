"""Child processes: programs that end with this process, and modules of this package."""

from recorder.child_process.child import ChildProcess, spawn_tethered
from recorder.child_process.modules import module_command, python_executable, spawn_detached, spawn_linked

__all__ = ["ChildProcess", "module_command", "python_executable", "spawn_detached", "spawn_linked", "spawn_tethered"]
