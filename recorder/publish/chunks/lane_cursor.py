"""Reading blocks of lanes: which rows of which lane belong to which episode.

Rows are looked at together, turned so that the steps of a lane follow each other; a lane is only touched when its episode
changes, its steps jump, or someone asks for what it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.black_box import Layout, Run
from recorder.chunk import MAX_CHUNK_STEPS, ColumnData, Slots, encode_lanes
from recorder.publish.chunks.pieces import Kinds, kinds_of
from recorder.schema import NO_STEP, EpisodeSchema

__all__ = ["LaneCursor", "LanePiece", "TurnedBlock"]

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


_MAX_BLOCK_BYTES = 32 * 2**20
"""With large observations a block holds fewer rows."""

Found = Iterator[tuple[int, LanePiece]]
"""Episode ids and their steps."""


class LaneCursor:
    """Turns the rows of one kind of block, and says which steps they hold.

    Args:
        layout: of the records.
        lanes: ``int64[n_lanes]``, the lane of each place.
    """

    def __init__(self, layout: Layout, lanes: NDArray[np.int64]) -> None:
        self._layout = layout
        self._lanes = lanes
        kinds = kinds_of(layout)
        self._kinds = kinds
        self._max_rows = max(1, min(MAX_CHUNK_STEPS, _MAX_BLOCK_BYTES // (kinds.step_bytes * len(lanes))))
        self._begin_block()
        self._episodes = np.full(len(lanes), NO_STEP, np.int64)
        self._first_steps = np.zeros(len(lanes), np.int64)
        """Step number that row 0 would have, for the lane's steps to follow each other."""

    def fits(self, layout: Layout, lanes: NDArray[np.int64]) -> bool:
        """Whether records of that layout can go on in the same block."""
        known = self._layout
        is_alike = layout is known or (layout.lead[1] == known.lead[1] and layout.fields == known.fields)
        return is_alike and (lanes is self._lanes or bool((lanes == self._lanes).all()))

    @property
    def needed_from(self) -> int | None:
        """Where the first record begins of which steps are still here; None when there are none."""
        start = int(self._starts.min())
        return int(self._block.record_positions[start]) if start < self._block.n_rows else None

    @property
    def n_pending_steps(self) -> int:
        """Steps that are still here."""
        return int((self._block.n_rows - self._starts)[self._episodes != NO_STEP].sum())

    def read(self, run: Run, start: int, stop: int) -> Found:
        """Read some records of a run; gives stretches that have ended."""
        n_rows = run.layout.lead[0]
        if n_rows == 1:
            at = run.position + run.n_bytes * np.arange(start, stop, dtype=np.int64)
            yield from self._read_rows({name: run.records[name][start:stop, 0] for name in self._names}, at, at)
            return
        rows = np.arange(n_rows, dtype=np.int64)
        for index in range(start, stop):
            position = run.position + index * run.n_bytes
            columns = {name: run.records[name][index] for name in self._names}
            yield from self._read_rows(columns, position + rows, np.full(n_rows, position))

    @property
    def _names(self) -> list[str]:
        return ["episode_id", "step", *self._kinds.fields]

    def _read_rows(
        self, columns: dict[str, NDArray[Any]], positions: NDArray[np.int64], records: NDArray[np.int64]
    ) -> Found:
        first = 0
        # Where most lanes begin an episode, a block begins: their chunks are whole rows of it, and are encoded together.
        is_new = self._block.n_rows > 0 and 2 * int((columns["episode_id"][0] != self._episodes).sum()) > len(
            self._lanes
        )
        while first < len(positions):
            if is_new or self._block.n_rows == self._max_rows:
                is_new = False
                yield from self.settle()
                self._begin_block()
            rows = slice(first, first + self._max_rows - self._block.n_rows)
            yield from self._advance(
                {name: column[rows] for name, column in columns.items()}, positions[rows], records[rows]
            )
            first = rows.stop

    def _begin_block(self) -> None:
        before = getattr(self, "_block", None)
        if before is not None:
            self._first_steps += before.n_rows
        self._block = TurnedBlock(self._kinds, self._lanes, self._max_rows)
        self._starts = np.zeros(len(self._lanes), np.int64)

    def _advance(
        self, columns: dict[str, NDArray[Any]], positions: NDArray[np.int64], records: NDArray[np.int64]
    ) -> Found:
        block, before = self._block, self._block.n_rows
        block.add(columns, positions, records)
        episodes = columns["episode_id"]
        first_steps = columns["step"] - np.arange(before, block.n_rows)[:, None]
        changed = np.empty(episodes.shape, np.bool_)
        changed[0] = (episodes[0] != self._episodes) | (first_steps[0] != self._first_steps)
        changed[1:] = (episodes[1:] != episodes[:-1]) | (first_steps[1:] != first_steps[:-1])
        if not changed.any():
            return
        for index, place in np.argwhere(changed).tolist():
            start, row = int(self._starts[place]), before + index
            if row > start and self._episodes[place] != NO_STEP:
                yield self._found(place, start, row)
            self._starts[place] = row
            self._episodes[place] = episodes[index, place]
            self._first_steps[place] = first_steps[index, place]

    def _found(self, place: int, start: int, stop: int) -> tuple[int, LanePiece]:
        first_step = int(self._first_steps[place]) + start
        return int(self._episodes[place]), LanePiece(self._block, place, start, stop, first_step)

    def settle(self) -> Found:
        """What every lane has, up to the last row read."""
        for place in range(len(self._starts)):
            yield from self._settle_place(place)

    def settle_episode(self, episode_id: int) -> Found:
        """What the lanes that play this episode have."""
        for place in np.flatnonzero(self._episodes == episode_id):
            yield from self._settle_place(int(place))

    def _settle_place(self, place: int) -> Found:
        start, n_rows = int(self._starts[place]), self._block.n_rows
        if start < n_rows:
            self._starts[place] = n_rows
            if self._episodes[place] != NO_STEP:
                yield self._found(place, start, n_rows)
