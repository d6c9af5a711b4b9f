"""From the hand-over queue to the outbox: which episodes are open, their chunks, their ends.

Runs on the publisher's thread; touches no network.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from recorder.capture.batch_block import NO_STEP
from recorder.capture.block_cursor import BlockCursor
from recorder.capture.builder import EncodedChunk, EpisodeBuilder, Span
from recorder.capture.custody import Losses
from recorder.capture.encodings import KnownSchema
from recorder.capture.given_metadata import read_metadata
from recorder.capture.handover import Abort, BatchRow, CloseRun, Finish, Keep, TrainerGone, end_of_calls
from recorder.capture.losses import TrainerLosses
from recorder.capture.outbox import Outbox, Packet
from recorder.capture.stats import RecorderStats
from recorder.capture.summary import NO_EARLIER_SENDERS, EarlierSenders, EpisodeSummaries, RunIdentity
from recorder.episode import EpisodeStatus
from recorder.errors import StreamUnavailableError, UsageError
from recorder.schema import EpisodeSchema
from recorder.step_stream import CHUNK, END, HEADER, Outgoing, Play, episode_end, pack_body

__all__ = ["Intake"]

_REMEMBERED_EPISODES = 100_000
"""Finished episode ids that are remembered, so that late steps and repeated ids are refused at once; older ones are
refused by the worker that evaluates them."""


_MAX_MANUAL_REASONS = 100
"""Of one episode: they stand in the header of its file, which is bounded."""


class Intake:
    """Takes items in the order in which the trainer handed them over.

    Args:
        identity: the run and this producer.
        outbox: where packets go.
        stats: counts.
        away: knows the steps that the full queue turned away.
        earlier_senders: whose place it takes.
        on_error: told of what could not be dealt with; the rest goes on.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        identity: RunIdentity,
        outbox: Outbox,
        stats: RecorderStats,
        *,
        away: TrainerLosses,
        earlier_senders: EarlierSenders = NO_EARLIER_SENDERS,
        on_error: Callable[[Exception], None],
        clock: Callable[[], float],
    ) -> None:
        self._on_error = on_error
        self._identity = identity
        self._summaries = EpisodeSummaries(identity)
        self._predecessors = earlier_senders
        self._outbox = outbox
        self._stats = stats
        self._away = away
        self._clock = clock
        self._open: dict[int, EpisodeBuilder] = {}
        self._finished: OrderedDict[int, None] = OrderedDict()
        self._cursor: BlockCursor | None = None
        self._last_play_id = 0
        self._known_schema = KnownSchema()
        self._headers: dict[int, Outgoing] = {}

    def take(self, items: list[Any]) -> None:
        """Deal with items of the queue; steps of one episode that follow each other are taken together, and so are calls
        of ``record_batch``."""
        start, n_items = 0, len(items)
        while start < n_items:
            first = items[start]
            stop = start + 1
            if first.__class__ is tuple:
                episode_id = first[0]
                while stop < n_items and items[stop].__class__ is tuple and items[stop][0] == episode_id:
                    stop += 1
                self._guarded(self._take_rows, items[start:stop])
            elif first.__class__ is BatchRow:
                stop = end_of_calls(items, start)
                self._guarded(self._read_block, first.block, items[stop - 1].row + 1)
            else:
                self._guarded(self._take_event, first)
            start = stop

    def lose(self, losses: Losses) -> None:
        """The server has lost steps that it had acknowledged."""
        for play, ranges in losses.steps.items():
            n_steps = sum(stop - first for first, stop in ranges)
            self._stats.n_recorded_steps -= n_steps
            self._stats.n_lost_steps += n_steps
            builder = self._open.get(play.episode_id)
            if builder is not None and builder.play == play:
                builder.lose_sent(ranges)
        self._stats.n_lost_episodes += len(losses.ended)

    def _guarded(self, act: Callable[..., None], *arguments: Any) -> None:
        try:
            act(*arguments)
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._on_error(error)

    def cut_chunks(self) -> None:
        """Encode whatever is pending, however few steps that are."""
        if self._cursor is not None:
            self._add_spans(self._cursor.settle())
        for builder in self._open.values():
            self._put_chunks(builder, builder.take_chunks())

    def active_plays(self) -> dict[Play, float]:
        """The open plays and the time of their last step."""
        return {builder.play: builder.last_active for builder in self._open.values()}

    def header_of(self, play: Play) -> Outgoing | None:
        """The first entry of a play that is still open; None for one that has ended, or has no entry yet."""
        header = self._headers.get(play.episode_id)
        return header if header is not None and header.play == play else None

    def _take_event(self, item: Any) -> None:
        match item:
            case Finish():
                given, wrong = read_metadata(item.metadata)
                self._finish(self._pull(item.episode_id), given, EpisodeStatus.COMPLETE)
                for error in wrong:
                    self._on_error(error)
            case Keep():
                self._keep(item)
            case Abort():
                self._abort(self._pull(item.episode_id), item.reason)
            case CloseRun():
                self._close_run()
            case TrainerGone():
                self.cut_chunks()
            case _:
                self._take_from_device(item)

    def _take_from_device(self, item: Any) -> None:
        try:
            ready = item.resolve()
        except Exception:
            self._stats.n_refused_steps += 1
            raise
        self.take([ready])

    def _close_run(self) -> None:
        self._guarded(self.cut_chunks)
        for episode_id in [*self._open, *self._away.dropped_episodes()]:
            if episode_id not in self._finished:
                self._guarded(self._finish, episode_id, {}, EpisodeStatus.TRUNCATED)
        body = {"kind": "run_end", "producer": self._identity.producer_id}
        self._outbox.put(Packet(Play(-1, 0), finished=pack_body(body)))

    def _take_rows(self, rows: list[Any]) -> None:
        episode_id, _, lane = rows[0][:3]
        self._pull(episode_id)
        builder = self._open.get(episode_id) or self._begin(episode_id, lane)
        if builder is None:
            self._stats.n_refused_steps += len(rows)
            return
        builder.last_active = self._clock()
        self._put_chunks(builder, builder.add_rows(rows))

    def _read_block(self, block: Any, n_rows: int) -> None:
        cursor = self._cursor
        if cursor is None or cursor.block is not block:
            if cursor is not None:
                self._add_spans(cursor.settle())
            cursor = self._cursor = BlockCursor(block)
        self._add_spans(cursor.advance(n_rows))
        if n_rows == block.max_rows:
            self._add_spans(cursor.settle())

    def _add_spans(self, spans: Iterator[tuple[int, Span]]) -> None:
        now = self._clock()
        for episode_id, span in spans:
            if episode_id == NO_STEP:
                continue
            builder = self._open.get(episode_id) or self._begin(episode_id, int(span.block.lanes[span.place]))
            if builder is None:
                self._stats.n_refused_steps += span.stop - span.start
                continue
            builder.last_active = now
            self._put_chunks(builder, builder.add_span(span))

    def _pull(self, episode_id: int) -> int:
        """Bring the steps of an episode in from the block that is being read."""
        if self._cursor is not None:
            self._add_spans(self._cursor.settle_episode(episode_id))
        return episode_id

    def _begin(self, episode_id: int, lane: int) -> EpisodeBuilder | None:
        """A play for an episode that has none; None, and the reason to ``on_error``, when it can't have one."""
        if episode_id in self._predecessors.given_up:
            self._on_error(
                UsageError(f"episode {episode_id} went down with the sender process that had it: the rest is refused")
            )
            return None
        if episode_id in self._finished:
            self._on_error(
                UsageError(f"episode {episode_id} has ended: what comes later, or uses its id again, is refused")
            )
            return None
        if not 0 <= episode_id < 2**63 or not 0 <= lane < 2**31:
            self._on_error(UsageError(f"episode {episode_id}, lane {lane}: refused, both must be 0 or more"))
            return None
        now = self._clock()
        self._last_play_id = max(int(now * 1000), self._last_play_id + 1)
        play = Play(episode_id, self._last_play_id)
        builder = EpisodeBuilder(play, lane=lane, known=self._known_schema, stats=self._stats)
        builder.last_active = now
        self._open[episode_id] = builder
        self._stats.n_episodes_started += 1
        return builder

    def _put_chunks(self, builder: EpisodeBuilder, chunks: Iterable[EncodedChunk]) -> None:
        for chunk in chunks:
            if not self._outbox.has_room(len(chunk.data)):
                builder.lose(chunk)
                continue
            self._put_header(builder)
            builder.sequence += 1
            entry = Outgoing(builder.play, builder.sequence, CHUNK, chunk.data)
            self._outbox.put(Packet(builder.play, entry, first_step=chunk.first_step, n_steps=chunk.n_steps))
        if builder.error is not None:
            error, builder.error = builder.error, None
            self._on_error(error)

    def _put_header(self, builder: EpisodeBuilder) -> None:
        """The first entry of a play; its schema is known once the first chunk is made."""
        if builder.sequence:
            return
        schema = builder.schema or EpisodeSchema(())
        body = {
            "run_id": self._identity.run_id,
            "episode_id": builder.play.episode_id,
            "play_id": builder.play.play_id,
            "lane": builder.lane,
            "producer": self._identity.producer_id,
            "resumed": self._identity.resumed,
            "schema": schema.to_list(),
            "metadata": self._metadata(builder, {}, EpisodeStatus.COMPLETE),
        }
        header = Outgoing(builder.play, 1, HEADER, pack_body(body))
        builder.sequence = 1
        self._headers[builder.play.episode_id] = header
        self._outbox.put(Packet(builder.play, header))

    def _finish(self, episode_id: int, given: Mapping[str, Any], status: EpisodeStatus) -> None:
        builder = self._open.get(episode_id) or self._begin(episode_id, self._lane_of(episode_id, given))
        if builder is None:
            self._stats.n_refused_episodes += 1
            return
        self._put_chunks(builder, builder.take_chunks())
        builder.mark_dropped(self._away.take_dropped(episode_id))
        metadata = self._metadata(builder, given, status)
        self._summaries.settle_stage(metadata)
        if self._has_room(f"the end of episode {episode_id}"):
            self._put_header(builder)
            builder.sequence += 1
            data = pack_body({"metadata": metadata})
            self._outbox.put(Packet(builder.play, Outgoing(builder.play, builder.sequence, END, data)))
            body = self._end_body(metadata, builder)
            self._outbox.put(Packet(builder.play, finished=pack_body(body), closes=True))
            self._stats.n_episodes_finished += 1
        else:
            self._stats.n_lost_episodes += 1
        self._forget(episode_id)

    def _lane_of(self, episode_id: int, given: Mapping[str, Any]) -> int:
        """The lane of an episode of which no step has arrived."""
        dropped = self._away.lane_of(episode_id)
        return int(given.get("lane", 0)) if dropped is None else dropped

    def _metadata(self, builder: EpisodeBuilder, given: Mapping[str, Any], status: EpisodeStatus) -> dict[str, Any]:
        return self._summaries.of(
            builder,
            given,
            status,
            n_recorded_steps=self._predecessors.n_recorded_steps + self._stats.n_recorded_steps,
            now_secs=self._clock(),
        )

    def _keep(self, item: Keep) -> None:
        builder = self._open.get(self._pull(item.episode_id))
        if builder is not None:
            if item.reason not in builder.manual_reasons:
                if len(builder.manual_reasons) >= _MAX_MANUAL_REASONS:
                    raise UsageError(f"episode {item.episode_id} has {_MAX_MANUAL_REASONS} reasons to be kept already")
                builder.manual_reasons.append(item.reason)
            return
        if self._has_room(f"the request to keep episode {item.episode_id}"):
            body = {"kind": "keep", "episode_id": item.episode_id, "reason": item.reason}
            self._outbox.put(Packet(Play(item.episode_id, 0), finished=pack_body(body)))

    def _abort(self, episode_id: int, reason: str) -> None:
        builder = self._open.get(episode_id) or self._begin(episode_id, self._lane_of(episode_id, {}))
        if builder is None:
            self._stats.n_refused_episodes += 1
            return
        builder.take_chunks()
        builder.mark_dropped(self._away.take_dropped(episode_id))
        metadata = self._metadata(builder, {}, EpisodeStatus.ABORTED)
        if self._has_room(f"the end of episode {episode_id}, which was given up"):
            body = {**self._end_body(metadata, builder), "kind": "abort", "reason": reason}
            self._outbox.put(Packet(builder.play, finished=pack_body(body), closes=True, drops=True))
            self._stats.n_episodes_aborted += 1
        else:
            self._stats.n_lost_episodes += 1
        self._forget(episode_id)

    def _has_room(self, what: str) -> bool:
        """Whether an end, or what is said of an episode, finds room; ``on_error`` is told when it does not."""
        if self._outbox.has_room_for_end():
            return True
        self._on_error(StreamUnavailableError(f"{what} found no room while the server is away or full: lost"))
        return False

    def _end_body(self, metadata: Mapping[str, Any], builder: EpisodeBuilder) -> dict[str, Any]:
        return episode_end(
            metadata,
            play_id=builder.play.play_id,
            producer_id=self._identity.producer_id,
            n_bytes=builder.n_bytes,
            last_sequence=builder.sequence,
            manual_reasons=builder.manual_reasons,
            is_resumed=self._identity.resumed,
        )

    def _forget(self, episode_id: int) -> None:
        self._known_schema.end(self._open.pop(episode_id).play)
        self._headers.pop(episode_id, None)
        self._finished[episode_id] = None
        if len(self._finished) > _REMEMBERED_EPISODES:
            self._finished.popitem(last=False)
