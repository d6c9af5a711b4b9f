"""Child processes: programs that end with this process, and modules of this package."""

from recorder.child_process.child import ChildProcess, spawn_tethered
from recorder.child_process.detached import spawn_detached
from recorder.child_process.interpreter import python_executable
from recorder.child_process.linked import spawn_linked
from recorder.child_process.module_command import module_command

__all__ = ["ChildProcess", "module_command", "python_executable", "spawn_detached", "spawn_linked", "spawn_tethered"]
