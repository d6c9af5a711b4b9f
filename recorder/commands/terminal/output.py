"""How commands print: tables and progress for people, JSON for programs, errors on one line of stderr."""

from __future__ import annotations

import argparse
import codecs
import dataclasses
import json
import math
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from io import StringIO, TextIOWrapper
from typing import Any, TypeVar

from recorder.commands.terminal.standard_streams import discard_output, flush_output, tell, write_output
from recorder.commands.terminal.table_layout import GAP_WIDTH, lay_out
from recorder.errors import MissingExtraError, OutputError, RecorderError

__all__ = ["Output", "counted", "error_line", "human_age", "human_bytes", "let_any_text_through"]

T = TypeVar("T")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Output:
    """Where a command prints what it found.

    Args:
        as_json: print one JSON document instead of tables; notes and progress are left out.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    @classmethod
    def of(cls, args: argparse.Namespace) -> Output:
        """The output that a command's options ask for."""
        return cls(as_json=getattr(args, "json", False))

    def document(self, value: Any) -> None:
        """Print ``value`` as JSON, when JSON is asked for."""
        if self.as_json:
            write_output(json.dumps(_plain(value), indent=2, ensure_ascii=_must_escape()))

    def growing_document(self, key: str, items: Iterable[Any], rest: Callable[[], Mapping[str, Any]]) -> None:
        """Go through items that are made on the way; when JSON is asked for, print each as it comes: none is kept.

        Args:
            key: of the list of items in the document.
            rest: the document's other keys, once all items are made.
        """
        if not self.as_json:
            for _ in items:
                pass
            return
        print(f'{{\n  "{key}": [', end="")
        separator = ""
        for item in items:
            print(f"{separator}\n    {json.dumps(_plain(item), ensure_ascii=_must_escape())}", end="")
            separator = ","
        others = json.dumps(_plain(rest()), indent=2, ensure_ascii=_must_escape())
        print(f"\n  ],{others.removeprefix('{')}")

    def sequence(self, values: Iterable[Any]) -> None:
        """Print a list of many as JSON, one by one, when JSON is asked for."""
        if self.as_json:
            before = "["
            for value in values:
                text = json.dumps(_plain(value), indent=2, ensure_ascii=_must_escape())
                print(f"{before}\n  {text.replace(chr(10), chr(10) + '  ')}", end="")
                before = ","
            print("[]" if before == "[" else "\n]")

    def line(self, value: Any) -> None:
        """Print ``value`` as JSON on one line, asked for or not."""
        write_output(json.dumps(_plain(value), ensure_ascii=_must_escape()))

    def note(self, *lines: str, hanging: int | None = None) -> None:
        """Print lines for people.

        Args:
            hanging: break a line that a terminal has no room for between words, and set in what follows by so many
                columns; None leaves that to the terminal.
        """
        if not self.as_json:
            for line in lines:
                write_output(_harmless(line) if hanging is None else _broken(_harmless(line), hanging))

    def announce(self, *lines: str) -> None:
        """Say what a command that goes on running has begun; it goes on as well where nobody can be told."""
        try:
            self.note(*lines)
            flush_output()
        except OutputError as error:
            discard_output()
            self.warn(f"{error}; the command goes on without it")

    def warn(self, text: str) -> None:
        """Tell on stderr what a program that reads the output must not stumble over."""
        tell(f"warning: {_harmless(text)}")

    def table(
        self,
        title: str,
        columns: Mapping[str, str],
        rows: Iterable[Mapping[str, Any]],
        *,
        folded: str | None = None,
        spared: Sequence[str] = (),
        cuts: bool = False,
    ) -> None:
        """Print rows for people: whole in a pipe; on a terminal with the columns that it has room for.

        What is shown is shown whole, so that every id can be copied. A line below the table names what is left out.

        Args:
            columns: key in each row to heading; numbers are set right.
            rows: values by key; a missing one is left blank.
            folded: key of the column whose text takes several lines where the terminal is too narrow for the table.
            spared: keys of the columns that a terminal leaves out which is too narrow even so, the first to go first.
            cuts: cut the folded text at the end of its line once columns are left out: each row then has one line.
        """
        if self.as_json:
            return
        rows = list(rows)
        try:
            from rich.cells import cell_len  # lazy: only people's tables need it
            from rich.console import Console
            from rich.table import Table
            from rich.text import Text
        except ImportError as error:
            raise MissingExtraError("Printing tables", "catalog") from error
        texts = {key: [_cell(row.get(key)) for row in rows] for key in columns}
        widths = {key: max(map(cell_len, (heading, *texts[key]))) for key, heading in columns.items()}
        layout = lay_out(widths, _terminal_width(), folded=folded, spared=spared, cuts=cuts)
        table = Table(box=None, pad_edge=False, padding=(0, GAP_WIDTH, 0, 0), header_style="bold")
        for key, width in layout.widths.items():
            table.add_column(
                columns[key],
                justify="right" if any(isinstance(row.get(key), (int, float)) for row in rows) else "left",
                width=width,
                no_wrap=key != folded or layout.is_cut,
                overflow="ellipsis" if layout.is_cut else "fold",
            )
        for cells in zip(*(texts[key] for key in layout.widths), strict=True):
            table.add_row(*map(Text, cells))
        write_output(_harmless(title))
        drawn = StringIO()  # on an output that is closed, rich would end the program by itself
        Console(file=drawn, force_terminal=sys.stdout.isatty(), width=layout.width).print(table)
        write_output(drawn.getvalue(), end="")
        if layout.left_out:
            named = ", ".join(columns[key] for key in layout.left_out)
            self.note(f"no room for: {named} (--json has all)")

    def fields(self, title: str, fields: Mapping[str, Any]) -> None:
        """Print one thing for people, a name and a value a line."""
        if self.as_json:
            return
        write_output(_harmless(title))
        width = max((len(name) for name in fields), default=0)
        for name, value in fields.items():
            write_output(_broken(f"  {name:<{width}}  {_cell(value)}", width + 4))

    def progress(self, items: Iterable[T], what: str, *, total: int | None = None) -> Iterator[T]:
        """The items, with a bar on stderr while someone watches.

        Args:
            total: how many there are, where the items can't tell.
        """
        if self.as_json or not sys.stderr.isatty():
            yield from items
            return
        from rich.console import Console  # lazy, as above
        from rich.progress import track

        yield from track(items, description=what, total=total, console=Console(stderr=True), transient=True)


def error_line(error: RecorderError) -> str:
    """What stderr is told."""
    return _harmless(f"error: {error}", kept="\n")


def let_any_text_through() -> None:
    """Write letters that the terminal's encoding lacks as escapes, instead of failing over a run's name."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def human_bytes(n_bytes: float) -> str:
    """``1536`` as ``1.5 KiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(n_bytes) < 1024:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} TiB"


def counted(n: int, what: str) -> str:
    """``1 recording``, ``2 recordings``."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def human_age(secs: float) -> str:
    """A time span in the largest unit that fits: ``90`` as ``1.5 min``."""
    for limit, divisor, unit in ((60.0, 1.0, "s"), (3600.0, 60.0, "min"), (86400.0, 3600.0, "h")):
        if abs(secs) < limit:
            return f"{secs / divisor:.3g} {unit}"
    return f"{secs / 86400.0:.3g} d"


def _terminal_width() -> int | None:
    """Columns of the terminal that is printed on; None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _broken(line: str, hanging: int) -> str:
    """The line in as many as a terminal needs; whole where a word has no room, so that a path can be copied."""
    width = _terminal_width()
    if width is None or len(line) <= width or max(map(len, line.split()), default=0) > width - hanging:
        return line
    return textwrap.fill(line, width, subsequent_indent=" " * hanging, break_long_words=False, break_on_hyphens=False)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Mapping):
        return ", ".join(f"{_harmless(str(key))} {_cell(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(item) for item in value)
    return _harmless(str(value))


def _harmless(text: str, *, kept: str = "") -> str:
    """The text without what a terminal would obey: names and reasons in a file come from whoever made it.

    Args:
        kept: control characters that stay.
    """
    return _CONTROL.sub(lambda found: found[0] if found[0] in kept else repr(found[0])[1:-1], text)


def _must_escape() -> bool:
    """Whether JSON must do without letters beyond ASCII."""
    return codecs.lookup(sys.stdout.encoding or "ascii").name != "utf-8"


def _plain(value: Any) -> Any:
    """``value`` in JSON's own types; what JSON has no number for (NaN, infinities) becomes null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, (str, int, bool)) or value is None else str(value)
