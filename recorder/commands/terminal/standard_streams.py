"""Standard streams: opens closed ones, and reports output that can't be written."""

from __future__ import annotations

import contextlib
import os
import sys

from recorder.errors import OutputError

__all__ = ["discard_output", "flush_output", "open_standard_streams", "print_error", "write_output"]


def open_standard_streams() -> None:
    """Open the null device for each standard stream that is closed (``>&-``).

    Otherwise the next file or connection would get its descriptor, and receive what is printed.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free descriptor: this one
            os.set_inheritable(descriptor, True)
    for descriptor, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            stream = open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def write_output(text: str, *, end: str = "\n") -> None:
    """Print on standard output.

    Raises:
        OutputError: standard output can't be written.
    """
    try:
        print(text, end=end)
    except OSError as error:
        raise OutputError(error) from error


def flush_output() -> None:
    """Flush standard output.

    Raises:
        OutputError: standard output can't be written.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(error) from error


def discard_output() -> None:
    """Redirect standard output to the null device."""
    _discard(1)


def print_error(text: str) -> None:
    """Print on standard error. A failure to print is ignored; the exit status still shows the error."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _discard(2)


def _discard(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)
