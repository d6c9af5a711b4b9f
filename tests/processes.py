"""Python programs as separate processes: started, read, killed, and always ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import pytest

from tests.waiting import DEADLINE_SECS, wait_until

ROOT = Path(__file__).parents[1]

AS_AN_ORDINARY_USER = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""In front of a command: permissions hold for root too then."""

needs_permissions = pytest.mark.skipif(
    bool(AS_AN_ORDINARY_USER) and shutil.which("setpriv") is None, reason="root needs setpriv to be refused anything"
)


class PythonProcess:
    """``python ARGUMENT…`` in the source tree; killed with all its children when the block is left.

    Args:
        arguments: as for ``python``: ``["-c", code]``, ``["-m", "recorder", "list"]``.
        environment: variables on top of this process's.
        folder: where it runs.
        program: in the place of ``python``.
    """

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        folder: Path = ROOT,
        program: Path | str = sys.executable,
    ) -> None:
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self.process = subprocess.Popen(
            [str(program), *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid

    @property
    def output(self) -> str:
        """Everything it has printed so far, on both streams."""
        end = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), end, 0).decode(errors="replace")

    def wait_for(self, text: str, deadline_secs: float = DEADLINE_SECS) -> str:
        """The first line that holds ``text``, once it is printed; fails when the process ends without it."""

        def line() -> str | None:
            ended = self.process.poll() is not None
            found = [line for line in self.output.splitlines(keepends=True) if text in line and line.endswith("\n")]
            assert found or not ended, f"ended with {self.process.returncode} before {text!r}:\n{self.output}"
            return found[0].rstrip("\n") if found else None

        found = wait_until(line, deadline_secs, f"{text!r} in the output")
        assert found is not None
        return found

    def wait(self, deadline_secs: float = DEADLINE_SECS) -> int:
        """Its exit status."""
        try:
            return self.process.wait(deadline_secs)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"still running after {deadline_secs:g} s:\n{self.output}") from error

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, not to its children."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL the process itself and wait for its end; its children are left to find out."""
        self.process.kill()
        self.process.wait(DEADLINE_SECS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE_SECS)
        self._output.close()


def run_python(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
    program: Path | str = sys.executable,
    deadline_secs: float = DEADLINE_SECS,
) -> tuple[int, str]:
    """Run a program to its end: exit status and output."""
    with PythonProcess(*arguments, environment=environment, folder=folder, program=program) as process:
        return process.wait(deadline_secs), process.output


def stop(pid: int) -> None:
    """SIGSTOP a process and wait until each of its threads has stopped: the signal alone only asks for it."""
    os.kill(pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{pid}/task")
    wait_until(lambda: all(_state(task) == "T" for task in tasks.iterdir()), message=f"a stop of process {pid}")


def go_on(pid: int) -> None:
    """What ``stop`` stopped goes on."""
    os.kill(pid, signal.SIGCONT)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet collected by its parent does not."""
    return _state(Path(f"/proc/{pid}")) not in ("Z", "X")


def children_of(pid: int) -> list[int]:
    """Process ids of the children that a process has at this moment; none of one that has ended."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):  # a thread that has ended since
                found += map(int, (task / "children").read_text().split())
    return found


def kill(pid: int) -> None:
    """SIGKILL a process that is somebody else's child, and so may have ended and be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _state(task: Path) -> str:
    """The letter for the state of a process or a thread: X for one that there isn't."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"
