"""Column types that hold the same value on SQLite and PostgreSQL.

A value that another program has put there and that is none of its type is read as if nothing were known, and logged once: it must
not keep the other rows from being read.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, DateTime, Double, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from recorder.errors import UsageError
from recorder.text import holdable_text

__all__ = ["Float64", "GivenText", "Int64", "JsonText", "TextTuple", "UtcDateTime"]

_log = logging.getLogger(__name__)

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Float64(Double[float]):
    """A float64, NaN and infinities included.

    SQLite turns a bound NaN into NULL, so there it is the text ``NaN``: SQLite sorts text above all numbers, which is
    where PostgreSQL sorts its NaN, and comparisons and paging agree on both. PostgreSQL uses its dialect's own type.
    """

    def bind_processor(self, _dialect: Dialect) -> Callable[[Any], Any]:
        """Return what turns a float into what the driver stores."""
        return lambda value: "NaN" if value != value else value

    def result_processor(self, _dialect: Dialect, _coltype: object) -> Callable[[Any], Any]:
        """Return what turns that into the float again."""
        return lambda value: _number(value) if isinstance(value, str | bytes) else value


class Int64(BigInteger):
    """A whole number of 64 bits; SQLite would give back whatever stands there."""

    def result_processor(self, _dialect: Dialect, _coltype: object) -> Callable[[Any], Any]:
        """Return what turns what is no whole number into 0."""
        return lambda value: value if value is None or type(value) is int else _whole_number(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC; SQLite's text carries no offset."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return the same moment in UTC.

        Raises:
            UsageError: the datetime is naive.
        """
        if value is None or value.tzinfo is UTC:
            return value
        if value.tzinfo is None:
            raise UsageError(f"the catalog takes aware datetimes, got the naive {value!r}: use datetime.now(UTC)")
        return value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Return what turns what the driver reads into the datetime; None for what is none."""
        process = super().result_processor(dialect, coltype)
        if process is None:
            return None

        def read(value: Any) -> Any:
            try:
                return process(value)
            except (TypeError, ValueError):
                _tell_of_garbage("time")
                return process(None)

        return read

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return the aware datetime that was stored."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class GivenText(TypeDecorator[str]):
    """Text from outside, as ``holdable_text`` has it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Return the text as both databases can hold it."""
        return None if value is None else holdable_text(value)


class JsonText(TypeDecorator[Any]):
    """A JSON value as ASCII text: PostgreSQL's own JSON types refuse NaN, infinities and NUL characters."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        """Return the JSON text.

        Raises:
            UsageError: the value has a part that JSON doesn't know.
        """
        if value is None:
            return None
        try:
            return _encode(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"the catalog stores JSON-like values only: {error}") from error

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Any:
        """Return the decoded value."""
        return None if value is None else _json(value)


class TextTuple(JsonText):
    """A tuple of strings, as a JSON array."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return the JSON text; most episodes have no reasons."""
        return "[]" if value == () else super().process_bind_param(value, dialect)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> tuple[str, ...]:
        """Return the tuple that was stored."""
        if value is None or value == "[]":
            return ()
        words = _json(value)
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return tuple(words)
        _tell_of_garbage("list of texts")
        return ()


def _whole_number(value: Any) -> int:
    if isinstance(value, float | Decimal) and math.isfinite(value):  # a sum, on PostgreSQL
        return int(value)
    _tell_of_garbage("whole number")
    return 0


def _number(text: str | bytes) -> float:
    if text != "NaN":
        _tell_of_garbage("number")
    return math.nan


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        _tell_of_garbage("JSON text")
        return None


@cache
def _tell_of_garbage(kind: str) -> None:
    """Once a process, however many rows there are."""
    _log.error(
        "the catalog holds what should be a %s and is none; it is read as unknown: another program has written there",
        kind,
    )
