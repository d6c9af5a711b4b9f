"""From the records of a ring to the outbox: which episodes are open, their chunks, their ends.

Touches no network. Where a predecessor has been here, records that it had dealt with are skipped, play by play.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from recorder.black_box import Event, Kind, Run
from recorder.black_box.gaps import unpack_gap
from recorder.episode import EpisodeStatus
from recorder.errors import UsageError
from recorder.publish.chunks.builder import EncodedChunk, EpisodeBuilder, Progress
from recorder.publish.chunks.encodings import KnownSchema
from recorder.publish.chunks.lane_cursor import LaneCursor
from recorder.publish.chunks.pieces import Piece
from recorder.publish.chunks.step_runs import lane_stretches, pieces_by_episode
from recorder.publish.counting import Counts
from recorder.publish.delivery.custody import Losses
from recorder.publish.delivery.ledger import Ledger
from recorder.publish.delivery.outbox import Outbox
from recorder.publish.delivery.packet import News, Packet, PlayEnd
from recorder.publish.delivery.play_state import PlayState
from recorder.publish.ended import EndedEpisodes
from recorder.publish.entries import PlayEntries
from recorder.publish.metadata.given import read_metadata
from recorder.publish.picture_budget import PictureBudget
from recorder.publish.stats import RecorderStats
from recorder.publish.summary import RunIdentity
from recorder.schema import EpisodeSchema
from recorder.step_stream import CHUNK, END, HEADER, Outgoing, Play, unpack_body

__all__ = ["OpenEpisodes"]

_MAX_MANUAL_REASONS = 100
"""Of one episode: they stand in the header of its file, which is bounded."""

_NO_PLAY = Play(-1, 0)


class OpenEpisodes:
    """Takes records in the order in which the trainer wrote them.

    Args:
        identity: the run and this producer.
        outbox: where packets go.
        stats: counts.
        ledger: what a predecessor, or this sender, has had acknowledged.
        pictures: leaves out pictures that are too many.
        on_error: called with what could not be processed; the rest goes on.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        identity: RunIdentity,
        outbox: Outbox,
        stats: RecorderStats,
        *,
        ledger: Ledger,
        pictures: PictureBudget,
        on_error: Callable[[Exception], None],
        clock: Callable[[], float],
    ) -> None:
        self._entries = PlayEntries(identity, stats, clock)
        self._outbox = outbox
        self._stats = stats
        self._counts = Counts(stats)
        self._ledger = ledger
        self._pictures = pictures
        self._on_error = on_error
        self._clock = clock
        self._open: dict[int, EpisodeBuilder] = {}
        self._ended = EndedEpisodes(OrderedDict())
        self._cursor: LaneCursor | None = None
        self._known_schema = KnownSchema()
        self._last_play_id = 0
        self._event_position = 0
        """Before it, a predecessor has dealt with what is said without a play."""
        self.is_closed = False
        """Whether the trainer has ended its part of the run."""

    def resume(self, ledger: Ledger) -> None:
        """Go on from what a predecessor has settled.

        Args:
            ledger: what the server has acknowledged, and what waits in the spool; it is changed from now on.
        """
        now = self._clock()
        for play, state in ledger.open.items():
            builder = self._open[play.episode_id] = EpisodeBuilder(
                state, known=self._known_schema, counts=self._counts, pictures=self._pictures
            )
            builder.last_active = now
            if state.header:
                builder.schema = EpisodeSchema.from_list(unpack_body(state.header)["schema"])
        self._ended = EndedEpisodes(ledger.ended)
        self._last_play_id = ledger.last_play_id
        self._event_position = ledger.event_position

    def take(self, item: Run | Event) -> None:
        """Deal with records."""
        if isinstance(item, Event):
            self._guarded(self._take_event, item)
        elif item.layout.is_block:
            self._guarded(self._take_blocks, item)
        else:
            for episode_id, lane, piece in pieces_by_episode(item):
                self._pull(episode_id)
                self._guarded(self._take_piece, episode_id, lane, piece)

    @property
    def needed_from(self) -> int | None:
        """Where the first record begins that went into no packet yet; None when there is none."""
        needed = [builder.needed_from for builder in self._open.values() if builder.needed_from is not None]
        if self._cursor is not None and (position := self._cursor.needed_from) is not None:
            needed.append(position)
        needed += self._ended.needed_from()
        return min(needed, default=None)

    @property
    def n_pending_steps(self) -> int:
        """Steps that went into no chunk yet."""
        n_steps = sum(builder.n_pending for builder in self._open.values())
        return n_steps + (self._cursor.n_pending_steps if self._cursor is not None else 0)

    def cut_chunks(self, *, before: int | None = None) -> None:
        """Encode what is pending, however few steps that are.

        Args:
            before: only what needs records before this position.
        """
        cursor = self._cursor
        if cursor is not None and (before is None or _is_before(cursor.needed_from, before)):
            self._guarded(self._take_lanes, cursor.settle())
        for builder in list(self._open.values()):
            if builder.n_pending and (before is None or _is_before(builder.needed_from, before)):
                self._guarded(self._put_chunks, builder, builder.take_chunks())

    def tell_rest(self) -> None:
        """Put what has changed without an entry into the outbox, so that the records are not needed any more."""
        for builder in self._open.values():
            if builder.needed_from is not None and not builder.n_pending:
                self._put(builder, builder.progress())
        for packet in self._ended.tell():
            self._outbox.put(packet)

    def active_plays(self) -> dict[Play, float]:
        """The open plays and the time of their last step."""
        return {builder.play: builder.last_active for builder in self._open.values()}

    def header_of(self, play: Play) -> Outgoing | None:
        """The first entry of a play that is still open; None for one that has ended, or has no entry yet."""
        builder = self._open.get(play.episode_id)
        if builder is None or builder.play != play or not builder.state.header:
            return None
        return Outgoing(play, 1, HEADER, builder.state.header)

    def lose(self, losses: Losses) -> None:
        """The server has lost steps that it had acknowledged."""
        n_steps = losses.n_steps
        self._stats.n_recorded_steps -= n_steps
        self._stats.n_lost_steps += n_steps
        self._stats.n_lost_episodes += len(losses.ended)

    def _guarded(self, act: Callable[..., None], *arguments: Any) -> None:
        try:
            act(*arguments)
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._on_error(error)

    def _take_event(self, event: Event) -> None:
        episode_id, position = event.episode_id, event.position
        match event.kind:
            case Kind.FINISH:
                self._pull(episode_id)
                given, wrong = read_metadata(event.body)
                self._finish(episode_id, given, EpisodeStatus.COMPLETE, position)
                for error in wrong:
                    self._on_error(error)
            case Kind.ABORT:
                self._pull(episode_id)
                self._abort(episode_id, _text(event.body), position)
            case Kind.KEEP:
                self._pull(episode_id)
                self._keep(episode_id, _text(event.body), position)
            case Kind.GAP:
                self._pull(episode_id)
                self._drop(episode_id, event.body, position)
            case Kind.CLOSE:
                self._close_run(position)

    def _close_run(self, position: int) -> None:
        self._guarded(self.cut_chunks)
        for episode_id in list(self._open):
            self._guarded(self._finish, episode_id, {}, EpisodeStatus.TRUNCATED, position)
        self._say(self._entries.run_end(), _NO_PLAY, position)
        self.is_closed = True

    def _take_blocks(self, run: Run) -> None:
        for start, stop, lanes in lane_stretches(run):
            cursor = self._cursor
            if cursor is None or not cursor.fits(run.layout, lanes):
                if cursor is not None:
                    self._take_lanes(cursor.settle())
                cursor = self._cursor = LaneCursor(run.layout, lanes)
            self._take_lanes(cursor.read(run, start, stop))

    def _take_lanes(self, found: Iterable[tuple[int, Any]]) -> None:
        for episode_id, piece in found:
            self._guarded(self._take_piece, episode_id, int(piece.block.lanes[piece.place]), piece)

    def _pull(self, episode_id: int) -> None:
        """Bring the steps of an episode in from the blocks that are being read."""
        if self._cursor is not None:
            self._take_lanes(self._cursor.settle_episode(episode_id))

    def _take_piece(self, episode_id: int, lane: int, piece: Piece) -> None:
        builder = self._open.get(episode_id)
        known_until = builder.state.position if builder is not None else self._ended.dealt_with(episode_id)
        if piece.positions[0] < known_until:
            n_known = int(np.searchsorted(piece.positions, known_until))
            if n_known == piece.n_steps:
                return
            piece = piece.part(n_known, piece.n_steps)
        if builder is None:
            builder = self._begin(episode_id, lane)
        if builder is None:
            self._count_late(episode_id, "n_refused_steps", piece.n_steps, int(piece.positions[-1]), piece.needed_from)
            return
        builder.last_active = self._clock()
        self._put_chunks(builder, builder.add(piece))

    def _count_late(self, episode_id: int, name: str, number: int, position: int, needed_from: int) -> None:
        """Count what has no play any more."""
        self._counts.add(name, number)
        self._ended.count_late(episode_id, name, number, position=position, needed_from=needed_from)

    def _begin(self, episode_id: int, lane: int) -> EpisodeBuilder | None:
        """A play for an episode that has none; None, and the reason to ``on_error``, when it can't have one."""
        if episode_id in self._ended:
            self._on_error(
                UsageError(f"episode {episode_id} has ended: what comes later, or uses its id again, is refused")
            )
            return None
        if not 0 <= episode_id < 2**63 or not 0 <= lane < 2**31:
            self._on_error(UsageError(f"episode {episode_id}, lane {lane}: refused, both must be 0 or more"))
            return None
        now = self._clock()
        self._last_play_id = max(int(now * 1000), self._last_play_id + 1)
        state = PlayState(Play(episode_id, self._last_play_id), lane)
        builder = self._open[episode_id] = EpisodeBuilder(
            state, known=self._known_schema, counts=self._counts, pictures=self._pictures
        )
        builder.last_active = now
        builder.count("n_episodes_started")
        return builder

    def _put_chunks(self, builder: EpisodeBuilder, chunks: Iterable[EncodedChunk]) -> None:
        for chunk in chunks:
            entry = Outgoing(builder.play, chunk.sequence, CHUNK, chunk.data)
            self._put(builder, chunk.progress, entry, chunk=(chunk.sequence, chunk.first_step, chunk.n_steps))
        if builder.error is not None:
            error, builder.error = builder.error, None
            self._on_error(error)

    def _put(
        self,
        builder: EpisodeBuilder,
        progress: Progress,
        *entries: Outgoing,
        chunk: tuple[int, int, int] | None = None,
        end: PlayEnd | None = None,
    ) -> None:
        """A packet of a play; the first one with an entry brings the header."""
        header = b""
        if entries and not builder.state.header:
            header = builder.state.header = self._entries.header(builder.state, builder.schema)
            entries = (Outgoing(builder.play, 1, HEADER, header), *entries)
        news = News(builder.play, header, chunk, progress.change, end, progress.counts)
        self._outbox.put(
            Packet(
                news,
                entries,
                end.body if end is not None and end.body else None,
                closes=end is not None and bool(end.body),
                drops=end is not None and end.is_dropped,
                needed_from=progress.needed_from,
            )
        )

    def _ending(self, episode_id: int, given: Mapping[str, Any], position: int) -> EpisodeBuilder | None:
        """The play that a record ends; None when there is none, and when that was dealt with before."""
        if position < self._ended.dealt_with(episode_id):
            return None
        builder = self._open.get(episode_id) or self._begin(episode_id, int(given.get("lane", 0)))
        if builder is None:
            self._count_late(episode_id, "n_refused_episodes", 1, position, position)
            return None
        builder.touch(position)
        return builder

    def _finish(self, episode_id: int, given: Mapping[str, Any], status: EpisodeStatus, position: int) -> None:
        builder = self._ending(episode_id, given, position)
        if builder is None:
            return
        end = PlayEnd(b"", is_dropped=False, position=position + 1)
        entries: tuple[Outgoing, ...] = ()
        try:
            self._put_chunks(builder, builder.take_chunks())
            builder.mark_dropped()
            builder.lose_sent(self._ledger.lost.get(builder.play, ()))
            builder.state.sequence += 1
            if builder.state.is_cut_off and status is EpisodeStatus.COMPLETE:
                status = EpisodeStatus.TRUNCATED
            data, body = self._entries.end(builder.state, given, status)
            end = end._replace(body=body)
            entries = (Outgoing(builder.play, builder.state.sequence, END, data),)
            builder.count("n_episodes_finished")
        except Exception:
            builder.count("n_lost_episodes")
            raise
        finally:
            self._put(builder, builder.progress(), *entries, end=end)
            self._forget(builder, end)

    def _abort(self, episode_id: int, reason: str, position: int) -> None:
        builder = self._ending(episode_id, {}, position)
        if builder is None:
            return
        end = PlayEnd(b"", is_dropped=True, position=position + 1)
        given_up: list[EncodedChunk] = []
        try:
            given_up += builder.take_chunks()
            builder.mark_dropped()
            builder.lose_sent(self._ledger.lost.get(builder.play, ()))
            end = end._replace(body=self._entries.abort(builder.state, reason))
            builder.count("n_episodes_aborted")
        except Exception:
            builder.count("n_lost_episodes")
            raise
        finally:
            progress = builder.progress()
            for chunk in given_up:
                progress = progress.after(chunk.progress)
            self._put(builder, progress, end=end)
            self._forget(builder, end)

    def _keep(self, episode_id: int, reason: str, position: int) -> None:
        builder = self._open.get(episode_id)
        if builder is not None:
            reasons = builder.state.reasons
            if reason not in reasons:
                builder.touch(position)
                if len(reasons) >= _MAX_MANUAL_REASONS:
                    raise UsageError(f"episode {episode_id} has {_MAX_MANUAL_REASONS} reasons to be kept already")
                reasons.append(reason)
        elif position >= self._ended.dealt_with(episode_id):
            self._say(self._entries.keep(episode_id, reason), Play(episode_id, 0), position)

    def _say(self, body: bytes, play: Play, position: int) -> None:
        """Tell those who look for ends something that belongs to no open play."""
        if position >= self._event_position:
            news = News(play, event_position=position + 1)
            self._outbox.put(Packet(news, finished=body, needed_from=position))

    def _drop(self, episode_id: int, body: bytes, position: int) -> None:
        """Steps that found the ring full."""
        lane, ranges = unpack_gap(body)
        if episode_id in self._ended:
            return
        builder = self._open.get(episode_id) or self._begin(episode_id, lane)
        if builder is not None:
            builder.touch(position)
            builder.state.dropped.extend(ranges)

    def _forget(self, builder: EpisodeBuilder, end: PlayEnd) -> None:
        episode_id = builder.play.episode_id
        self._known_schema.end(self._open.pop(episode_id).play)
        self._ended.add(episode_id, end.position)


def _is_before(position: int | None, limit: int) -> bool:
    return position is not None and position < limit


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
