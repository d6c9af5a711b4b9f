"""Finds values that this program cannot have written: wrong types, broken JSON, unknown words, impossible times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, cast

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Integer,
    Select,
    Table,
    Text,
    and_,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.types import NullType

from recorder.agents.info import OUTCOMES
from recorder.catalog.base import CatalogBase
from recorder.catalog.column_types import Float64, GivenText, JsonText, TextTuple, UtcDateTime, is_readable_json
from recorder.catalog.models import METADATA
from recorder.catalog.rows import UnreadableValue
from recorder.episode import EpisodeStatus

__all__ = ["UnreadableOperations"]

_MAX_ROWS = 100_000
"""Rows of each table that are checked, the last ones: about a second."""
_MAX_JSON_ROWS = 10_000
"""The limit for tables whose JSON is checked in Python, row by row."""
_MAX_TEXT_LETTERS = 2**20
"""Far more than any name, path, annotation or error has."""
_WORDS = {
    "episodes.status": tuple(map(str, EpisodeStatus)),
    "episodes.decision": ("held", "kept", "skipped", "deleted"),
    "recordings.status": tuple(map(str, EpisodeStatus)),
    "recording_agents.outcome": OUTCOMES,
    "videos.state": ("queued", "rendering", "joining", "done", "failed", "cancelled"),
    "video_segments.state": ("queued", "rendering", "done", "failed"),
}

_FIRST_DAY: ColumnElement[Any] = literal_column("TIMESTAMPTZ '0001-01-02 00:00:00+00'")
_LAST_DAY: ColumnElement[Any] = literal_column("TIMESTAMPTZ '9999-12-30 00:00:00+00'")
"""Python's datetime holds no time before or after."""


class UnreadableOperations(CatalogBase):
    """Finds values that other programs wrote."""

    def unreadable_values(self, *, limit: int = 1000) -> list[UnreadableValue]:
        """Find values that are read as unknown, or shown as they are, in the last rows of each table.

        Args:
            limit: values that are named of each table.
        """
        with self._reading() as connection:
            is_sqlite = connection.dialect.name == "sqlite"
            return [
                value
                for table in METADATA.sorted_tables
                for value in islice(
                    _found_in(table, connection.execute(_suspicious(table, is_sqlite)).mappings()), limit
                )
            ]


def _suspicious(table: Table, is_sqlite: bool) -> Select[Any]:
    """Rows with a value that may be wrong: their key, a verdict on each column, and their JSON as it is stored."""
    is_slow = not is_sqlite and any(map(_holds_json, table.columns))
    place: ColumnElement[Any] = literal_column("rowid" if is_sqlite else "ctid")
    rows = select(table).order_by(place.desc()).limit(_MAX_JSON_ROWS if is_slow else _MAX_ROWS).subquery()
    verdicts = [
        _may_be_wrong(rows.c[column.key], f"{table.name}.{column.name}", is_sqlite).label(f"is {column.key}")
        for column in table.columns
    ]
    shown = [column for column in table.columns if column.primary_key or _holds_json(column)]
    stored = [type_coerce(rows.c[column.key], NullType()).label(column.key) for column in shown]
    query: Select[Any] = select(*cast(Sequence[Any], verdicts), *stored)
    return query.where(or_(*(verdict.element for verdict in verdicts)))


def _found_in(table: Table, rows: Any) -> Iterator[UnreadableValue]:
    for row in rows:
        for column in table.columns:
            if row[f"is {column.key}"] and not (_holds_json(column) and _is_readable(column, row)):
                key = ", ".join(f"{part.name} {row[part.key]!r:.60}" for part in table.primary_key)
                yield UnreadableValue(table.name, key, column.name)


def _is_readable(column: Column[Any], row: Mapping[str, Any]) -> bool:
    """Python has the last word on JSON: it takes NaN, which the databases refuse."""
    return is_readable_json(row[column.key], column.type)


def _holds_text(column: ColumnElement[Any]) -> bool:
    return isinstance(column.type, Text | GivenText | JsonText)


def _holds_json(column: ColumnElement[Any]) -> bool:
    return isinstance(column.type, JsonText) or column.key == "why_json"


def _may_be_wrong(column: ColumnElement[Any], name: str, is_sqlite: bool) -> ColumnElement[bool]:
    checks = [*_type_checks(column)] if is_sqlite else []
    if isinstance(column.type, UtcDateTime):
        checks += [] if is_sqlite else [not_(func.isfinite(column)), column < _FIRST_DAY, column > _LAST_DAY]
    elif _holds_json(column):
        text = type_coerce(column, Text())
        is_broken = func.json_valid(text) == 0 if is_sqlite else true()
        likeness = (
            '["%"]' if isinstance(column.type, TextTuple) else "{%}" if isinstance(column.type, JsonText) else "[%]"
        )
        checks.append(and_(text != "[]", or_(is_broken, text.not_like(likeness))))
    elif name in _WORDS:
        checks.append(column.not_in(_WORDS[name]))
    elif _holds_text(column):
        checks.append(func.length(column) > _MAX_TEXT_LETTERS)
    return and_(column.is_not(None), or_(false(), *checks))


def _type_checks(column: ColumnElement[Any]) -> Iterator[ColumnElement[bool]]:
    """For SQLite, which stores anything anywhere."""
    stored_as = func.typeof(column)
    if isinstance(column.type, UtcDateTime):
        yield from (stored_as != "text", func.datetime(column).is_(None))
        yield type_coerce(column, Text()).not_like("____-__-__ %")
    elif isinstance(column.type, Float64):
        yield from (stored_as == "blob", and_(stored_as == "text", type_coerce(column, Text()) != "NaN"))
    elif isinstance(column.type, Boolean):
        yield type_coerce(column, Integer()).not_in([0, 1])
    else:
        yield stored_as != ("text" if _holds_text(column) else "integer")
