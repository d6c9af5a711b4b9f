"""Text from outside, in letters that every place of ours can hold: files, streams, either database, JSON."""

from __future__ import annotations

import re

__all__ = ["holdable_text"]

_UNHOLDABLE = re.compile("[\0\ud800-\udfff]")
"""NUL, which PostgreSQL can't hold, and halves of surrogate pairs, which UTF-8 can't encode."""


def holdable_text(text: str) -> str:
    """The text with U+FFFD, Unicode's replacement character, for each letter that can't be held."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNHOLDABLE.sub("\ufffd", text)
