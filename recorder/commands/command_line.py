"""Runs a subcommand and turns its error into a message and an exit status."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from recorder.commands.arguments.parsing import build_parser, command_module
from recorder.commands.terminal.exit_status import ExitStatus, status_of
from recorder.commands.terminal.interrupts import resend_ignored_interrupts
from recorder.commands.terminal.output import error_line, escape_unprintable_output
from recorder.commands.terminal.standard_streams import discard_output, flush_output, open_standard_streams, print_error
from recorder.errors import OutputError, RecorderError

__all__ = ["run"]


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
