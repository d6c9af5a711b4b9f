"""Validates and converts values of the metadata, from trainers, files and the stream.

Each function raises ``TypeError``, ``ValueError`` or ``AttributeError`` for an invalid value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

from recorder.values.text import encode_integer

__all__ = [
    "read_counts",
    "read_float",
    "read_grid_size",
    "read_info",
    "read_integer",
    "read_layout",
    "read_names",
    "read_text",
    "unless_none",
]


def read_layout(source: Mapping[str, Any] | None) -> dict[str, tuple[float, ...]]:
    """Affordances by name, with their coordinates.

    Raises:
        TypeError, ValueError, AttributeError: the layout is invalid.
    """
    return {
        # Cells stay integers.
        str(name): tuple([number if number.__class__ is int else read_float(number) for number in cell])
        for name, cell in (source or {}).items()
    }


def read_integer(value: Any) -> int:
    """An integer of at most 64 bits, also from 100.0 or a scalar of numpy or torch."""
    if value.__class__ is not int:
        if isinstance(value, str | bytes) or int(value) != value:
            raise ValueError
        value = int(value)
    if not -(2**63) <= value < 2**64:
        raise ValueError
    return value  # type: ignore[no-any-return]


def read_float(value: Any) -> float:
    """A number; text is refused."""
    if value.__class__ is float:
        return value
    if isinstance(value, str | bytes):
        raise TypeError
    return float(value)


def read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def read_names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str | bytes):
        raise TypeError
    return tuple(str(name) for name in value or ())


def read_counts(value: Any) -> dict[str, int]:
    return {str(name): read_integer(count) for name, count in (value or {}).items()}


def read_grid_size(value: Any) -> int | tuple[int, ...] | None:
    """One length, or one per axis; None stays None."""
    if value is None:
        return None
    return tuple(read_integer(length) for length in value) if isinstance(value, Sequence) else read_integer(value)


def read_info(value: Any) -> dict[str, Any]:
    """A map of JSON values."""
    return {str(name): _plain(item) for name, item in (value or {}).items()}


def _plain(value: Any) -> Any:
    """``value`` in JSON's types; numbers and arrays of numpy and torch become Python's, other types text."""
    if value is None or isinstance(value, str | bool | float):
        return value
    if isinstance(value, int):
        return encode_integer(value)
    if isinstance(value, Mapping):
        return read_info(value)
    if isinstance(value, Sequence | Set) and not isinstance(value, bytes):
        return [_plain(item) for item in value]
    return _plain(value.tolist()) if hasattr(value, "tolist") else str(value)


def unless_none(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same reader, but None stays None."""
    return lambda value: None if value is None else read(value)
