"""Asks a module that runs in a process by itself, and returns its answer."""

from __future__ import annotations

import subprocess
from typing import NamedTuple

from recorder.child_process.module_command import module_command

__all__ = ["Answer", "ask_module"]


class Answer(NamedTuple):
    """What a module wrote to standard output, and the status with which it ended."""

    status: int
    data: bytes


def ask_module(module: str, question: bytes, *, timeout_secs: float) -> Answer:
    """Run ``python -m MODULE`` with the question as its standard input. Its messages go where this process's go.

    Raises:
        OSError: it can't be started.
        TimeoutError: it had no answer in time, and was ended.
    """
    try:
        done = subprocess.run(
            module_command(module), input=question, stdout=subprocess.PIPE, timeout=timeout_secs, start_new_session=True
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"no answer within {timeout_secs:g} seconds") from error
    return Answer(done.returncode, done.stdout)
