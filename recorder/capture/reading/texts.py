"""Texts among a trainer's values: as UTF-8 that the ring can hold, cut and cleaned where that is needed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.errors import UsageError
from recorder.schema import MAX_TEXT_BYTES
from recorder.values.text import sanitize_text

__all__ = ["ROOMY_BYTES", "Texts", "capacity_for", "encoded", "is_texts", "plain_bytes", "texts_of_lanes"]

_MIN_CAPACITY = 32
ROOMY_BYTES = 2048
"""Up to here a short text may take the place of a long one; beyond, its record would be mostly empty."""


class Texts(NamedTuple):
    """Texts as the ring takes them.

    Args:
        values: ``bytes`` of one step, or ``S[*lead]`` of many.
        n_changed: how many were cut, or had characters that can't be stored.
    """

    values: Any
    n_changed: int


def is_texts(value: Any) -> bool:
    """Whether a value is a text, or an array or sequence whose first item is one; None is passed over."""
    while isinstance(value, list | tuple):
        value = next((item for item in value if item is not None), None)
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        value = next((item for item in value.flat if item is not None), None)
    return isinstance(value, str) or (isinstance(value, np.ndarray) and value.dtype.kind == "U")


def capacity_for(n_bytes: int) -> int:
    """The room for a text in a record: a power of two, so that texts of a run share a few layouts."""
    return max(_MIN_CAPACITY, 1 << max(n_bytes - 1, 0).bit_length())


def plain_bytes(text: str, capacity: int) -> bytes | None:
    """The UTF-8 of a text that can be stored as it is in a record with that room; None for any other."""
    if len(text) > capacity:
        return None
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return None
    is_fit = len(data) <= capacity and (capacity <= ROOMY_BYTES or capacity == capacity_for(len(data)))
    return data if is_fit and 0 not in data else None


def encoded(value: Any) -> Texts:
    """One text.

    Raises:
        UsageError: it is several.
    """
    if not isinstance(value, str):
        array: NDArray[Any] = np.asarray(value, np.object_)
        if array.ndim or not isinstance(array.item(), str):
            raise UsageError(f"expected one text, found {type(value).__name__}{list(array.shape)}")
        value = str(array.item())
    start = value[:MAX_TEXT_BYTES]  # a character takes a byte or more
    data = sanitize_text(start).encode()
    is_changed = len(start) < len(value) or len(data) > MAX_TEXT_BYTES or start != sanitize_text(start)
    if len(data) > MAX_TEXT_BYTES:
        data = data[:MAX_TEXT_BYTES].decode(errors="ignore").encode()
    return Texts(data, int(is_changed))


def texts_of_lanes(value: Any, lead: tuple[int, ...]) -> Texts:
    """A text for each lane, or for each step of each lane; a missing one (None) is empty.

    Args:
        lead: the axes that the texts have.

    Raises:
        UsageError: they have other axes, or some are no texts.
    """
    array: NDArray[Any] = np.asarray(value, np.object_)
    if array.shape != lead:
        raise UsageError(f"expected texts with axes {list(lead)}, found {list(array.shape)}")
    if not all(text is None or isinstance(text, str) for text in array.flat):
        raise UsageError("expected texts, found some that are none")
    found = [encoded("" if text is None else text) for text in array.flat]
    longest = max((len(text.values) for text in found), default=0)
    values = np.array([text.values for text in found], f"S{capacity_for(longest)}").reshape(lead)
    return Texts(values, sum(text.n_changed for text in found))
