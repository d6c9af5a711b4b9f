"""Replaces values that files, streams, databases or JSON can't store."""

from __future__ import annotations

import re

__all__ = ["decode_integer", "encode_integer", "sanitize_text"]

_MAX_DECIMAL_BITS = 10_000
"""Python refuses to convert much longer numbers to or from decimal."""

_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL, which PostgreSQL can't store, and lone surrogates, which UTF-8 can't encode."""


def sanitize_text(text: str) -> str:
    """The text with U+FFFD for each character that can't be stored."""
    if text.isascii() and "\0" not in text:
        return text
    return _NOT_STORABLE.sub("\ufffd", text)


def encode_integer(value: int) -> int | str:
    """The number if it has at most 64 bits, else its digits as text for ``decode_integer``."""
    if -(2**63) <= value < 2**64:
        return int(value)
    return str(value) if value.bit_length() <= _MAX_DECIMAL_BITS else hex(value)


def decode_integer(held: object) -> int:
    """Inverse of ``encode_integer``.

    Raises:
        ValueError: not an integer.
    """
    if isinstance(held, str):
        return int(held, 0)
    if isinstance(held, int) and not isinstance(held, bool):
        return held
    raise ValueError(f"expected a whole number, found {held!r:.60}")
