"""Names for narrow places: without the beginning that all of them share."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["short_names"]

_LONG_NAME = 12
"""Letters; places for names have room for so many."""

_WORDS = re.compile(r".*[\s_.:/-]", re.DOTALL)


def short_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names; without the words that all begin with, if one of them is long. The others stay different."""
    if len(names) < 2 or max(map(len, names)) <= _LONG_NAME:
        return tuple(names)
    first, last = min(names), max(names)  # all others begin as both do
    n_shared = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    words = _WORDS.match(first[:n_shared])
    start = words.end() if words else 0
    return tuple(name[start:] for name in names) if start < min(map(len, names)) else tuple(names)
