"""How commands print: tables and progress for people, JSON for programs, errors on stderr."""

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
from types import MappingProxyType
from typing import Any, TypeVar

from recorder.commands.terminal.colors import has_colors, paint, verdict_color
from recorder.commands.terminal.standard_streams import discard_output, flush_output, print_error, write_output
from recorder.commands.terminal.table_layout import GAP_WIDTH, lay_out
from recorder.errors import MissingExtraError, OutputError, RecorderError
from recorder.values.number_format import format_count, format_number

__all__ = ["Output", "counted", "error_line", "escape_unprintable_output", "human_bytes", "human_return"]

T = TypeVar("T")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Output:
    """A command's output.

    Args:
        as_json: print one JSON document instead of tables; leave out notes and progress.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    @classmethod
    def of(cls, args: argparse.Namespace) -> Output:
        """The output that a command's options ask for."""
        return cls(as_json=getattr(args, "json", False))

    def document(self, value: Any) -> None:
        """Print ``value`` as JSON if JSON is asked for."""
        if self.as_json:
            write_output(json.dumps(_plain(value), indent=2, ensure_ascii=_must_escape()))

    def growing_document(self, key: str, items: Iterable[Any], rest: Callable[[], Mapping[str, Any]]) -> None:
        """Consume ``items``; if JSON is asked for, print each one at once, so that none is held.

        Args:
            key: key of the list in the document.
            rest: returns the document's other keys, after the last item.
        """
        if not self.as_json:
            for _ in items:
                pass
            return
        write_output(f'{{\n  "{key}": [', end="")
        separator = ""
        for item in items:
            write_output(f"{separator}\n    {json.dumps(_plain(item), ensure_ascii=_must_escape())}", end="")
            separator = ","
        others = json.dumps(_plain(rest()), indent=2, ensure_ascii=_must_escape())
        write_output(f"\n  ],{others.removeprefix('{')}")

    def sequence(self, values: Iterable[Any]) -> None:
        """Print a list as JSON, item by item, if JSON is asked for."""
        if self.as_json:
            before = "["
            for value in values:
                text = json.dumps(_plain(value), indent=2, ensure_ascii=_must_escape())
                write_output(f"{before}\n  {text.replace(chr(10), chr(10) + '  ')}", end="")
                before = ","
            write_output("[]" if before == "[" else "\n]")

    def line(self, value: Any) -> None:
        """Print ``value`` as one line of JSON in any case."""
        write_output(json.dumps(_plain(value), ensure_ascii=_must_escape()))

    def note(self, *lines: str, hanging: int | None = None) -> None:
        """Print lines for people.

        Args:
            hanging: wrap a long line between words on a terminal, and indent its continuation by so many columns; None
                leaves wrapping to the terminal.
        """
        if not self.as_json:
            for line in lines:
                write_output(_escaped(line) if hanging is None else _wrapped(_escaped(line), hanging))

    def verdict(self, word: str, text: str, *, width: int = 0) -> None:
        """Print a line for people that begins with a word in its colour.

        Args:
            width: of the word's column.
        """
        if not self.as_json:
            line = _wrapped(_escaped(f"{word:<{width}}  {text}"), width + 2)
            write_output(paint(line[: len(word)], verdict_color(word)) + line[len(word) :])

    def announce(self, *lines: str) -> None:
        """Print what a long-running command has started. The command continues if nothing can be printed."""
        try:
            self.note(*lines)
            flush_output()
        except OutputError as error:
            discard_output()
            self.warn(f"{error}; the command continues")

    def warn(self, text: str) -> None:
        """Print a warning on stderr, away from the output that programs read."""
        print_error(f"warning: {_escaped(text)}")

    def table(
        self,
        title: str,
        columns: Mapping[str, str],
        rows: Iterable[Mapping[str, Any]],
        *,
        folded: str | None = None,
        spared: Sequence[str] = (),
        cuts: bool = False,
        shared: str | None = None,
        formats: Mapping[str, Callable[[Any], str]] = MappingProxyType({}),
        colors: Mapping[str, Callable[[Any], str]] = MappingProxyType({}),
    ) -> None:
        """Print rows for people: all columns into a pipe, those that fit on a terminal.

        Values are not cut, so that every id can be copied. A line below the table names the hidden columns.

        Args:
            columns: key in each row to heading; numbers are right-aligned.
            rows: values by key; a missing one is left blank.
            folded: key of the column whose text wraps if the table is too wide.
            spared: keys of the columns to hide if it is still too wide, in this order.
            cuts: once a column is hidden, cut the folded text to one line per row.
            shared: key of a column that becomes part of the title on a terminal, if all rows have the same value.
            formats: how to write the values of a column, by its key.
            colors: colour of the values of a column, by its key; empty for none.
        """
        if self.as_json:
            return
        rows = list(rows)
        try:
            from rich.cells import cell_len  # lazy: only tables need it
            from rich.console import Console
            from rich.table import Table
            from rich.text import Text
        except ImportError as error:
            raise MissingExtraError("Printing tables", "catalog") from error
        values = {row.get(shared) for row in rows} if shared is not None and sys.stdout.isatty() else set()
        if shared is not None and len(values) == 1:
            title = f"{columns[shared]} {_cell(values.pop())}: {title}"
            columns = {key: heading for key, heading in columns.items() if key != shared}
        texts = {key: [formats.get(key, _cell)(row.get(key)) for row in rows] for key in columns}
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
        for at, row in enumerate(rows):
            table.add_row(
                *(Text(texts[key][at], colors[key](row.get(key)) if key in colors else "") for key in layout.widths)
            )
        write_output(_escaped(title))
        drawn = StringIO()  # rich would end the program if the output is closed
        Console(file=drawn, force_terminal=has_colors(), width=layout.width).print(table)
        write_output(drawn.getvalue(), end="")
        if layout.left_out:
            named = ", ".join(columns[key] for key in layout.left_out)
            self.note(f"hidden for width: {named} (use --json)")

    def fields(self, title: str, fields: Mapping[str, Any]) -> None:
        """Print one object for people, a name and a value per line."""
        if self.as_json:
            return
        write_output(_escaped(title))
        width = max((len(name) for name in fields), default=0)
        for name, value in fields.items():
            write_output(_wrapped(f"  {name:<{width}}  {_cell(value)}", width + 4))

    def progress(self, items: Iterable[T], what: str, *, total: int | None = None) -> Iterator[T]:
        """The items, with a progress bar if stderr is a terminal.

        Args:
            total: number of items, if they have no length.
        """
        if self.as_json or not sys.stderr.isatty():
            yield from items
            return
        from rich.console import Console  # lazy, as above
        from rich.progress import track

        yield from track(items, description=what, total=total, console=Console(stderr=True), transient=True)


def error_line(error: RecorderError) -> str:
    """The line that stderr gets for an error."""
    return _escaped(f"error: {error}", kept="\n")


def escape_unprintable_output() -> None:
    """Escape characters that the terminal's encoding lacks, instead of failing."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def human_bytes(n_bytes: float) -> str:
    """``1536`` is ``1.5 KiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(n_bytes) < 1024:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} TiB"


def counted(n: int, what: str) -> str:
    """``1 recording``, ``2 recordings``."""
    return f"{format_count(n)} {what}" if n == 1 else f"{format_count(n)} {what}s"


def human_return(value: float | None) -> str:
    """A return as the page and videos show it, with a hyphen for a minus sign, so that it can be typed again."""
    return "" if value is None else format_number(value).replace("−", "-")


def _terminal_width() -> int | None:
    """Columns of the terminal; None if stdout is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _wrapped(line: str, hanging: int) -> str:
    """The line, wrapped for the terminal; unchanged if a word is too long, so that a path can be copied."""
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
        return ", ".join(f"{_escaped(str(key))} {_cell(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(item) for item in value)
    return _escaped(str(value))


def _escaped(text: str, *, kept: str = "") -> str:
    """The text with control characters escaped, since names and reasons in a file are untrusted.

    Args:
        kept: control characters that stay.
    """
    return _CONTROL.sub(lambda found: found[0] if found[0] in kept else repr(found[0])[1:-1], text)


def _must_escape() -> bool:
    """Whether the output's encoding requires ASCII-only JSON."""
    return codecs.lookup(sys.stdout.encoding or "ascii").name != "utf-8"


def _plain(value: Any) -> Any:
    """``value`` as JSON types; NaN and infinities become null."""
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
