"""Values from outside, as every place of ours can hold them: files, streams, either database, JSON."""

from __future__ import annotations

import re

__all__ = ["holdable_integer", "holdable_text", "integer_of"]

_MAX_DECIMAL_BITS = 10_000
"""Python refuses to write, and to read, much longer numbers in decimal digits."""

_UNHOLDABLE = re.compile("[\0\ud800-\udfff]")
"""NUL, which PostgreSQL can't hold, and halves of surrogate pairs, which UTF-8 can't encode."""


def holdable_text(text: str) -> str:
    """The text with U+FFFD, Unicode's replacement character, for each letter that can't be held."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNHOLDABLE.sub("\ufffd", text)


def holdable_integer(value: int) -> int | str:
    """The number itself within 64 bits, as msgpack holds it; beyond them its digits as text, which ``integer_of`` reads."""
    if -(2**63) <= value < 2**64:
        return int(value)
    return str(value) if value.bit_length() <= _MAX_DECIMAL_BITS else hex(value)


def integer_of(held: object) -> int:
    """The inverse of ``holdable_integer``.

    Raises:
        ValueError: it is no whole number.
    """
    if isinstance(held, str):
        return int(held, 0)
    if isinstance(held, int) and not isinstance(held, bool):
        return held
    raise ValueError(f"expected a whole number, found {held!r:.60}")
