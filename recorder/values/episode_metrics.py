"""The numbers in an episode's ``info``, which charts and lists can show as they show its return."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["MAX_METRICS", "episode_metrics"]

MAX_METRICS = 32
"""So many of one episode; the catalog has them of each episode, kept or not."""
_MAX_NAME_LETTERS = 64
_NOT_MEASURED = frozenset({"seed"})
"""Numbers that identify something."""


def episode_metrics(info: Mapping[Any, Any]) -> dict[str, float] | None:
    """Return the finite numbers and the truth values (as 0 and 1) of ``info`` by name; None if there are none."""
    found = {}
    for name, value in info.items():
        if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME_LETTERS or name in _NOT_MEASURED:
            continue
        if isinstance(value, int | float) and (number := _finite(value)) is not None:
            found[name] = number
            if len(found) == MAX_METRICS:
                break
    return found or None


def _finite(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
