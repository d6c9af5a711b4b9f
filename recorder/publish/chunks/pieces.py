"""Pieces: consecutive steps of one episode, as views of a ring or of a turned block, and the columns of a chunk made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recorder.black_box.layout import Field, Layout, has_name
from recorder.chunk import ColumnData
from recorder.picture_shape import is_stored_as_picture

__all__ = [
    "Kinds",
    "LanePiece",
    "Piece",
    "StepPiece",
    "TurnedBlock",
    "columns_of",
    "kinds_of",
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

    def present(self, name: str) -> NDArray[np.bool_] | None:
        """``bool[n_steps]``: which steps have a value; None for all."""


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

    def present(self, name: str) -> NDArray[np.bool_] | None:
        if not self.kinds.fields[name].is_nullable:
            return None
        found: NDArray[np.bool_] = self.records[has_name(name)]
        return None if found.all() else found


class TurnedBlock:
    """Rows of many lanes, turned so that the steps of one lane are together: all lanes at once, while the rows are fresh.

    Args:
        kinds: the columns.
        lanes: ``int64[n_lanes]``, the lane of each place.
        max_rows: for how many it has room.
    """

    def __init__(self, kinds: Kinds, lanes: NDArray[np.int64], max_rows: int) -> None:
        self.kinds = kinds
        self.lanes = lanes
        self.max_rows = max_rows
        self.n_rows = 0
        self.positions = np.empty(max_rows, np.int64)
        self.record_positions = np.empty(max_rows, np.int64)
        self.by_lane: dict[str, NDArray[Any]] = {
            name: np.empty((len(lanes), max_rows, *field.shape), field.dtype) for name, field in kinds.fields.items()
        }

    def add(self, columns: Mapping[str, NDArray[Any]], positions: Any, record_positions: Any) -> None:
        """Turn rows.

        Args:
            columns: ``dtype[n_rows, n_lanes, *shape]`` each.
            positions: ``int64[n_rows]``.
            record_positions: the same, where the record of each row begins.
        """
        new = slice(self.n_rows, self.n_rows + len(positions))
        for name, by_lane in self.by_lane.items():
            by_lane[:, new] = columns[name].swapaxes(0, 1)
        self.positions[new] = positions
        self.record_positions[new] = record_positions
        self.n_rows = new.stop


class LanePiece(NamedTuple):
    """Rows ``start`` to ``stop`` of one lane of a turned block.

    Args:
        place: index along the block's lane axis.
    """

    block: TurnedBlock
    place: int
    start: int
    stop: int
    first_step: int

    @property
    def kinds(self) -> Kinds:
        return self.block.kinds

    @property
    def n_steps(self) -> int:
        return self.stop - self.start

    @property
    def positions(self) -> NDArray[np.int64]:
        return self.block.positions[self.start : self.stop]

    @property
    def needed_from(self) -> int:
        return int(self.block.record_positions[self.start])

    def part(self, start: int, stop: int) -> LanePiece:
        return self._replace(start=self.start + start, stop=self.start + stop, first_step=self.first_step + start)

    def values(self, name: str) -> NDArray[Any]:
        return self.block.by_lane[name][self.place, self.start : self.stop]

    def present(self, name: str) -> None:  # noqa: ARG002 - every step of a block has every value
        return None


def columns_of(pieces: Sequence[Piece]) -> dict[str, ColumnData]:
    """The columns of a chunk; the kinds of all pieces go together."""
    kinds = pieces[0].kinds
    for piece in pieces[1:]:
        if piece.kinds is not kinds:
            kinds = together(kinds, piece.kinds) or kinds
    columns = {}
    for name, field in kinds.fields.items():
        if all(name in piece.kinds.fields for piece in pieces):
            masks = [piece.present(name) for piece in pieces]
            if all(mask is None for mask in masks):
                values = [piece.values(name) for piece in pieces]
                columns[name] = ColumnData(values[0] if len(values) == 1 else np.concatenate(values))
                continue
        data = _with_holes(name, field, pieces)
        if data is not None:
            columns[name] = data
    return columns


def _with_holes(name: str, field: Field, pieces: Sequence[Piece]) -> ColumnData | None:
    """A column that some steps have no value of; None when none has one."""
    values, masks = [np.empty((0, *field.shape), field.dtype)], []
    for piece in pieces:
        if name not in piece.kinds.fields:
            masks.append(np.zeros(piece.n_steps, np.bool_))
            continue
        mask = piece.present(name)
        values.append(piece.values(name) if mask is None else piece.values(name)[mask])
        masks.append(np.ones(piece.n_steps, np.bool_) if mask is None else mask)
    present = np.concatenate(masks)
    return ColumnData(np.concatenate(values), present) if present.any() else None
