"""Joins columns of a whole episode from its chunks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain, groupby
from typing import Any

import numpy as np

from recorder.chunk.chunk import Chunk, ColumnData
from recorder.chunk.columns import Stretch
from recorder.errors import EpisodeFileTooLargeError, ShapeChangedError

__all__ = ["MAX_COLUMN_BYTES", "join_columns"]

MAX_COLUMN_BYTES = 2**30
"""Limit for a column: a small hostile file may declare millions of steps of a large shape without values."""


def join_columns(
    names: Iterable[str], chunks: Sequence[Chunk], *, max_bytes: Mapping[str, int] | None = None
) -> dict[str, ColumnData]:
    """Join the values of columns, as far as any chunk has them.

    Args:
        max_bytes: limit for one column.

    Returns:
        For each column ``dtype[n_steps, *shape]``, and which steps have a value (None: all); the others hold NaN, 0,
        False or an empty text. Different dtypes are promoted as in numpy.

    Raises:
        ShapeChangedError: a column's shape differs between chunks.
        EpisodeFileTooLargeError: a column would exceed ``max_bytes``.
        EpisodeFileCorruptError: a chunk's bytes don't match its column.
    """
    wanted = dict.fromkeys(names, MAX_COLUMN_BYTES)
    wanted.update((name, most) for name, most in (max_bytes or {}).items() if name in wanted)
    n_steps = sum(chunk.n_steps for chunk in chunks)
    placements = {id(chunk.placement): chunk.placement for chunk in chunks}
    loose = [column.spec for chunk in chunks for column in chunk.loose.values()]
    largest = max((placement.max_step_bytes for placement in placements.values()), default=0)
    if loose or largest * n_steps > min(wanted.values(), default=0):
        for spec in chain(loose, *(placement.specs.values() for placement in placements.values())):
            if spec.name in wanted and spec.step_bytes * n_steps > wanted[spec.name]:
                raise EpisodeFileTooLargeError(
                    f"column {spec.name!r} of {n_steps} steps would take more than {wanted[spec.name]} bytes: "
                    "read it step by step"
                )
    if len(placements) == 1 and not loose:
        return _join_even(wanted, chunks)
    parts = [chunk.columns(wanted) for chunk in chunks]
    found = dict.fromkeys(name for part in parts for name in part)
    return {name: _join_uneven(name, chunks, [part.get(name) for part in parts], n_steps) for name in found}


def _join_even(wanted: Collection[str], chunks: Sequence[Chunk]) -> dict[str, ColumnData]:
    """Columns of chunks with the same placement, a group over all chunks at once."""
    joined: dict[str, ColumnData] = {}
    for index, (_, group) in enumerate(chunks[0].placement.groups):
        if names := [name for name in group.names if name in wanted]:
            decoded = group.decode([Stretch(chunk.n_steps, chunk.data[index]) for chunk in chunks], names)
            for name, values in decoded.items():
                joined[name] = ColumnData(values)
    return joined


def _join_uneven(name: str, chunks: Sequence[Chunk], parts: Sequence[ColumnData | None], n_steps: int) -> ColumnData:
    """A column that some steps lack, or that changes its dtype, or whose neighbours do."""
    found = [(chunk.first_step, part.values) for chunk, part in zip(chunks, parts, strict=True) if part is not None]
    shape = found[0][1].shape[1:]
    if any(values.shape[1:] != shape for _, values in found):
        runs = groupby(found, key=lambda pair: pair[1].shape[1:])
        places = ", ".join(f"{list(shape)} from step {next(run)[0]}" for shape, run in runs)
        raise ShapeChangedError(
            f"column {name!r} changes its shape within the episode ({places}): read it step by step"
        )
    known = found[0][1] if len(found) == 1 else np.concatenate([values for _, values in found])
    if len(known) == n_steps:
        return ColumnData(known)
    present = np.zeros(n_steps, np.bool_)
    start = 0
    for chunk, part in zip(chunks, parts, strict=True):
        if part is not None:
            present[start : start + chunk.n_steps] = True if part.present is None else part.present
        start += chunk.n_steps
    nothing: Any = np.nan if known.dtype.kind == "f" else "" if known.dtype.kind == "O" else 0
    values = np.full((n_steps, *shape), nothing, known.dtype)
    values[present] = known
    return ColumnData(values, present)
