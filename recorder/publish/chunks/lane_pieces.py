"""Rows of many lanes, turned so that the steps of a lane are together, and the pieces that are views of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.chunk import ColumnData, Slots, encode_lanes
from recorder.publish.chunks.pieces import Kinds
from recorder.schema import EpisodeSchema

__all__ = ["LanePiece", "TurnedBlock"]

_LANES_BEFORE_ALL = 3
"""So many lanes in a row with the same rows, and all lanes are encoded: the others are most likely to follow."""


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
        self._columns = {name: (field.dtype.str, field.shape) for name, field in kinds.fields.items()}
        self._asked: tuple[int, int, EpisodeSchema] | None = None
        """Rows of which a lane was encoded last, and how."""
        self._n_asked = 0
        """For how many lanes in a row."""
        self._encoded: list[Slots] = []
        """These rows of all lanes; empty before it pays."""
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

    def slots(self, place: int, start: int, stop: int, schema: EpisodeSchema) -> Slots | None:
        """Some rows of one lane, encoded: lanes that are asked for one after another with the same rows are encoded together.

        Returns:
            None where it does not pay, or the columns are not those of the schema.
        """
        asked = self._asked
        if asked is None or asked[2] is not schema or asked[:2] != (start, stop):
            self._asked, self._n_asked, self._encoded = (start, stop, schema), 0, []
        self._n_asked += 1
        if self._n_asked < _LANES_BEFORE_ALL:
            return None
        if (
            self._n_asked == _LANES_BEFORE_ALL
            and {spec.name: (spec.dtype, spec.shape) for spec in schema.columns} == self._columns
        ):
            self._encoded = encode_lanes(schema, {name: values[:, start:stop] for name, values in self.by_lane.items()})
        return self._encoded[place] if self._encoded else None


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

    def columns(self) -> dict[str, ColumnData]:
        place, rows = self.place, slice(self.start, self.stop)
        return {name: ColumnData(values[place, rows]) for name, values in self.block.by_lane.items()}

    def slots(self, schema: EpisodeSchema) -> Slots | None:
        return self.block.slots(self.place, self.start, self.stop, schema)
