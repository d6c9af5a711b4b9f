"""Column types with the same values on SQLite and PostgreSQL.

A value of the wrong type, written by another program, reads as unknown, is counted and logged, so that other rows can still
be read.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

from sqlalchemy import BigInteger, DateTime, Double, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from recorder.errors import UsageError
from recorder.runtime.python_versions import UTC
from recorder.runtime.throttled_log import Throttle
from recorder.values.text import sanitize_text

__all__ = [
    "Float64",
    "GivenText",
    "Int64",
    "JsonText",
    "TextTuple",
    "UtcDateTime",
    "is_readable_json",
    "log_unreadable",
]

_log = logging.getLogger(__name__)

_throttle = Throttle(60.0)
_unreadable = count(1)

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Float64(Double[float]):
    """A float64, including NaN and infinities.

    SQLite stores a bound NaN as NULL, so it is stored as the text ``NaN``. SQLite sorts text above numbers, and
    PostgreSQL sorts NaN there, too, so comparisons and paging agree.
    """

    def bind_processor(self, _dialect: Dialect) -> Callable[[Any], Any]:
        """Converts a float to what the driver stores."""
        return lambda value: "NaN" if value != value else value

    def result_processor(self, _dialect: Dialect, _coltype: object) -> Callable[[Any], Any]:
        """Converts the stored value to a float."""
        return lambda value: _number(value) if isinstance(value, str | bytes) else value


class Int64(BigInteger):
    """A 64-bit integer. SQLite alone would return values of any type."""

    def result_processor(self, _dialect: Dialect, _coltype: object) -> Callable[[Any], Any]:
        """Converts a value that is no integer to 0."""
        return lambda value: value if value is None or type(value) is int else _whole_number(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC; SQLite's text has no offset."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Convert to UTC.

        Raises:
            UsageError: the datetime is naive.
        """
        if value is None or value.tzinfo is UTC:
            return value
        if value.tzinfo is None:
            raise UsageError(f"expected an aware datetime, got the naive {value!r}: use datetime.now(UTC)")
        return value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Converts what the driver reads; None if it is no datetime."""
        process = super().result_processor(dialect, coltype)
        if process is None:
            return None

        def read(value: Any) -> Any:
            try:
                return process(value)
            except (TypeError, ValueError):
                log_unreadable("time")
                return process(None)

        return read

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """The stored datetime, aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class GivenText(TypeDecorator[str]):
    """Text from users, with characters replaced that a database can't hold."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else sanitize_text(value)

    def process_result_value(self, value: str | bytes | None, _dialect: Dialect) -> str | None:
        """The text; SQLite lets other programs store bytes in its place."""
        if not isinstance(value, bytes):
            return value
        log_unreadable("text")
        return sanitize_text(value.decode("utf-8", "replace"))


class JsonText(TypeDecorator[Any]):
    """A JSON map as ASCII text: PostgreSQL's JSON types refuse NaN, infinities and NUL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        """Encode as JSON.

        Raises:
            UsageError: JSON can't hold the value.
        """
        if value is None:
            return None
        try:
            return _encode(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"the catalog stores only JSON values: {error}") from error

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Any:
        """Decode JSON; None if it is not a map."""
        if value is None:
            return None
        decoded = _json(value)
        if decoded is not None and not isinstance(decoded, dict):
            log_unreadable("JSON map")
            return None
        return decoded


class TextTuple(JsonText):
    """A tuple of strings, as a JSON array."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Encode as JSON. Most episodes have no reasons."""
        return "[]" if value == () else super().process_bind_param(value, dialect)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> tuple[str, ...]:
        if value is None or value == "[]":
            return ()
        words = _json(value)
        if _is_list_of_texts(words):
            return tuple(words)
        log_unreadable("list of texts")
        return ()


def _whole_number(value: Any) -> int:
    if isinstance(value, float | Decimal) and math.isfinite(value):  # a sum in PostgreSQL
        return int(value)
    log_unreadable("whole number")
    return 0


def _number(text: str | bytes) -> float:
    if text != "NaN":
        log_unreadable("number")
    return math.nan


def is_readable_json(text: object, kind: object) -> bool:
    """Return whether a stored value is what its column holds.

    Args:
        kind: of the column; a plain text holds a list.
    """
    try:
        value = json.loads(text)  # type: ignore[arg-type]
    except (TypeError, ValueError, RecursionError):
        return False
    if isinstance(kind, TextTuple):
        return _is_list_of_texts(value)
    return isinstance(value, dict if isinstance(kind, JsonText) else list)


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        log_unreadable("JSON text")
        return None


def log_unreadable(kind: str) -> None:
    """Counts a value that cannot be read, and logs it at most once a minute."""
    n_unreadable = next(_unreadable)
    if _throttle.is_due(kind):
        _log.error(
            "the catalog has a value that is not a %s, written by another program; it is read as unknown (%d such values so "
            "far); 'hamlet-recorder doctor' names them",
            kind,
            n_unreadable,
        )
