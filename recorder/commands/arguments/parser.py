"""An argument parser whose errors are one sentence and a hint, without the usage."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.standard_streams import print_error, write_output

__all__ = ["Parser"]


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
