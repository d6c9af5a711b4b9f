"""The steps of one open episode, gathered into chunks: rows from ``record_step``, spans of a block from
``record_batch``.

Runs on the background thread. A chunk ends after 256 steps, at a missing step, when the kind of a field changes, or
when large observations fill it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.capture.batch_block import BatchBlock
from recorder.capture.copying import ARRAY_FIELDS, ArrayKind
from recorder.capture.stats import RecorderStats
from recorder.chunk import MAX_CHUNK_BYTES, MAX_CHUNK_STEPS, ColumnData, encode_chunk, spec_of
from recorder.episode import Gap
from recorder.schema import EXTRAS_PREFIX, EpisodeSchema
from recorder.step_stream import Play

__all__ = ["ROW_FIELDS", "EncodedChunk", "EpisodeBuilder", "Row", "Span"]

_log = logging.getLogger(__name__)


Row = tuple[Any, ...]
"""One step, as ``record_step`` made it ours: a plain tuple in the order of ``ROW_FIELDS``, the cheapest thing to
make."""

ROW_FIELDS = (
    "episode_id",
    "step",
    "lane",
    "layout",
    "position",
    "meters",
    "action",
    "q_values",
    "action_masks",
    "reward",
    "intrinsic_reward",
    "done",
    "time_of_day",
    "interaction_progress",
    "terminated",
    "truncated",
    "epsilon",
    "extras",
)
"""Array fields hold bytes of the kind that ``layout`` says, or Python's numbers; ``extras`` is a dict or None."""

_STEP = ROW_FIELDS.index("step")
_LAYOUT = ROW_FIELDS.index("layout")
_FIRST_COLUMN = ROW_FIELDS.index("position")
_EXTRAS = ROW_FIELDS.index("extras")
_ARRAY_PLACES = {field: ROW_FIELDS.index(field) for field in ARRAY_FIELDS}


class _ShapeChangedError(Exception):
    """Within these rows a field changes its shape; ``row`` is the first with the new one."""

    def __init__(self, row: int) -> None:
        self.row = row


class Span(NamedTuple):
    """Rows ``start`` to ``stop`` of one lane of a block: consecutive steps of one episode."""

    block: BatchBlock
    place: int
    """Index along the block's lane axis."""
    start: int
    stop: int


class EncodedChunk(NamedTuple):
    """A chunk, ready to go."""

    first_step: int
    n_steps: int
    data: bytes


class EpisodeBuilder:
    """Gathers steps and gives chunks back.

    Args:
        play: the episode, and this playing of it.
        lane: where it is played.
        known_schema: schema of an earlier episode of the run, whose encodings are taken over where a column is the
            same.
        stats: counts what is refused.
    """

    def __init__(self, play: Play, *, lane: int, known_schema: EpisodeSchema | None, stats: RecorderStats) -> None:
        self.play = play
        self.lane = lane
        self.schema: EpisodeSchema | None = None
        self.n_steps = 0
        self.reward_sum = 0.0
        self.intrinsic_sum = 0.0
        self.gaps: list[Gap] = []
        self.manual_reasons: list[str] = []
        self.sequence = 0
        """Sequence of the last entry of this play."""
        self.last_active = 0.0
        self.last_epsilon = 0.0
        self.n_bytes = 0
        """Bytes of the chunks made so far."""
        self._known_schema = known_schema
        self._stats = stats
        self._rows: list[Row] = []
        self._spans: list[Span] = []
        self._n_span_steps = 0
        self._next_step = 0

    @property
    def n_pending(self) -> int:
        """Steps that are in no chunk yet."""
        return len(self._rows) + self._n_span_steps

    @property
    def end_step(self) -> int:
        """Number of the step behind the last one."""
        return self._next_step

    def add_row(self, row: Row) -> list[EncodedChunk]:
        """Take one step; chunks come back when one is full or has to end."""
        step = row[_STEP]
        if step != self._next_step:
            if step < self._next_step:
                self._stats.n_refused_steps += 1
                return []
            done = self.take_chunks()
            self.add_gap(step)
        else:
            done = self.take_chunks() if self._spans else []
        self._rows.append(row)
        self._next_step = step + 1
        if len(self._rows) >= MAX_CHUNK_STEPS:
            done.extend(self.take_chunks())
        return done

    def add_span(self, span: Span) -> list[EncodedChunk]:
        """Take a stretch of steps of a block; the caller has seen that their numbers follow each other."""
        first = int(span.block.steps[span.start, span.place])
        n_steps = span.stop - span.start
        done = self.take_chunks() if self._rows else []
        if first != self._next_step:
            if first < self._next_step:
                self._stats.n_refused_steps += n_steps
                return done
            done.extend(self.take_chunks())
            self.add_gap(first)
        if self._spans and self._spans[-1].block.kind != span.block.kind:
            done.extend(self.take_chunks())
        self._spans.append(span)
        self._n_span_steps += n_steps
        self._next_step = first + n_steps
        while self._n_span_steps >= MAX_CHUNK_STEPS:
            done.append(self._encode_spans(self._cut_spans(MAX_CHUNK_STEPS)))
        return done

    def add_gap(self, end_step: int, reason: str = "dropped") -> None:
        """Mark that the steps from the last one up to ``end_step`` are missing."""
        if end_step > self._next_step:
            self.gaps.append(Gap(self._next_step, end_step, reason))
            self._next_step = end_step

    def lose(self, chunk: EncodedChunk) -> None:
        """A chunk that found no room is given up: counted, and marked as a gap."""
        self.gaps.append(Gap(chunk.first_step, chunk.first_step + chunk.n_steps, "lost"))
        self.n_steps -= chunk.n_steps
        self.n_bytes -= len(chunk.data)
        self._stats.n_recorded_steps -= chunk.n_steps
        self._stats.n_lost_steps += chunk.n_steps

    def take_chunks(self) -> list[EncodedChunk]:
        """Encode whatever is pending."""
        done = []
        if self._rows:
            rows, self._rows = self._rows, []
            for same in _runs_of_one_layout(rows):
                done.extend(self._encode_rows(same))
        if self._n_span_steps:
            done.append(self._encode_spans(self._cut_spans(self._n_span_steps)))
        return done

    def _cut_spans(self, n_steps: int) -> list[Span]:
        """Take the first ``n_steps`` pending steps out of the spans."""
        taken = []
        self._n_span_steps -= n_steps
        while n_steps:
            span = self._spans.pop(0)
            length = span.stop - span.start
            if length > n_steps:
                self._spans.insert(0, span._replace(start=span.start + n_steps))
                span = span._replace(stop=span.start + n_steps)
                length = n_steps
            taken.append(span)
            n_steps -= length
        return taken

    def _encode_spans(self, spans: Sequence[Span]) -> EncodedChunk:
        head = spans[0]
        columns = {}
        for name in head.block.kind:
            pieces = [span.block.columns[name][span.start : span.stop, span.place] for span in spans]
            values = np.ascontiguousarray(pieces[0]) if len(pieces) == 1 else np.concatenate(pieces)
            columns[name] = ColumnData(values)
        n_steps = sum(span.stop - span.start for span in spans)
        return self._encode(int(head.block.steps[head.start, head.place]), n_steps, columns)

    def _encode_rows(self, rows: Sequence[Row]) -> list[EncodedChunk]:
        try:
            columns = _columns_of_rows(rows, self._stats)
        except _ShapeChangedError as change:
            return self._encode_rows(rows[: change.row]) + self._encode_rows(rows[change.row :])
        row_bytes = sum(data.values.nbytes for data in columns.values()) // len(rows) + 1
        limit = max(1, MAX_CHUNK_BYTES // row_bytes)
        if len(rows) > limit:
            return [chunk for i in range(0, len(rows), limit) for chunk in self._encode_rows(rows[i : i + limit])]
        return [self._encode(rows[0][_STEP], len(rows), columns)]

    def _encode(self, first_step: int, n_steps: int, columns: Mapping[str, ColumnData]) -> EncodedChunk:
        if self.schema is None:
            self.schema = _schema_for(columns, self._known_schema)
        self._sum_up(columns)
        data = encode_chunk(self.schema, first_step=first_step, n_steps=n_steps, columns=columns)
        self.n_steps += n_steps
        self._stats.n_recorded_steps += n_steps
        self._stats.n_chunks += 1
        self._stats.n_bytes_encoded += len(data)
        self.n_bytes += len(data)
        return EncodedChunk(first_step, n_steps, data)

    def _sum_up(self, columns: Mapping[str, ColumnData]) -> None:
        if (reward := columns.get("reward")) is not None:
            self.reward_sum += float(reward.values.sum(dtype=np.float64))
        if (intrinsic := columns.get("intrinsic_reward")) is not None:
            self.intrinsic_sum += float(intrinsic.values.sum(dtype=np.float64))
        if (epsilon := columns.get("epsilon")) is not None:
            self.last_epsilon = float(epsilon.values[-1])


def _schema_for(columns: Mapping[str, ColumnData], known: EpisodeSchema | None) -> EpisodeSchema:
    """A schema of these columns; trying out encodings is slow, so those of an earlier episode are taken over."""
    if known is not None and known.names == tuple(columns):
        same = all(
            spec.dtype == data.values.dtype.str and spec.shape == data.values.shape[1:]
            for spec, data in zip(known.columns, columns.values(), strict=True)
        )
        if same:
            return known
    return EpisodeSchema(tuple(spec_of(name, data.values) for name, data in columns.items()))


def _runs_of_one_layout(rows: list[Row]) -> list[list[Row]]:
    """Consecutive rows whose arrays are of the same kinds."""
    layout = rows[0][_LAYOUT]
    if all(row[_LAYOUT] is layout for row in rows):
        return [rows]
    runs: list[list[Row]] = [[]]
    for row in rows:
        if runs[-1] and _differ(runs[-1][-1], row):
            runs.append([])
        runs[-1].append(row)
    return runs


def _differ(one: Row, other: Row) -> bool:
    """Whether an array field of two rows is of different kinds, where both have it."""
    return any(
        isinstance(one[place], bytes)
        and isinstance(other[place], bytes)
        and getattr(one[_LAYOUT], field) != getattr(other[_LAYOUT], field)
        for field, place in _ARRAY_PLACES.items()
    )


def _columns_of_rows(rows: Sequence[Row], stats: RecorderStats) -> dict[str, ColumnData]:
    by_field = list(zip(*rows, strict=True))
    columns: dict[str, ColumnData] = {}
    for index in range(_FIRST_COLUMN, _EXTRAS):
        name = ROW_FIELDS[index]
        values = by_field[index]
        if values[0] is None and not any(value is not None for value in values):
            continue
        kind = _kind_of(name, values, rows)
        _put(columns, name, values, kind, stats)
    extras = by_field[_EXTRAS]
    names = dict.fromkeys(chain.from_iterable(extra for extra in extras if extra))
    for name in names:
        values = tuple(extra.get(name) if extra else None for extra in extras)
        _put(columns, f"{EXTRAS_PREFIX}{name}", values, None, stats)
    return columns


def _kind_of(name: str, values: Sequence[Any], rows: Sequence[Row]) -> ArrayKind | None:
    if name not in ARRAY_FIELDS:
        return None
    for value, row in zip(values, rows, strict=True):
        if isinstance(value, bytes):
            kind: ArrayKind | None = getattr(row[_LAYOUT], name)
            return kind
    return None


def _put(
    columns: dict[str, ColumnData], name: str, values: Sequence[Any], kind: ArrayKind | None, stats: RecorderStats
) -> None:
    """Turn one field's values into a column; values that can't be numbers are left out and counted.

    Raises:
        _ShapeChangedError: the values are numbers, of more than one shape.
    """
    try:
        columns[name] = ColumnData(_array_of(values, kind))
        return
    except (TypeError, ValueError, OverflowError):
        flags = np.array([_is_number(value) for value in values])
    n_refused = sum(value is not None for value in values) - int(flags.sum())
    if n_refused:
        stats.n_mismatched_values += n_refused
        _log.error("recorder: %d values of %s are left out: not numbers", n_refused, name)
    if not flags.any():
        return
    known = [value for value, fits in zip(values, flags, strict=True) if fits]
    try:
        columns[name] = ColumnData(_array_of(known, kind), None if flags.all() else flags)
    except (TypeError, ValueError, OverflowError):
        shapes = [np.shape(value) for value in known]
        change = next((i for i, shape in enumerate(shapes) if shape != shapes[0]), None)
        if change is None:
            raise
        raise _ShapeChangedError(int(np.flatnonzero(flags)[change])) from None


def _array_of(values: Sequence[Any], kind: ArrayKind | None) -> NDArray[Any]:
    """All values as one array.

    Raises:
        TypeError, ValueError, OverflowError: they don't fit together.
    """
    first = values[0]
    if kind is not None and isinstance(first, bytes):
        return np.frombuffer(b"".join(values), kind.dtype).reshape(len(values), *kind.shape)
    if isinstance(first, tuple):
        if len(set(map(len, values))) > 1:
            raise ValueError
        array = np.array(list(chain.from_iterable(values))).reshape(len(values), len(first))
        if not len(first):
            array = array.astype(np.float32)
    else:
        array = np.array(values)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise ValueError
    return array


def _is_number(value: Any) -> bool:
    """Whether a value can stand in a column: bytes are array fields that are checked already."""
    if isinstance(value, bytes | bool | int | float):
        return not isinstance(value, int) or -(2**63) <= value < 2**64
    return value is not None and not isinstance(value, str) and np.asarray(value).dtype.kind in "biuf"
