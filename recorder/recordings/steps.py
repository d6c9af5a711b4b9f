"""Reads steps as plain Python values, a block at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from recorder.chunk import Chunk
from recorder.episode_file import Episode
from recorder.errors import EpisodeFileTooLargeError
from recorder.schema import EXTRAS_PREFIX, MAX_TEXT_BYTES, STEP_FIELDS, Encoding

__all__ = ["MAX_STEP_NUMBERS", "blocks_of", "step_maps", "values_of"]

MAX_STEP_NUMBERS = 2**21
"""Most numbers of one step to write as text, which is about 40 MB."""

_BLOCK_NUMBERS = 2**12
"""Numbers to convert at once: about 80 kB of text, which a slow reader keeps in memory."""
_BLOCK_STEPS = 256

_NUMBER_BYTES = 20
"""What a number takes as text."""

_LISTS = frozenset(name for name, kind in STEP_FIELDS.items() if kind == "array") - {"action"}
"""Fields that are lists even with a single number."""

_ALWAYS = tuple(name for name in STEP_FIELDS if name not in ("terminated", "truncated", "epsilon", "action_masks"))
"""Fields that every step's map has, None if the step has no value."""

_DEFAULTS = {"position": [], "meters": [], "action": 0, "reward": 0.0, "intrinsic_reward": 0.0, "done": False}


def values_of(episode: Episode, name: str, start: int, stop: int) -> list[Any]:
    """Values of one column for ``start <= index < stop``: numbers, nested lists or texts, None if a step has no value.

    Raises:
        EpisodeFileCorruptError: a chunk is damaged.
    """
    values: list[Any] = []
    for chunk, rows in episode.chunks_between(start, stop):
        values += _values_in(chunk, name, rows)
    return values


def blocks_of(
    episode: Episode, start: int, stop: int, names: Collection[str] | None = None
) -> Iterator[tuple[int, int]]:
    """Split ``start`` to ``stop`` into blocks ``(first, end)`` that are small enough to convert at once.

    Args:
        names: columns to convert; None for all.

    Raises:
        EpisodeFileTooLargeError: a single step holds too many numbers.
    """
    first = start
    for chunk, rows in episode.chunks_between(start, stop):
        n_rows = rows.stop - rows.start
        n_numbers = sum(_n_numbers(chunk, name) for name in chunk.names if names is None or name in names)
        if n_numbers > MAX_STEP_NUMBERS:
            raise EpisodeFileTooLargeError(
                f"step {chunk.first_step + rows.start} holds {n_numbers} numbers, but at most {MAX_STEP_NUMBERS} of one "
                "step are written as text: choose fields, or read the file itself"
            )
        n_steps = max(1, min(_BLOCK_STEPS, _BLOCK_NUMBERS // max(n_numbers, 1)))
        for offset in range(0, n_rows, n_steps):
            yield first + offset, first + min(offset + n_steps, n_rows)
        first += n_rows


def _n_numbers(chunk: Chunk, name: str) -> int:
    """Numbers of one step's value; of texts, as many as take the room of the longest that there can be."""
    spec = chunk.spec(name)
    return min(chunk.stored_bytes(name), MAX_TEXT_BYTES) // _NUMBER_BYTES if spec.is_text else max(spec.n_values, 1)


def _values_in(chunk: Chunk, name: str, rows: slice) -> list[Any]:
    """As ``values_of``, for rows of one chunk."""
    if name not in chunk.names:
        return [None] * (rows.stop - rows.start)
    if chunk.spec(name).encoding is Encoding.XOR:  # a block has a few steps: the chunk's other pictures stay packed
        found = (chunk.value(name, row) for row in range(rows.start, rows.stop))
        return [None if value is None else value.tolist() for value in found]
    data = chunk.column(name)
    if data is None:
        return [None] * (rows.stop - rows.start)
    column, present = data
    if name in _LISTS and column.ndim == 1:
        column = column[:, np.newaxis]
    if present is None:
        values: list[Any] = column[rows].tolist()
        return values
    before, here = int(np.count_nonzero(present[: rows.start])), present[rows]
    known = iter(column[before : before + int(np.count_nonzero(here))].tolist())
    return [next(known) if is_present else None for is_present in here.tolist()]


def step_maps(episode: Episode, start: int, stop: int) -> list[dict[str, Any]]:
    """The steps ``start <= index < stop`` in the form of a version 1 file.

    The ten fields of the original format are always present; the others, and ``extras``, if the step has them.
    """
    maps: list[dict[str, Any]] = []
    for chunk, rows in episode.chunks_between(start, stop):
        here: list[dict[str, Any]] = [{"step": chunk.first_step + row} for row in range(rows.start, rows.stop)]
        for name in dict.fromkeys((*_ALWAYS, *chunk.names)):
            values = _values_in(chunk, name, rows)
            for step, value in zip(here, values, strict=True):
                if name.startswith(EXTRAS_PREFIX):
                    if value is not None:
                        step.setdefault("extras", {})[name.removeprefix(EXTRAS_PREFIX)] = value
                elif name in _ALWAYS:
                    step[name] = _DEFAULTS.get(name) if value is None else value
                elif value is not None:
                    step[name] = value
        maps += here
    return maps
