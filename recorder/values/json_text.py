"""JSON that browsers can read: NaN and infinities become null; times, bytes and numpy's types become text and numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

__all__ = ["from_json", "to_json", "to_readable_json"]

_MAX_DEPTH = 16
"""Deepest nesting; far below the depth at which printing a value fails."""

_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=lambda value: _plain(value)).encode


def to_json(value: Any) -> str:
    """One line of JSON without spaces."""
    try:
        return _encode(value)
    except (ValueError, TypeError):  # a NaN, or a key that is not text: rare, so cleaned only then
        return _encode(_cleaned(value))


def to_readable_json(value: Any) -> str:
    """JSON for people: a value a line, and characters of every script as they are.

    Objects with ``model_dump``, as those of pydantic and of clients of language models, are maps.

    Raises:
        ValueError, RecursionError: a value holds itself.
    """

    def plain(item: Any) -> Any:
        return item.model_dump() if hasattr(item, "model_dump") else _plain(item)

    return json.dumps(value, ensure_ascii=False, indent=1, default=plain, skipkeys=True)


def from_json(text: str | bytes) -> Any:
    """Parse JSON from a client.

    Raises:
        ValueError: not JSON, or nested too deeply.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _is_deeper(value, _MAX_DEPTH):
        raise ValueError(f"it is nested more than {_MAX_DEPTH} times")
    return value


def _is_deeper(value: Any, n_levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return n_levels == 0 or any(_is_deeper(item, n_levels - 1) for item in inner)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def _cleaned(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return _cleaned(_plain(value))
