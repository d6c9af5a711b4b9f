"""The command line: find the subcommand, run it, turn its error into a line and an exit status."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from recorder.commands.arguments.parsing import build_parser, command_module
from recorder.commands.terminal.exit_status import ExitStatus, status_of
from recorder.commands.terminal.interrupts import no_interrupt_is_lost
from recorder.commands.terminal.output import error_line, let_any_text_through
from recorder.commands.terminal.standard_streams import discard_output, flush_output, open_standard_streams, tell
from recorder.errors import OutputError, RecorderError

__all__ = ["run"]


def run(arguments: Sequence[str]) -> int:
    """Run a command.

    Args:
        arguments: behind the program's name.

    Returns:
        The exit status (``ExitStatus``).

    Raises:
        SystemExit: the arguments are wrong, or ask for help.
    """
    open_standard_streams()
    let_any_text_through()
    try:
        try:
            return _run_command(arguments)
        finally:
            flush_output()
    except OutputError as error:
        # The interpreter would try again at its end, and complain.
        discard_output()
        if error.is_broken_pipe:  # the reader has seen enough: `… | head`
            return ExitStatus.OK
        tell(error_line(error))
        return status_of(error)


def _run_command(arguments: Sequence[str]) -> int:
    args = build_parser(arguments).parse_args(arguments)
    if getattr(args, "verbose", False):
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        with no_interrupt_is_lost():
            return int(command_module(args.command).run(args))
    except OutputError:
        raise
    except RecorderError as error:
        tell(error_line(error))
        return status_of(error)
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
