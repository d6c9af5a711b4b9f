"""Replaces values that files, streams, databases or JSON can't hold."""

from __future__ import annotations

import re

__all__ = ["holdable_integer", "holdable_text", "integer_of"]

_MAX_DECIMAL_BITS = 10_000
"""Python refuses to convert much longer numbers to or from decimal."""

_UNHOLDABLE = re.compile("[\0\ud800-\udfff]")
"""NUL, which PostgreSQL can't hold, and lone surrogates, which UTF-8 can't encode."""


def holdable_text(text: str) -> str:
    """The text with U+FFFD for each character that can't be held."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNHOLDABLE.sub("\ufffd", text)


def holdable_integer(value: int) -> int | str:
    """The number if it has at most 64 bits, else its digits as text for ``integer_of``."""
    if -(2**63) <= value < 2**64:
        return int(value)
    return str(value) if value.bit_length() <= _MAX_DECIMAL_BITS else hex(value)


def integer_of(held: object) -> int:
    """Inverse of ``holdable_integer``.

    Raises:
        ValueError: not an integer.
    """
    if isinstance(held, str):
        return int(held, 0)
    if isinstance(held, int) and not isinstance(held, bool):
        return held
    raise ValueError(f"expected a whole number, found {held!r:.60}")
