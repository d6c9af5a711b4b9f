"""Starts programs that end with this process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from recorder.child_process import tether
from recorder.child_process.modules import python_executable

__all__ = ["ChildProcess", "spawn_tethered"]


def spawn_tethered(
    command: Sequence[str], *, log: Path, pass_fds: Sequence[int] = (), stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a program in its own session, tied to this process.

    The kernel signals the child when the *thread* that started it ends, so a thread is kept for it.

    Args:
        command: path and arguments.
        log: file to which its output is appended.
        pass_fds: descriptors to inherit.
        stdin: descriptor of its standard input; empty by default.

    Raises:
        OSError: it can't be started, or no Python is available for the tether.
    """
    method = "kernel" if sys.platform == "linux" else "watcher"
    tied = [python_executable(), "-I", "-S", str(tether.__file__), str(os.getpid()), method, *command]
    started: Future[subprocess.Popen[bytes]] = Future()

    def keep() -> None:
        try:
            with log.open("ab") as output:
                process = subprocess.Popen(
                    tied,
                    stdin=stdin,
                    stdout=output,
                    stderr=output,
                    pass_fds=pass_fds,
                    start_new_session=True,
                )
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(process)
        process.wait()

    threading.Thread(target=keep, name=f"keeper of {Path(command[0]).name}", daemon=True).start()
    return started.result()


_STOP_SECS = 25.0
"""Between SIGTERM and SIGKILL."""


class ChildProcess:
    """A program that runs during a ``with`` block; Ctrl-C in the terminal does not reach it.

    Args:
        command: path and arguments.
        log: file to which its output is appended.
    """

    def __init__(self, command: Sequence[str], *, log: Path) -> None:
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ChildProcess:
        self._process = spawn_tethered(self._command, log=self._log)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def is_alive(self) -> bool:
        """Whether it is running."""
        return self._process is not None and self._process.poll() is None

    def log_tail(self, n_lines: int = 15) -> str:
        """The last lines of its output."""
        with contextlib.suppress(OSError):
            return "\n".join(self._log.read_text(errors="replace").splitlines()[-n_lines:])
        return ""

    def stop(self) -> None:
        """Stop it with SIGTERM, then SIGKILL to its session."""
        if self._process is None:
            return
        if self.is_alive:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_SECS)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
