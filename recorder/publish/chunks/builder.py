"""The steps of one open episode, gathered into chunks.

Steps wait as views of the ring, or of a turned block. A chunk ends after 256 steps, at a missing step, when the kind of a
field changes, or when large observations fill it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from recorder.chunk import ColumnData, chunk_of_slots, encode_chunk
from recorder.episode import Gap
from recorder.errors import UsageError
from recorder.publish.chunks.encodings import KnownSchema, is_of_schema, unreadable
from recorder.publish.chunks.pending import PendingSteps
from recorder.publish.chunks.pieces import Piece, columns_of
from recorder.publish.chunks.sums import add_up, n_odd_rewards, summed_columns
from recorder.publish.picture_budget import PictureBudget
from recorder.publish.play_state import PlayChange, PlayState, StepRange
from recorder.publish.stats import Counts, added
from recorder.schema import EpisodeSchema
from recorder.step_stream import Play

__all__ = ["EncodedChunk", "EpisodeBuilder", "Progress"]

_LAST_STEP = 2**63 - 2
"""Step numbers, and the one after the last, are signed 64-bit integers in the file."""

_MAX_GAPS = 40_000
"""Every gap ends a chunk, and readers refuse a footer that lists more than 100,000 of both."""

_CONTESTED = "step 0 came again before the episode's end, so another episode has its id: what comes after that is"


class Progress(NamedTuple):
    """What an entry of a play settles: with it, these records are not needed any more."""

    change: PlayChange | None
    counts: Mapping[str, int]
    """What is counted with it."""
    needed_from: int
    """Where the first of these records begins."""

    def after(self, earlier: Progress) -> Progress:
        """Both, told by one packet that ends the play."""
        needed_from = min(earlier.needed_from, self.needed_from)
        return Progress(self.change, added(earlier.counts, self.counts), needed_from)


class EncodedChunk(NamedTuple):
    """A chunk, ready to go."""

    sequence: int
    first_step: int
    n_steps: int
    data: bytes
    progress: Progress


class EpisodeBuilder:
    """Gathers steps and gives chunks back.

    Args:
        state: the episode's play, as far as it has come.
        known: the encodings that earlier episodes of the run have shown to be good.
        counts: counts what is recorded and what is refused.
        pictures: leaves out those that are too many.
    """

    def __init__(self, state: PlayState, *, known: KnownSchema, counts: Counts, pictures: PictureBudget) -> None:
        self.state = state
        self.schema: EpisodeSchema | None = None
        self.last_active = 0.0
        self.error: Exception | None = None
        """Why steps or values were left out last; the reader resets it."""
        self.end_step = state.next_step
        """Number of the step after the last one."""
        self.needed_from: int | None = None
        """Where the first record begins that no ``Progress`` has settled; None when there is none."""
        self._known = known
        self._counts = counts
        self._pictures = pictures
        self._uncounted: dict[str, int] = {}
        """Counted, and told by no ``Progress`` yet."""
        self._refused: deque[tuple[int, int]] = deque()
        """Positions and numbers of refused steps, the same."""
        self._reported = state.list_lengths()
        self._pending = PendingSteps(pictures)
        self._read_until = state.position

    @property
    def play(self) -> Play:
        """The episode, and this playing of it."""
        return self.state.play

    @property
    def n_pending(self) -> int:
        """Steps that are in no chunk yet."""
        return self._pending.n_steps

    def count(self, name: str, number: int = 1) -> None:
        """Count something of this play."""
        self._counts.add(name, number)
        self._uncounted[name] = self._uncounted.get(name, 0) + number

    def touch(self, position: int, record_position: int | None = None) -> None:
        """A record of this play was read that is no step, or whose step goes into no chunk."""
        if self.needed_from is None:
            self.needed_from = position if record_position is None else record_position
        self._read_until = max(self._read_until, position + 1)

    def add(self, piece: Piece) -> list[EncodedChunk]:
        """Take steps in the order in which they were recorded; chunks come back when one is full or has to end."""
        n_late = min(max(self.end_step - piece.first_step, 0), piece.n_steps)
        n_fit = min(max(_LAST_STEP + 1 - piece.first_step, n_late), piece.n_steps)
        if n_late or n_fit < piece.n_steps:
            problem = f"step {piece.first_step} came after step {self.end_step - 1}"
            done = []
            if n_late and not piece.first_step:
                # A second beginning: its later steps can't be told from those of the episode that has begun.
                done, problem = self.take_chunks(), _CONTESTED
                self.state.is_cut_off = True
            if n_late:
                self._refuse_piece(piece.part(0, n_late), problem)
            if n_fit > n_late:
                done += self.add(piece.part(n_late, n_fit))
            if n_fit < piece.n_steps:
                self._refuse_piece(piece.part(n_fit, piece.n_steps), problem)
            return done
        first, pending = piece.first_step, self._pending
        done = self.take_chunks() if first > self.end_step else []
        if self.state.is_cut_off or (first > self.end_step and len(self.state.gaps) >= _MAX_GAPS):
            self._cut_off(piece)
            return done
        self.touch(int(piece.positions[-1]), piece.needed_from)
        if first > self.end_step:
            self._add_gap(first, "skipped")
        if not pending.append(piece):
            done.extend(self.take_chunks())
            pending.append(piece)
        self.end_step = first + piece.n_steps
        while pending.n_steps and (n_full := pending.n_full()):
            done.extend(self._encode(n_full))
        return done

    def take_chunks(self) -> list[EncodedChunk]:
        """Encode whatever is pending."""
        done: list[EncodedChunk] = []
        while self._pending.n_steps:
            done.extend(self._encode(self._pending.n_full() or self._pending.n_steps))
        return done

    def progress(self) -> Progress:
        """What is settled and was told by no chunk; the builder forgets that it has to be told."""
        state, first = self.state, self._pending.first
        state.position = int(first.positions[0]) if first is not None else self._read_until
        counts, self._uncounted = self._uncounted, {}
        while self._refused and self._refused[0][0] < state.position:
            counts["n_refused_steps"] = counts.get("n_refused_steps", 0) + self._refused.popleft()[1]
        change, self._reported = state.change(self._reported), state.list_lengths()
        needed_from = self.needed_from if self.needed_from is not None else state.position
        self.needed_from = first.needed_from if first is not None else None
        return Progress(change, counts, needed_from)

    def mark_dropped(self) -> None:
        """Say which gaps are steps that found the ring full, those after the last step that arrived included.

        Other gaps stay ``skipped``: the trainer never handed those steps over.
        """
        ranges = sorted(span for span in set(self.state.dropped) if span[0] >= 0 and span[1] <= _LAST_STEP)
        if not ranges:
            return
        gaps = self.state.gaps
        ends = [end for _, end in ranges]
        for index, gap in enumerate(gaps):
            place = bisect_left(ends, gap.first_step + 1)
            if gap.end_step is not None and place < len(ranges) and ranges[place][0] < gap.end_step:
                gaps[index] = replace(gap, reason="dropped")
        if max(ends) > self.end_step:
            self._add_gap(max(ends), "dropped")

    def lose_sent(self, ranges: Sequence[StepRange]) -> None:
        """Chunks that had been sent are no more: marked as gaps."""
        for first, stop in ranges:
            self._mark_lost(first, stop - first)
            self.state.n_steps -= stop - first

    def _encode(self, n_steps: int) -> list[EncodedChunk]:
        """One chunk; none when these steps can't be encoded, which is counted and marked, and the others go on."""
        pieces = self._pending.cut(n_steps)
        state, first_step = self.state, pieces[0].first_step
        state.next_step = first_step + n_steps
        try:
            n_left_out, data = 0, self._chunk_of_lanes(pieces, first_step, n_steps)
            if data is not None:
                columns = summed_columns(state, pieces[0])
            else:
                columns = columns_of(pieces)
                n_left_out, data = self._chunk(columns, first_step, n_steps)
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._mark_lost(first_step, n_steps)
            self.count("n_refused_steps", n_steps)
            self.error = error
            return []
        if any(piece.kinds.picture_bytes for piece in pieces):
            self._pictures.spend(columns, len(data))
        if n_left_out:
            self.count("n_dropped_pictures", n_left_out)
        try:
            n_agents = add_up(state, columns, n_steps)
            self._reported = self._reported._replace(n_agents=min(self._reported.n_agents, n_agents))
            if n_odd := n_odd_rewards(state, columns, n_steps):
                self.count("n_odd_rewards", n_odd)
        except Exception as error:  # noqa: BLE001 - the steps themselves are sound
            self.error = error
        state.n_steps += n_steps
        state.n_bytes += len(data)
        state.sequence += 1
        self.count("n_recorded_steps", n_steps)
        self.count("n_chunks")
        self.count("n_bytes_encoded", len(data))
        return [EncodedChunk(state.sequence, first_step, n_steps, data, self.progress())]

    def _chunk_of_lanes(self, pieces: Sequence[Piece], first_step: int, n_steps: int) -> bytes | None:
        """The chunk, if these steps are encoded together with those of other lanes."""
        piece, schema = pieces[0], self.schema or self._known.schema
        if schema is None or len(pieces) > 1 or not self._known.is_proven or piece.kinds.picture_bytes:
            return None
        slots = piece.slots(schema)
        if slots is None:
            return None
        self.schema = schema
        return chunk_of_slots(slots, first_step=first_step, n_steps=n_steps)

    def _chunk(self, columns: dict[str, ColumnData], first_step: int, n_steps: int) -> tuple[int, bytes]:
        """How many pictures were left out, and the chunk; columns that readers would refuse are taken out, too."""
        self._leave_out_unreadable(columns)
        n_left_out = self._pictures.thin(columns, n_steps)
        if self.schema is None:
            self.schema = self._known.schema_for(columns)
        self._known.learn(self.play, columns, n_steps)
        return n_left_out, encode_chunk(self.schema, first_step=first_step, n_steps=n_steps, columns=columns)

    def _leave_out_unreadable(self, columns: dict[str, ColumnData]) -> None:
        known = self.schema or self._known.schema
        if known is not None and len(columns) == len(known.columns) and is_of_schema(columns, known):
            return
        for name, problem in unreadable(columns):
            self.count("n_mismatched_values", len(columns.pop(name).values))
            self.error = UsageError(f"episode {self.play.episode_id}: {problem}: left out")

    def _add_gap(self, end_step: int, reason: str) -> None:
        """Mark that the steps from the last one up to ``end_step`` are missing; nothing is pending."""
        self.state.gaps.append(Gap(self.end_step, end_step, reason))
        self.state.next_step = self.end_step = end_step

    def _mark_lost(self, first_step: int, n_steps: int) -> None:
        gaps = self.state.gaps
        last = gaps[-1] if gaps else None
        if last is not None and last.reason == "lost" and last.end_step == first_step:
            gaps[-1] = replace(last, end_step=first_step + n_steps)
            self._reported = self._reported._replace(n_gaps=min(self._reported.n_gaps, len(gaps) - 1))
        else:
            gaps.append(Gap(first_step, first_step + n_steps, "lost"))

    def _cut_off(self, piece: Piece) -> None:
        """Refuse steps after more gaps than a file can hold, or of an id that two episodes have.

        With what is missing before them they become one gap.
        """
        self.state.is_cut_off = True
        why = f"{piece.n_steps} steps from step {piece.first_step} on come after {_MAX_GAPS} gaps"
        self._refuse_piece(piece, why if len(self.state.gaps) >= _MAX_GAPS else _CONTESTED)
        end_step = piece.first_step + piece.n_steps
        self._mark_lost(self.end_step, end_step - self.end_step)
        self.state.next_step = self.end_step = end_step

    def _refuse_piece(self, piece: Piece, problem: str) -> None:
        position, n_steps = int(piece.positions[-1]), piece.n_steps
        self.touch(position, piece.needed_from)
        self._counts.add("n_refused_steps", n_steps)
        if self._refused and self._pending.first is None:
            n_steps += self._refused.pop()[1]
        self._refused.append((position, n_steps))
        self.error = UsageError(f"episode {self.play.episode_id}: {problem}: refused")
