"""Values of a trainer in msgpack's own types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from recorder.errors import UsageError
from recorder.values.arrays import as_array, is_cuda
from recorder.values.text import encode_integer, sanitize_text

__all__ = ["Refuse", "plain", "spelled"]

_MAX_DEPTH = 64
"""Levels of lists and maps in each other: more than anyone reads, and fewer than msgpack and Python follow."""

Refuse = Callable[[str, Exception], None]
"""Called with a part that can't be kept: its place (``.name``, ``[3]``), and why."""


def plain(value: Any, *, refuse: Refuse | None = None) -> Any:
    """The same in msgpack's own types: arrays become lists, whole numbers beyond 64 bits text (``encode_integer``).

    Args:
        refuse: called with each part of a map or a list that can't be kept; the others stand, and in a list None stands for it.

    Raises:
        UsageError: the value, or without ``refuse`` a part of it, is neither a number, a text, a list nor a map, or it is on a
            device.
    """
    return _plain(value, refuse, "", ())


def _plain(value: Any, refuse: Refuse | None, at: str, around: tuple[int, ...]) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | float | bytes):
        return value
    if isinstance(value, str):
        return sanitize_text(str(value))
    if isinstance(value, int):
        return encode_integer(value)
    if is_cuda(value):
        raise UsageError("a tensor on a device: pass what metadata says as numbers")
    if isinstance(value, np.ndarray) and value.dtype.kind in "OSU":
        value = value.tolist()
    elif isinstance(value, np.ndarray) or hasattr(value, "numpy"):
        return as_array(value).tolist()
    if not isinstance(value, Mapping | Sequence | Set):
        raise UsageError(f"expected numbers, texts, lists or maps, found {type(value).__name__}: {value!r:.60}")
    if id(value) in around or len(around) >= _MAX_DEPTH:
        raise UsageError(f"it holds itself, or is nested more than {_MAX_DEPTH} levels deep")
    around = (*around, id(value))
    kept: dict[str, Any] = {}
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, item in pairs:
        place = f"{at}.{spelled(key)}" if isinstance(value, Mapping) else f"{at}[{key}]"
        name = spelled(key)
        try:
            kept[name] = _plain(item, refuse, place, around)
        except Exception as error:
            if refuse is None:
                raise
            refuse(place, error)
            if not isinstance(value, Mapping):
                kept[name] = None
    return kept if isinstance(value, Mapping) else list(kept.values())


def spelled(key: Any) -> str:
    """The name of an entry."""
    return sanitize_text(str(key))
