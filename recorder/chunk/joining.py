"""Columns of a whole episode, out of its chunks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from recorder.chunk.chunk import Chunk, ColumnData, Slot
from recorder.chunk.columns import Packed, decode_columns
from recorder.errors import EpisodeFileTooLargeError, ShapeChangedError
from recorder.schema import ColumnSpec

__all__ = ["MAX_COLUMN_BYTES", "join_columns"]

MAX_COLUMN_BYTES = 2**30
"""Of a whole column in memory: a small hostile file may claim millions of steps without values of a large shape."""


def join_columns(names: Iterable[str], chunks: Sequence[Chunk]) -> dict[str, ColumnData]:
    """All values of these columns, as far as any chunk has them.

    Returns:
        For each, the values of every step, ``dtype[n_steps, *shape]``, and where they are real (None: everywhere); the
        others are NaN, 0 or False. Of several dtypes the one that all of them fit into, as numpy promotes them.

    Raises:
        ShapeChangedError: a column's shape is not the same in all chunks.
        EpisodeFileTooLargeError: a column would take more than ``MAX_COLUMN_BYTES``.
        EpisodeFileCorruptError: a chunk's bytes don't fit its column.
    """
    n_steps = sum(chunk.n_steps for chunk in chunks)
    joined: dict[str, ColumnData] = {}
    even: dict[int, tuple[list[Packed], list[str]]] = {}
    for name in names:
        slots = [chunk.slots.get(name) for chunk in chunks]
        first = next(filter(None, slots), None)
        if first is None:
            continue
        _check_size(first.spec, n_steps)
        stretches = _even_stretches(slots)
        if stretches is None:
            joined[name] = _join_uneven(name, chunks, slots, n_steps)
        else:
            even.setdefault(id(stretches[0]), (stretches, []))[1].append(name)
    for stretches, together in even.values():
        joined.update((name, ColumnData(values)) for name, values in decode_columns(stretches, together).items())
    return joined


def _even_stretches(slots: Sequence[Slot | None]) -> list[Packed] | None:
    """Where a column's values lie when every step has one and its neighbours are the same in all chunks."""
    stretches = [slot.packed for slot in slots if slot is not None and slot.present is None]
    if len(stretches) < len(slots) or any(it.specs != stretches[0].specs for it in stretches[1:]):
        return None
    return stretches


def _check_size(spec: ColumnSpec, n_steps: int) -> None:
    if spec.step_bytes * n_steps > MAX_COLUMN_BYTES:
        raise EpisodeFileTooLargeError(
            f"column {spec.name!r} of {n_steps} steps would take more than {MAX_COLUMN_BYTES} bytes: read it step by step"
        )


def _join_uneven(name: str, chunks: Sequence[Chunk], slots: Sequence[Slot | None], n_steps: int) -> ColumnData:
    """A column that some steps lack, or whose kind changes."""
    found = [(chunk.first_step, slot) for chunk, slot in zip(chunks, slots, strict=True) if slot is not None]
    shape = found[0][1].spec.shape
    if any(slot.spec.shape != shape for _, slot in found):
        runs = groupby(found, key=lambda pair: pair[1].spec.shape)
        places = ", ".join(f"{list(shape)} from step {next(run)[0]}" for shape, run in runs)
        raise ShapeChangedError(f"column {name!r} changes its shape in mid-episode ({places}): read it step by step")
    for _, slot in found:
        _check_size(slot.spec, n_steps)
    pieces = [decode_columns([slot.packed], [name])[name] for _, slot in found]
    known = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    if len(known) == n_steps:
        return ColumnData(known)
    present = np.zeros(n_steps, np.bool_)
    start = 0
    for chunk, slot in zip(chunks, slots, strict=True):
        if slot is not None:
            present[start : start + chunk.n_steps] = True if slot.present is None else slot.present
        start += chunk.n_steps
    values = np.full((n_steps, *shape), np.nan if known.dtype.kind == "f" else 0, known.dtype)
    values[present] = known
    return ColumnData(values, present)
