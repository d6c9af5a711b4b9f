"""A Ctrl-C that arrives in a finalizer, where Python ignores every exception, still ends the command."""

from __future__ import annotations

import sys

import pytest

from recorder.commands.command_line import resend_ignored_interrupts
from tests.processes import PythonProcess

INTERRUPTED_IN_A_FINALIZER = """
import os, signal, sys, time
from recorder.__main__ import main
from recorder.commands import list as command

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)

def run(args):
    for _ in range(3):
        held = Finalized()
        del held  # Python ignores what is raised in __del__
        print("went on", flush=True)
    while True:
        time.sleep(3600.0)

command.run = run
sys.exit(main(["list"]))
"""


def test_an_interrupt_in_a_finalizer_ends_the_command_a_moment_later() -> None:
    with PythonProcess("-c", INTERRUPTED_IN_A_FINALIZER) as program:
        assert program.wait() == 130, program.output
        assert program.output.splitlines()[0] == "went on"
        assert "Traceback" not in program.output


def test_other_ignored_exceptions_reach_the_earlier_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    class Finalized:
        def __del__(self) -> None:
            raise ValueError("in a finalizer")

    seen: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda ignored: seen.append(str(ignored.exc_value)))
    hook_before = sys.unraisablehook
    with resend_ignored_interrupts():
        Finalized()
    assert seen == ["in a finalizer"]
    assert sys.unraisablehook is hook_before
