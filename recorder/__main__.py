"""``python -m recorder COMMAND``: find the subcommand, run it, turn its error into a line and an exit status."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

from recorder.commands.exit_status import ExitStatus, status_of
from recorder.commands.interrupts import no_interrupt_is_lost
from recorder.commands.output import error_line, let_any_text_through
from recorder.commands.parsing import build_parser, command_module
from recorder.errors import RecorderError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments behind the program's name; None takes this process's.

    Returns:
        The exit status (``ExitStatus``).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    let_any_text_through()
    args = build_parser(arguments).parse_args(arguments)
    if getattr(args, "verbose", False):
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        with no_interrupt_is_lost():
            status = int(command_module(args.command).run(args))
        sys.stdout.flush()
        return status
    except RecorderError as error:
        print(error_line(error), file=sys.stderr)
        return status_of(error)
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has seen enough (`… | head`); keep the interpreter from complaining at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.OK


if __name__ == "__main__":
    sys.exit(main())
