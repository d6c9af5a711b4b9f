"""The steps of one open episode, gathered into chunks: rows from ``record_step``, spans of a block from ``record_batch``.

Runs on the publisher's thread. A chunk ends after 256 steps, at a missing step, when the kind of a field changes, or
when large observations fill it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from recorder.capture.batch_block import BatchBlock
from recorder.capture.encodings import KnownSchema, is_of_schema
from recorder.capture.losses import StepRange
from recorder.capture.row_columns import ROW_FIELDS, KindChangedError, Row, columns_of_rows, row_bytes
from recorder.capture.stats import RecorderStats
from recorder.chunk import MAX_CHUNK_BYTES, MAX_CHUNK_STEPS, MAX_FRAME_BYTES, ColumnData, encode_chunk
from recorder.episode import Gap
from recorder.errors import EpisodeFileError, UsageError
from recorder.schema import MAX_COLUMNS, ColumnSpec, Encoding, EpisodeSchema
from recorder.step_stream import Play

__all__ = ["ROW_FIELDS", "EncodedChunk", "EpisodeBuilder", "Row", "Span"]

_STEP = ROW_FIELDS.index("step")

_LAST_STEP = 2**63 - 2
"""Step numbers, and the one behind the last, are signed 64-bit integers in the file."""

_MAX_CHUNK_COLUMNS = MAX_COLUMNS // 2
"""The other half is room for columns that later chunks add."""

_MAX_GAPS = 40_000
"""Every gap ends a chunk, and readers refuse a footer that lists more than 100,000 of both."""

_MAX_STEP_BYTES = MAX_FRAME_BYTES // 2
"""A step that is larger, all columns together, would make a frame that readers refuse."""


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
        known: the encodings that earlier episodes of the run have shown to be good.
        stats: counts what is refused.
    """

    def __init__(self, play: Play, *, lane: int, known: KnownSchema, stats: RecorderStats) -> None:
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
        self.last_epsilon: float | None = None
        self.n_bytes = 0
        """Bytes of the chunks made so far."""
        self.error: Exception | None = None
        """Why steps or values were left out last; whoever reads it sets it back."""
        self._known = known
        self._stats = stats
        self._rows: list[Row] = []
        self._chunk_rows = MAX_CHUNK_STEPS
        self._spans: list[Span] = []
        self._n_span_steps = 0
        self._next_step = 0
        self._is_cut_off = False
        """Whether what comes now lies behind more gaps than a file can hold."""

    @property
    def n_pending(self) -> int:
        """Steps that are in no chunk yet."""
        return len(self._rows) + self._n_span_steps

    @property
    def end_step(self) -> int:
        """Number of the step behind the last one."""
        return self._next_step

    def add_rows(self, rows: list[Row]) -> list[EncodedChunk]:
        """Take steps in the order in which they were recorded; chunks come back when one is full or has to end."""
        first, n_rows = rows[0][_STEP], len(rows)
        follow_each_other = n_rows == 1 or [row[_STEP] for row in rows] == list(range(first, first + n_rows))
        if not follow_each_other or (n_rows > 1 and not self._next_step <= first <= _LAST_STEP - n_rows):
            return [chunk for row in rows for chunk in self.add_rows([row])]
        if not self._next_step <= first <= _LAST_STEP - n_rows:
            self._refuse(n_rows, f"step {first} came after step {self._next_step - 1}")
            return []
        done = self.take_chunks() if self._spans or first > self._next_step else []
        if self._cut_off(first, n_rows):
            return done
        self.add_gap(first)
        if not self._rows:
            # Rows of large observations would be encoded in pieces anyway; until then they take memory.
            self._chunk_rows = max(1, min(MAX_CHUNK_STEPS, MAX_CHUNK_BYTES // row_bytes(rows[0])))
        self._rows.extend(rows)
        self._next_step = first + n_rows
        while len(self._rows) >= self._chunk_rows:
            full, self._rows = self._rows[: self._chunk_rows], self._rows[self._chunk_rows :]
            done.extend(self._encode_rows(full))
        return done

    def add_span(self, span: Span) -> list[EncodedChunk]:
        """Take a stretch of steps of a block; the caller has seen that their numbers follow each other."""
        first = int(span.block.steps[span.start, span.place])
        n_steps = span.stop - span.start
        done = self.take_chunks() if self._rows else []
        if first != self._next_step:
            if not self._next_step < first <= _LAST_STEP - n_steps:
                self._refuse(n_steps, f"{n_steps} steps from step {first} on came after step {self._next_step - 1}")
                return done
            done.extend(self.take_chunks())
        if self._cut_off(first, n_steps):
            return done
        self.add_gap(first)
        if self._spans and self._spans[-1].block.kind != span.block.kind:
            done.extend(self.take_chunks())
        self._spans.append(span)
        self._n_span_steps += n_steps
        self._next_step = first + n_steps
        while self._n_span_steps >= span.block.chunk_steps:
            done.extend(self._encode_spans(self._cut_spans(span.block.chunk_steps)))
        return done

    def add_gap(self, end_step: int, reason: str = "skipped") -> None:
        """Mark that the steps from the last one up to ``end_step`` are missing."""
        if end_step > self._next_step:
            self.gaps.append(Gap(self._next_step, end_step, reason))
            self._next_step = end_step

    def mark_dropped(self, dropped: Sequence[StepRange]) -> None:
        """Say which gaps are steps that found the queue full, those behind the last step that arrived included.

        Other gaps stay ``skipped``: the trainer never handed those steps over.
        """
        ranges = sorted(span for span in dropped if span[0] >= 0 and span[1] <= _LAST_STEP)
        if not ranges:
            return
        ends = [end for _, end in ranges]
        for index, gap in enumerate(self.gaps):
            place = bisect_left(ends, gap.first_step + 1)
            if gap.end_step is not None and place < len(ranges) and ranges[place][0] < gap.end_step:
                self.gaps[index] = replace(gap, reason="dropped")
        self.add_gap(max(ends), "dropped")

    def lose(self, chunk: EncodedChunk) -> None:
        """A chunk that found no room is given up: counted, and marked as a gap."""
        self._mark_lost(chunk.first_step, chunk.n_steps)
        self.n_steps -= chunk.n_steps
        self.n_bytes -= len(chunk.data)
        self._stats.n_recorded_steps -= chunk.n_steps
        self._stats.n_lost_steps += chunk.n_steps

    def lose_sent(self, ranges: Sequence[StepRange]) -> None:
        """Chunks that had been sent are no more: marked as gaps."""
        for first, stop in ranges:
            self._mark_lost(first, stop - first)
            self.n_steps -= stop - first

    def take_chunks(self) -> list[EncodedChunk]:
        """Encode whatever is pending."""
        done = []
        if self._rows:
            rows, self._rows = self._rows, []
            done.extend(self._encode_rows(rows))
        if self._n_span_steps:
            done.extend(self._encode_spans(self._cut_spans(self._n_span_steps)))
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

    def _encode_spans(self, spans: Sequence[Span]) -> list[EncodedChunk]:
        head = spans[0]
        columns = {}
        for name in head.block.kind:
            pieces = [span.block.steps_of(name, span.place, span.start, span.stop) for span in spans]
            columns[name] = ColumnData(pieces[0] if len(pieces) == 1 else np.concatenate(pieces))
        n_steps = sum(span.stop - span.start for span in spans)
        return self._encode(int(head.block.steps[head.start, head.place]), n_steps, columns)

    def _encode_rows(self, rows: Sequence[Row]) -> list[EncodedChunk]:
        done = []
        start, stop, most_steps = 0, len(rows), len(rows)
        while start < len(rows):
            try:
                columns, n_refused = columns_of_rows(rows[start:stop])
            except KindChangedError as change:
                stop = start + change.row
                continue
            n_bytes = sum(data.values.nbytes for data in columns.values())
            if n_bytes > MAX_CHUNK_BYTES and stop - start > 1:  # the first row may have been small
                most_steps = max(1, (stop - start) * MAX_CHUNK_BYTES // n_bytes)
                stop = start + most_steps
                continue
            if n_refused:
                self._refuse_values(n_refused, f"{n_refused} values of {stop - start} steps are not numbers")
            done.extend(self._encode(rows[start][_STEP], stop - start, columns))
            start, stop = stop, min(len(rows), stop + most_steps)
        return done

    def _encode(self, first_step: int, n_steps: int, columns: dict[str, ColumnData]) -> list[EncodedChunk]:
        """One chunk; none when these steps can't be encoded, which is counted and marked, and the others go on."""
        try:
            self._leave_out_unreadable(columns)
            if self.schema is None:
                self.schema = self._known.schema_for(columns)
            self._known.learn(self.play, columns, n_steps)
            data = encode_chunk(self.schema, first_step=first_step, n_steps=n_steps, columns=columns)
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._mark_lost(first_step, n_steps)
            self._stats.n_refused_steps += n_steps
            self.error = error
            return []
        try:
            self._sum_up(columns)
        except Exception as error:  # noqa: BLE001 - the steps themselves are sound
            self.error = error
        self.n_steps += n_steps
        self.n_bytes += len(data)
        self._stats.n_recorded_steps += n_steps
        self._stats.n_chunks += 1
        self._stats.n_bytes_encoded += len(data)
        return [EncodedChunk(first_step, n_steps, data)]

    def _leave_out_unreadable(self, columns: dict[str, ColumnData]) -> None:
        """Readers refuse some columns, and with them the whole file: a name too long, a value too large."""
        known = self.schema or self._known.schema
        if known is not None and len(columns) == len(known.columns) and is_of_schema(columns, known):
            return
        step_bytes = n_columns = 0
        for name, data in list(columns.items()):
            values = data.values
            encoding = Encoding.BITS if values.dtype == np.bool_ else Encoding.PLAIN
            try:
                spec = ColumnSpec.from_list([name, values.dtype.str, list(values.shape[1:]), str(encoding)])
            except EpisodeFileError as error:
                problem = str(error)
            else:
                n_columns += 1
                step_bytes += spec.step_bytes
                if n_columns <= _MAX_CHUNK_COLUMNS and step_bytes <= _MAX_STEP_BYTES:
                    continue
                problem = f"{name}: more than {_MAX_CHUNK_COLUMNS} columns, or {_MAX_STEP_BYTES} bytes, in one step"
                step_bytes -= spec.step_bytes
            del columns[name]
            self._refuse_values(len(values), problem)

    def _mark_lost(self, first_step: int, n_steps: int) -> None:
        last = self.gaps[-1] if self.gaps else None
        if last is not None and last.reason == "lost" and last.end_step == first_step:
            self.gaps[-1] = replace(last, end_step=first_step + n_steps)
        else:
            self.gaps.append(Gap(first_step, first_step + n_steps, "lost"))

    def _cut_off(self, first_step: int, n_steps: int) -> bool:
        """Refuse steps behind more gaps than a file can hold; with what is missing before them they become one gap."""
        if not self._is_cut_off and (first_step == self._next_step or len(self.gaps) < _MAX_GAPS):
            return False
        self._is_cut_off = True
        self._refuse(n_steps, f"{n_steps} steps from step {first_step} on come after {_MAX_GAPS} gaps")
        end_step = first_step + n_steps
        self._mark_lost(self._next_step, end_step - self._next_step)
        self._next_step = end_step
        return True

    def _refuse(self, n_steps: int, problem: str) -> None:
        self._stats.n_refused_steps += n_steps
        self.error = UsageError(f"episode {self.play.episode_id}: {problem}: refused")

    def _refuse_values(self, n_values: int, problem: str) -> None:
        self._stats.n_mismatched_values += n_values
        self.error = UsageError(f"episode {self.play.episode_id}: {problem}: left out")

    @np.errstate(all="ignore")  # infinities of both signs add up to NaN, which is no news
    def _sum_up(self, columns: Mapping[str, ColumnData]) -> None:
        if (reward := columns.get("reward")) is not None:
            self.reward_sum += float(reward.values.sum(dtype=np.float64))
        if (intrinsic := columns.get("intrinsic_reward")) is not None:
            self.intrinsic_sum += float(intrinsic.values.sum(dtype=np.float64))
        if (epsilon := columns.get("epsilon")) is not None:
            self.last_epsilon = float(epsilon.values[-1])
