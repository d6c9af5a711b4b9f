"""The parser: options that every subcommand takes, and the subcommands' own."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from recorder.commands import COMMANDS
from recorder.commands.program import PROGRAM
from recorder.version import package_version

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = [
    "PLACE_OPTIONS",
    "add_command",
    "build_parser",
    "command_module",
    "non_negative",
    "number",
    "positive",
    "positive_number",
    "whole_number",
]

PLACE_OPTIONS = {
    "--database": ("PATH_OR_URL", "the catalog: SQLite file or PostgreSQL URL"),
    "--recordings": ("DIR_OR_URL", "folder or URL of the episode files"),
    "--redis-url": ("URL", "Redis or Valkey"),
    "--key-prefix": ("PREFIX", "prefix of every key in Redis"),
}
"""Common options that say where things are: how the value is called, and what it is."""

_LEAST, _MOST = -(2**63), 2**63 - 1
"""The whole numbers that a database holds; the last one is the largest id of an episode."""

_EXAMPLE = f"""\
example:
  {PROGRAM} list --stage 2 --min-reward 100 --recordings recordings/

exit status: 0 done; 1 failed, or something is wrong; 2 wrong usage or configuration; 3 not found"""


def build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for ``arguments``: only the subcommands named in them are imported and have options of their own."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="The flight recorder of reinforcement-learning training.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_common_options()],
    )
    parser.add_argument("--version", action=_PrintVersion, nargs=0, help="print the version and end")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for name, summary in COMMANDS.items():
        if name in arguments:
            command_module(name).add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=summary, add_help=False)
    return parser


def command_module(name: str) -> ModuleType:
    """The module of a subcommand."""
    return import_module(f"recorder.commands.{name.replace('-', '_')}")


def add_command(
    subparsers: Subparsers, name: str, *, description: str, example: str, hides_places: bool = False
) -> argparse.ArgumentParser:
    """A subcommand's parser, with the common options and an example at the end of its help.

    Args:
        name: as in ``COMMANDS``, where its one line for the top level's help stands.
        description: what it does; the module's docstring, as a rule.
        example: arguments behind ``hamlet-recorder``, one command a line.
        hides_places: leave ``PLACE_OPTIONS`` out of its help; the command itself refuses them.
    """
    lines = "\n".join(f"  {PROGRAM} {line}" for line in example.splitlines())
    return subparsers.add_parser(
        name,
        help=COMMANDS[name],
        description=description,
        epilog=f"example:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_common_options(hides_places=hides_places)],
    )


class _PrintVersion(argparse.Action):
    """Looks the version up only when it is asked for: that reads the list of installed packages."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> NoReturn:
        print(f"{PROGRAM} {package_version()}")
        parser.exit()


def whole_number(text: str) -> int:
    """An argument that is a whole number.

    Raises:
        ArgumentTypeError: it is none, or none from -2**63 to 2**63 - 1.
    """
    return _whole_number(text)


def non_negative(text: str) -> int:
    """An argument that counts from 0, or is the id of an episode.

    Raises:
        ArgumentTypeError: it is no whole number, or none from 0 to 2**63 - 1.
    """
    return _whole_number(text, least=0)


def positive(text: str) -> int:
    """An argument that counts from 1.

    Raises:
        ArgumentTypeError: it is no whole number, or none from 1 to 2**63 - 1.
    """
    return _whole_number(text, least=1)


def number(text: str) -> float:
    """An argument that is a number.

    Raises:
        ArgumentTypeError: it is none.
    """
    value = _number(text)
    if math.isnan(value):
        raise argparse.ArgumentTypeError(f"expected a number, found {text!r}")
    return value


def positive_number(text: str) -> float:
    """An argument that measures something.

    Raises:
        ArgumentTypeError: it is no number, not above 0, or infinite.
    """
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {text!r}")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _whole_number(text: str, *, least: int | None = None) -> int:
    try:
        value = int(text)
    except ValueError:
        value = None
    if value is None or (least is not None and value < least):
        bound = "" if least is None else f", {least} or more"
        raise argparse.ArgumentTypeError(f"expected a whole number{bound}, found {text!r}")
    if not _LEAST <= value <= _MOST:
        limit = f"at most {_MOST}" if value > 0 else f"at least {_LEAST}"
        raise argparse.ArgumentTypeError(f"expected a whole number of {limit}, found {text!r}")
    return value


def _common_options(*, hides_places: bool = False) -> argparse.ArgumentParser:
    """Options that may stand before or behind the subcommand; what is not given leaves no trace, so neither place wins."""
    parser = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = parser.add_argument_group("common options")
    group.add_argument("--config", metavar="FILE", help="YAML file with the key 'recording'")
    for option, (metavar, meaning) in PLACE_OPTIONS.items():
        group.add_argument(option, metavar=metavar, help=argparse.SUPPRESS if hides_places else meaning)
    group.add_argument("--run", metavar="RUN_ID", help="only this run")
    group.add_argument("--json", action="store_true", help="print JSON, for programs")
    group.add_argument("--verbose", action="store_true", help="log to stderr")
    return parser
