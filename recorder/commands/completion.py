"""Print a script that completes commands and options in a shell."""

from __future__ import annotations

import argparse

from recorder.commands import COMMANDS
from recorder.commands.arguments.parsing import build_parser
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.standard_streams import write_output
from recorder.errors import MissingExtraError

EXAMPLE = """\
completion bash
completion zsh"""

_SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=_SHELLS)


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    try:
        import shtab
    except ImportError as error:
        raise MissingExtraError("Completing commands", "catalog") from error
    write_output(shtab.complete(build_parser(list(COMMANDS)), args.shell))
    return ExitStatus.OK
