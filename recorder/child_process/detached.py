"""Starts a module of this package as a process that outlives this one."""

from __future__ import annotations

import subprocess

from recorder.child_process.module_command import module_command

__all__ = ["spawn_detached"]


def spawn_detached(module: str, data: bytes) -> subprocess.Popen[bytes]:
    """Start it in a separate session, with its orders on its standard input: no command line or environment shows a password.

    Args:
        data: all of its standard input.

    Raises:
        OSError: it can't be started, or ended at once.
    """
    process = subprocess.Popen(
        module_command(module),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,  # a reader of this process's output must not wait for that one too
        start_new_session=True,
    )
    assert process.stdin is not None
    try:
        with process.stdin as pipe:
            pipe.write(data)
    except OSError:
        process.kill()
        process.wait()
        raise
    return process
