"""Runs a subcommand, and turns its error into a message and an exit status. Resends a Ctrl-C that Python ignored."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from recorder.commands.arguments.parsing import build_parser, command_module
from recorder.commands.terminal.exit_status import ExitStatus, status_of
from recorder.commands.terminal.output import error_line, escape_unprintable_output
from recorder.commands.terminal.standard_streams import discard_output, flush_output, open_standard_streams, print_error
from recorder.errors import OutputError, RecorderError

__all__ = ["resend_ignored_interrupts", "run"]


def run(arguments: Sequence[str]) -> int:
    """Run a command.

    Args:
        arguments: those after the program's name.

    Returns:
        The exit status (``ExitStatus``).

    Raises:
        SystemExit: the arguments are wrong or ask for help.
    """
    open_standard_streams()
    escape_unprintable_output()
    try:
        try:
            return _run_command(arguments)
        finally:
            flush_output()
    except OutputError as error:
        # The interpreter would flush again at exit, and print the error.
        discard_output()
        if error.is_broken_pipe:  # the reader stopped early: `… | head`
            return ExitStatus.OK
        print_error(error_line(error))
        return status_of(error)


def _run_command(arguments: Sequence[str]) -> int:
    parser = build_parser(arguments)
    if not arguments:
        parser.print_help()
        return ExitStatus.USAGE
    args = parser.parse_args(arguments)
    if getattr(args, "verbose", False):
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        with resend_ignored_interrupts():
            return int(command_module(args.command).run(args))
    except OutputError:
        raise
    except RecorderError as error:
        print_error(error_line(error))
        return status_of(error)
    except FileNotFoundError:
        if _has_current_folder():
            raise
        print_error("error: the current folder was deleted: change to another folder")
        return ExitStatus.FAILED
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED


def _has_current_folder() -> bool:
    """Whether relative paths can be used."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True


_RESEND_SECS = 0.05
"""Delay before resending; longer than a finalizer takes."""


@contextlib.contextmanager
def resend_ignored_interrupts() -> Iterator[None]:
    """Resend a ``KeyboardInterrupt`` that Python ignored within the block.

    Python prints "Exception ignored in" and continues if an exception leaves a ``__del__``, a weak reference's callback
    or a callback of the garbage collector. A Ctrl-C at that moment would have no effect. It is sent again, without a
    message, to the thread that entered the block, which must be the main one. Other ignored exceptions go to the
    previous hook.
    """
    this_thread = threading.get_ident()
    hook_before = sys.unraisablehook
    resent: list[threading.Timer] = []

    def on_ignored(ignored: sys.UnraisableHookArgs) -> None:
        if not issubclass(ignored.exc_type, KeyboardInterrupt):
            hook_before(ignored)
            return
        again = threading.Timer(_RESEND_SECS, signal.pthread_kill, (this_thread, signal.SIGINT))
        again.daemon = True
        resent.append(again)
        again.start()

    sys.unraisablehook = on_ignored
    try:
        yield
    finally:
        sys.unraisablehook = hook_before
        for again in resent:
            again.cancel()
