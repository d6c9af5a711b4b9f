"""The rows of ``record_step`` to the columns of a chunk."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.capture.copying import ARRAY_FIELDS, ArrayKind
from recorder.chunk import ColumnData
from recorder.schema import EXTRAS_PREFIX, STEP_FIELDS

__all__ = ["ROW_FIELDS", "KindChangedError", "Row", "columns_of_rows", "row_bytes"]

Row = tuple[Any, ...]
"""One step, as ``record_step`` made it ours: a plain tuple in the order of ``ROW_FIELDS``, the cheapest thing to make."""

ROW_FIELDS = (
    "episode_id",
    "step",
    "lane",
    "layout",
    *(name for name, kind in STEP_FIELDS.items() if kind == "array"),
    *(name for name, kind in STEP_FIELDS.items() if kind == "scalar"),
    "extras",
)
"""Array fields hold bytes of the kind that ``layout`` says, or Python's numbers; ``extras`` is a dict or None."""

_LAYOUT = ROW_FIELDS.index("layout")
_FIRST_COLUMN = ROW_FIELDS.index("position")
_EXTRAS = ROW_FIELDS.index("extras")

_NUMBER_BYTES = 32
"""What a number of Python's takes, more or less."""


class KindChangedError(Exception):
    """Within these rows a field changes its dtype or shape, so they can't be one chunk; ``row`` is the first of the new kind."""

    def __init__(self, row: int) -> None:
        self.row = row


def row_bytes(row: Row) -> int:
    """About how much memory a row takes."""
    n_bytes = _NUMBER_BYTES * len(row)
    for value in (*row[_FIRST_COLUMN:_EXTRAS], *(row[_EXTRAS] or {}).values()):
        if isinstance(value, bytes | str):
            n_bytes += len(value)
        elif isinstance(value, tuple):
            n_bytes += _NUMBER_BYTES * len(value)
        else:
            n_bytes += getattr(value, "nbytes", _NUMBER_BYTES)
    return n_bytes


def columns_of_rows(rows: Sequence[Row]) -> tuple[dict[str, ColumnData], int]:
    """The columns that these rows have, and how many values were left out because they are not numbers.

    Raises:
        KindChangedError: the rows before the one it names fit together.
    """
    by_field = list(zip(*rows, strict=True))
    layouts = by_field[_LAYOUT]
    layout = layouts[0] if layouts.count(layouts[0]) == len(layouts) else None
    columns: dict[str, ColumnData] = {}
    n_refused = 0
    for index in range(_FIRST_COLUMN, _EXTRAS):
        name = ROW_FIELDS[index]
        values = by_field[index]
        if values[0] is None and values.count(None) == len(values):
            continue
        data = _column_at_once(values, getattr(layout, name, None))
        if data is None and name in ARRAY_FIELDS and bytes in (classes := set(map(type, values))):
            data = _column_of_bytes(name, values, layouts, classes)
        elif data is None:
            data, n_wrong = _column_of_values(values)
            n_refused += n_wrong
        if data is not None:
            columns[name] = data
    extras = by_field[_EXTRAS]
    for name in dict.fromkeys(chain.from_iterable(extra for extra in extras if extra)):
        data, n_wrong = _column_of_values([extra.get(name) if extra else None for extra in extras])
        n_refused += n_wrong
        if data is not None:
            columns[f"{EXTRAS_PREFIX}{name}"] = data
    return columns, n_refused


def _column_at_once(values: Sequence[Any], kind: ArrayKind | None) -> ColumnData | None:
    """The usual case by the shortest way: arrays of one kind, or numbers of Python's; None when it is another.

    (``struct`` takes a third of the time of ``numpy.array``.)
    """
    first = values[0].__class__
    try:
        if first is bytes:
            if kind is not None:
                return ColumnData(np.frombuffer(b"".join(values), kind.dtype).reshape(len(values), *kind.shape))
        elif first in _PACKED_AS and set(map(type, values)) == {first}:
            letter, dtype = _PACKED_AS[first]
            return ColumnData(np.frombuffer(_packer(len(values), letter)(*values), dtype))
    except (TypeError, struct.error):
        pass  # some arrays are missing; a number needs more than 64 bits
    return None


_PACKED_AS: dict[type[Any], tuple[str, type[Any]]] = {
    float: ("d", np.float64),
    int: ("q", np.int64),
    bool: ("?", np.bool_),
}


@lru_cache(maxsize=1024)
def _packer(n_values: int, letter: str) -> Callable[..., bytes]:
    return struct.Struct(f"<{n_values}{letter}").pack


def _column_of_bytes(name: str, values: Sequence[Any], layouts: Sequence[Any], classes: set[type[Any]]) -> ColumnData:
    """An array field of which at least one row holds an array, when not all are of one kind."""
    known = [index for index, value in enumerate(values) if value is not None]
    first = layouts[known[0]]
    kind = getattr(first, name)
    if len(classes) > 1 or any(layout is not first for layout in layouts):
        was_bytes = isinstance(values[known[0]], bytes)
        for index in known:
            is_bytes = isinstance(values[index], bytes)
            if is_bytes != was_bytes or (is_bytes and getattr(layouts[index], name)[:2] != kind[:2]):
                raise KindChangedError(index)
    joined = b"".join(values if len(known) == len(values) else [values[index] for index in known])
    array = np.frombuffer(joined, kind.dtype).reshape(len(known), *kind.shape)
    if len(known) == len(values):
        return ColumnData(array)
    present = np.zeros(len(values), np.bool_)
    present[known] = True
    return ColumnData(array, present)


def _column_of_values(values: Sequence[Any]) -> tuple[ColumnData | None, int]:
    """A field of Python's numbers, tuples of them, numpy scalars or arrays; None when no value is made of numbers."""
    try:
        return ColumnData(_array_of(values)), 0
    except (TypeError, ValueError, OverflowError):
        pass  # some are missing, or not numbers, or not of one shape
    present = np.array([_is_number(value) for value in values])
    n_refused = sum(value is not None for value in values) - int(present.sum())
    known: list[int] = np.flatnonzero(present).tolist()
    if not known:
        return None, n_refused
    shape = np.shape(values[known[0]])
    for index in known:
        if np.shape(values[index]) != shape:
            raise KindChangedError(index)
    try:
        array = _array_of([values[index] for index in known])
    except (TypeError, ValueError, OverflowError):
        # No dtype holds them all, such as -1 and 2**64 - 1.
        raise KindChangedError(known[1]) from None
    return ColumnData(array, None if present.all() else present), n_refused


def _array_of(values: Sequence[Any]) -> NDArray[Any]:
    """All values as one array.

    Raises:
        TypeError, ValueError, OverflowError: they don't fit together, or are not numbers.
    """
    first = values[0]
    if first.__class__ is tuple:
        if set(map(len, values)) != {len(first)} or set(map(type, values)) != {tuple}:
            raise ValueError
        flat = list(chain.from_iterable(values))
        return _numbers(flat).reshape(len(values), len(first)) if flat else np.empty((len(values), 0), np.float32)
    return _numbers(values)


def _numbers(values: Sequence[Any]) -> NDArray[Any]:
    array = np.array(values)
    if array.dtype.kind == "f" and set(map(type, values)) == {int}:
        array = np.array(values, np.uint64)  # numpy would round integers beyond 2**63
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise ValueError
    return array


def _is_number(value: Any) -> bool:
    """Whether a value alone can stand in a column."""
    if value is None:
        return False
    try:
        _array_of([value])
    except (TypeError, ValueError, OverflowError):
        return False
    return True
