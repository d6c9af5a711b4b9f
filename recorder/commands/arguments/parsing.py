"""The argument parser: common options, subcommands and argument types. Its errors are one sentence and a hint."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from recorder.commands import COMMANDS
from recorder.commands.program import PROGRAM
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.standard_streams import print_error, write_output
from recorder.runtime.version import package_version

__all__ = [
    "PLACE_OPTIONS",
    "Parser",
    "build_parser",
    "command_module",
    "non_negative",
    "number",
    "positive",
    "positive_number",
    "whole_number",
]


class Parser(argparse.ArgumentParser):
    """Suggests the nearest command or option, and says so when its help can't be written; argparse passes over that."""

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> argparse.Namespace:
        """Parse the arguments.

        Raises:
            SystemExit: they are wrong, or ask for help.
        """
        parsed: argparse.Namespace
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            parser = self._command_parser(getattr(parsed, "command", None))
            options = [word.partition("=")[0] for word in unknown if word.startswith("-")]
            if options:
                hint = _suggestion(options[0], parser._option_string_actions)
                parser.error(f"unknown option {options[0]!r}{hint}")
            parser.error(f"unexpected argument {unknown[0]!r}")
        return parsed

    def error(self, message: str) -> NoReturn:
        """Print the error and where the help is.

        Raises:
            SystemExit: always.
        """
        print_error(f"error: {message}\nhelp: {self.prog} --help")
        raise SystemExit(ExitStatus.USAGE)

    def print_help(self, file: Any = None) -> None:
        """Print the help on standard output, or into ``file``.

        Raises:
            OutputError: standard output can't be written.
        """
        if file is None:
            write_output(self.format_help(), end="")
        else:
            super().print_help(file)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:
            self.error(f"unknown command {value!r}{_suggestion(value, action.choices)}")
        super()._check_value(action, value)

    def _command_parser(self, command: str | None) -> Parser:
        """The parser of a command, or this one."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction) and command in action.choices:
                return action.choices[command]  # type: ignore[no-any-return]
        return self


def _suggestion(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


PLACE_OPTIONS = {
    "--database": ("PATH_OR_URL", "the catalog: SQLite file or PostgreSQL URL"),
    "--recordings": ("DIR_OR_URL", "folder or URL of the episode files"),
    "--redis-url": ("URL", "Redis or Valkey"),
    "--key-prefix": ("PREFIX", "prefix of every key in Redis"),
}
"""Common options that locate data: metavar and help of each."""

_LEAST, _MOST = -(2**63), 2**63 - 1
"""Range of a database's 64-bit integers, and so of episode ids."""

_EXAMPLE = f"""\
example:
  {PROGRAM} list --stage 2 --min-reward 100 --recordings recordings/

exit status: 0 done; 1 failed, or something is wrong; 2 wrong usage or configuration; 3 not found"""


def build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Parser for ``arguments``. Only the subcommands named in them are imported and get their options."""
    parser = Parser(
        prog=PROGRAM,
        description="The flight recorder of reinforcement-learning training.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_common_options()],
    )
    parser.add_argument("--version", action=_PrintVersion, nargs=0, help="print the version and exit")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for name, summary in COMMANDS.items():
        if name in arguments:
            _add_command(subparsers, name)
        else:
            subparsers.add_parser(name, help=summary, add_help=False)
    return parser


def command_module(name: str) -> ModuleType:
    """Import the module of a subcommand."""
    return import_module(f"recorder.commands.{name.replace('-', '_')}")


def _add_command(subparsers: argparse._SubParsersAction[Any], name: str) -> None:
    """Add a subcommand's parser, with the common options and examples."""
    module = command_module(name)
    lines = "\n".join(f"  {PROGRAM} {line}" for line in module.EXAMPLE.splitlines())
    common = _common_options(
        hides_places=getattr(module, "HIDES_PLACES", False), run_help=getattr(module, "RUN_HELP", "only this run")
    )
    parser = subparsers.add_parser(
        name,
        help=COMMANDS[name],
        description=module.__doc__,
        epilog=f"example:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
    )
    if hasattr(module, "add_arguments"):
        module.add_arguments(parser)


class _PrintVersion(argparse.Action):
    """Prints the version. Reading it is slow, so it is read only on request."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> NoReturn:
        write_output(f"{PROGRAM} {package_version()}")
        parser.exit()


def whole_number(text: str) -> int:
    """Argument type: an integer.

    Raises:
        ArgumentTypeError: not an integer from -2**63 to 2**63 - 1.
    """
    return _whole_number(text)


def non_negative(text: str) -> int:
    """Argument type: a count from 0, or an episode id.

    Raises:
        ArgumentTypeError: not an integer from 0 to 2**63 - 1.
    """
    return _whole_number(text, least=0)


def positive(text: str) -> int:
    """Argument type: a count from 1.

    Raises:
        ArgumentTypeError: not an integer from 1 to 2**63 - 1.
    """
    return _whole_number(text, least=1)


def number(text: str) -> float:
    """Argument type: a number.

    Raises:
        ArgumentTypeError: not a number.
    """
    value = _number(text)
    if math.isnan(value):
        raise argparse.ArgumentTypeError(f"expected a number, found {text!r}")
    return value


def positive_number(text: str) -> float:
    """Argument type: a finite number above 0.

    Raises:
        ArgumentTypeError: not a finite number above 0.
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


def _common_options(*, hides_places: bool = False, run_help: str = "only this run") -> argparse.ArgumentParser:
    """Options that may stand before or after the subcommand. SUPPRESS keeps one position from resetting the other."""
    parser = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = parser.add_argument_group("common options")
    group.add_argument("--config", metavar="FILE", help="YAML file with the key 'recording'")
    for option, (metavar, meaning) in PLACE_OPTIONS.items():
        group.add_argument(option, metavar=metavar, help=argparse.SUPPRESS if hides_places else meaning)
    group.add_argument("--run", metavar="RUN_ID", help=run_help)
    group.add_argument("--json", action="store_true", help="print JSON, for programs")
    group.add_argument("--verbose", action="store_true", help="log to stderr")
    return parser
