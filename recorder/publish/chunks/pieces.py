"""Pieces: consecutive steps of one episode, as views of a ring or of a turned block, and the columns of a chunk made of them.

Runs of the ring are taken apart into them: single steps by episode, blocks by their lanes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recorder.black_box import Run
from recorder.black_box.layout import Field, Layout, has_name
from recorder.chunk import ColumnData, Slots
from recorder.schema import EpisodeSchema
from recorder.values.picture_shape import is_stored_as_picture

__all__ = [
    "Kinds",
    "Piece",
    "StepPiece",
    "columns_of",
    "kinds_of",
    "lane_stretches",
    "pieces_by_episode",
    "together",
    "would_round",
]

_WIDTHS = {np.dtype(np.bool_): 0, np.dtype(np.int64): 1, np.dtype(np.float64): 2}
"""Python's numbers, the narrower first."""

_EXACT = 2**53
"""Whole numbers up to here are the same as floats."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """What the columns of some steps are.

    Args:
        fields: by name.
        number_bytes: of one step, without its pictures; at least 1.
        picture_bytes: of the pictures of one step.
    """

    fields: Mapping[str, Field]
    number_bytes: int
    picture_bytes: int = 0

    @property
    def step_bytes(self) -> int:
        """Bytes of one step."""
        return self.number_bytes + self.picture_bytes


@lru_cache(maxsize=1024)
def kinds_of(layout: Layout) -> Kinds:
    """The columns of a layout."""
    return _kinds({field.name: field for field in layout.fields})


def _kinds(fields: Mapping[str, Field]) -> Kinds:
    n_bytes = {True: 0, False: 0}
    for field in fields.values():
        n_bytes[is_stored_as_picture(field.dtype.str, field.shape)] += field.dtype.itemsize * prod(field.shape)
    return Kinds(fields, n_bytes[False] or 1, n_bytes[True])


def together(first: Kinds, second: Kinds) -> Kinds | None:
    """The columns of a chunk that holds steps of both; None when a column can't hold both."""
    if first is second or first.fields == second.fields:
        return first
    fields = dict(first.fields)
    for name, field in second.fields.items():
        known = fields.get(name)
        if known is None or known == field:
            fields[name] = field
            continue
        if known.shape != field.shape:
            return None
        if known.dtype.kind == field.dtype.kind == "S":
            fields[name] = max(known, field, key=lambda it: it.dtype.itemsize)
            continue
        if known.dtype != field.dtype:
            widths = _WIDTHS.get(known.dtype), _WIDTHS.get(field.dtype)
            if None in widths or not (known.is_number and field.is_number):
                return None
            fields[name] = max(known, field, key=lambda it: _WIDTHS[it.dtype])
    return _kinds(fields)


def would_round(before: Kinds | None, after: Kinds, pieces: Sequence[Piece], new: Piece) -> bool:
    """Whether whole numbers, put into a chunk with floats, would not stay what they are.

    Args:
        before: of the pieces that wait, which fit it.
        after: with the new piece.
    """
    for name, field in after.fields.items():
        if not field.is_number or field.dtype.kind != "f":
            continue
        known = None if before is None else before.fields.get(name)
        # Those that wait are looked at once, when the column becomes one of floats.
        asked = [new] if known is None or known.dtype.kind == "f" else [*pieces, new]
        if any(_has_large_numbers(name, piece) for piece in asked):
            return True
    return False


def _has_large_numbers(name: str, piece: Piece) -> bool:
    field = piece.kinds.fields.get(name)
    if field is None or field.dtype.kind != "i":
        return False
    values = piece.values(name)
    return bool((values > _EXACT).any() or (values < -_EXACT).any())


class Piece(Protocol):
    """Consecutive steps of one episode."""

    @property
    def kinds(self) -> Kinds:
        """Its columns."""

    first_step: int

    @property
    def n_steps(self) -> int:
        """How many they are."""

    @property
    def positions(self) -> NDArray[np.int64]:
        """``int64[n_steps]``: of each step."""

    @property
    def needed_from(self) -> int:
        """Where the record of the first step begins."""

    def part(self, start: int, stop: int) -> Piece:
        """Some of its steps."""

    def values(self, name: str) -> NDArray[Any]:
        """``dtype[n_steps, *shape]``, a view; of steps without a value anything."""

    def columns(self) -> dict[str, ColumnData]:
        """The columns that have a value for one step at least, views where they have one for each."""

    def slots(self, schema: EpisodeSchema) -> Slots | None:
        """Its steps, encoded together with those of other episodes; None where they are not."""


class StepPiece(NamedTuple):
    """Records of single steps.

    Args:
        records: structured ``[n_steps]``.
        positions: ``int64[n_steps]``.
    """

    kinds: Kinds
    first_step: int
    records: NDArray[Any]
    positions: NDArray[np.int64]

    @property
    def n_steps(self) -> int:
        return len(self.records)

    @property
    def needed_from(self) -> int:
        return int(self.positions[0])

    def part(self, start: int, stop: int) -> StepPiece:
        return StepPiece(self.kinds, self.first_step + start, self.records[start:stop], self.positions[start:stop])

    def values(self, name: str) -> NDArray[Any]:
        found: NDArray[Any] = self.records[name]
        return found

    def columns(self) -> dict[str, ColumnData]:
        columns = {}
        for name, field in self.kinds.fields.items():
            values = self.records[name]
            if field.is_nullable:
                has = self.records[has_name(name)]
                n_values = int(np.count_nonzero(has))
                if n_values == 0:
                    continue
                if n_values < len(has):
                    columns[name] = ColumnData(values[has], has)
                    continue
            columns[name] = ColumnData(values)
        return columns

    def slots(self, schema: EpisodeSchema) -> None:  # noqa: ARG002 - steps of other episodes are elsewhere
        return None


def columns_of(pieces: Sequence[Piece]) -> dict[str, ColumnData]:
    """The columns of a chunk; the kinds of all pieces go together."""
    if len(pieces) == 1:
        return pieces[0].columns()
    kinds = pieces[0].kinds
    for piece in pieces[1:]:
        if piece.kinds is not kinds:
            kinds = together(kinds, piece.kinds) or kinds
    parts = [piece.columns() for piece in pieces]
    columns = {}
    for name, field in kinds.fields.items():
        found = [part.get(name) for part in parts]
        whole = [data.values for data in found if data is not None and data.present is None]
        if len(whole) == len(parts):
            columns[name] = ColumnData(np.concatenate(whole))
        elif any(found):
            columns[name] = _with_holes(field, found, [piece.n_steps for piece in pieces])
    return columns


def _with_holes(field: Field, found: Sequence[ColumnData | None], n_steps: Sequence[int]) -> ColumnData:
    """A column that some steps have no value of."""
    values, masks = [np.empty((0, *field.shape), field.dtype)], []
    for data, number in zip(found, n_steps, strict=True):
        if data is None:
            masks.append(np.zeros(number, np.bool_))
            continue
        values.append(data.values)
        masks.append(np.ones(number, np.bool_) if data.present is None else data.present)
    return ColumnData(np.concatenate(values), np.concatenate(masks))


_SHORT_STRETCH = 4
"""Where an episode's steps follow each other for fewer steps than this on average, they are sorted by episode first."""


def pieces_by_episode(run: Run) -> Iterator[tuple[int, int, StepPiece]]:
    """Single steps as pieces, each with its episode and its lane; those of one episode in order."""
    records = run.records
    positions = run.position + run.n_bytes * np.arange(len(records), dtype=np.int64)
    episodes, steps = records["episode_id"], records["step"]
    breaks = _breaks(episodes, steps)
    if len(breaks) * _SHORT_STRETCH > len(records):
        order = np.argsort(episodes, kind="stable")
        records, positions = records[order], positions[order]
        episodes, steps = records["episode_id"], records["step"]
        breaks = _breaks(episodes, steps)
    kinds = kinds_of(run.layout)
    starts = np.concatenate(([0], breaks))
    stops = [*breaks.tolist(), len(records)]
    places = (starts, episodes[starts], records["lane"][starts], steps[starts])
    for start, episode_id, lane, step, stop in zip(*(place.tolist() for place in places), stops, strict=True):
        yield episode_id, lane, StepPiece(kinds, step, records[start:stop], positions[start:stop])


def _breaks(episodes: NDArray[np.int64], steps: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where a step is not the next one of the same episode."""
    return np.flatnonzero((episodes[1:] != episodes[:-1]) | (steps[1:] != steps[:-1] + 1)) + 1


def lane_stretches(run: Run) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Blocks in a row whose lanes are the same: first, the one after the last, and ``int64[n_lanes]``."""
    n_records, n_lanes = len(run.records), run.layout.lead[1]
    if not run.layout.has_lanes:
        yield 0, n_records, np.arange(n_lanes)
        return
    lanes = run.records["lane"][:, 0]
    bounds = [0, *(np.flatnonzero((lanes[1:] != lanes[:-1]).any(axis=1)) + 1).tolist(), n_records]
    for start, stop in pairwise(bounds):
        yield start, stop, lanes[start].copy()
