"""The plays of open episodes: how each begins, goes on and ends.

Touches no network.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from recorder.episode import EpisodeStatus
from recorder.errors import UsageError
from recorder.publish.chunks.builder import EncodedChunk, EpisodeBuilder
from recorder.publish.chunks.encodings import KnownSchema
from recorder.publish.chunks.pieces import Piece
from recorder.publish.delivery.custody import Losses
from recorder.publish.delivery.ledger import Ledger
from recorder.publish.delivery.outbox import Outbox
from recorder.publish.delivery.packet import PlayEnd
from recorder.publish.episodes.ended import EndedEpisodes
from recorder.publish.episodes.entries import PlayEntries, PlayPackets
from recorder.publish.identity import RunIdentity
from recorder.publish.picture_budget import PictureBudget
from recorder.publish.play_state import PlayState, StepRange
from recorder.publish.stats import Counts, RecorderStats
from recorder.schema import EpisodeSchema
from recorder.step_stream import END, HEADER, Outgoing, Play, unpack_body

__all__ = ["OpenPlays"]

_MAX_MANUAL_REASONS = 100
"""Of one episode: they stand in the header of its file, which is bounded."""

_NO_PLAY = Play(-1, 0)


class OpenPlays:
    """Takes what was recorded of each episode, and puts packets into the outbox.

    Args:
        identity: the run and this producer.
        outbox: where packets go.
        stats: counts.
        ledger: what a predecessor, or this sender, has had acknowledged.
        pictures: leaves out pictures that are too many.
        on_error: called with what could not be processed; the rest goes on.
        on_first: told the name of what is counted for the first time.
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
        on_first: Callable[[str], None] | None = None,
    ) -> None:
        self._entries = PlayEntries(identity, stats, clock)
        self._outbox = outbox
        self._packets = PlayPackets(self._entries, outbox, on_error=on_error)
        self._stats = stats
        self._counts = Counts(stats, on_first=on_first)
        self._ledger = ledger
        self._pictures = pictures
        self._on_error = on_error
        self._clock = clock
        self._open: dict[int, EpisodeBuilder] = {}
        self._ended = EndedEpisodes(OrderedDict())
        self._known_schema = KnownSchema()
        self._last_play_id = 0

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
        self._packets.event_position = ledger.event_position

    @property
    def episode_ids(self) -> list[int]:
        """The open episodes."""
        return list(self._open)

    @property
    def needed_from(self) -> list[int]:
        """Where records begin that went into no packet yet."""
        needed = [builder.needed_from for builder in self._open.values() if builder.needed_from is not None]
        return [*needed, *self._ended.needed_from()]

    @property
    def n_pending_steps(self) -> int:
        """Steps that went into no chunk yet."""
        return sum(builder.n_pending for builder in self._open.values())

    def cut_chunks(self, *, before: int | None) -> None:
        """Encode what is pending, however few steps that are.

        Args:
            before: only what needs records before this position; None for all.
        """
        for builder in list(self._open.values()):
            needed_from = builder.needed_from
            if builder.n_pending and (before is None or (needed_from is not None and needed_from < before)):
                self.guarded(self._packets.put_chunks, builder, builder.take_chunks())

    def tell_rest(self) -> None:
        """Put what has changed without an entry into the outbox, so that the records are not needed any more."""
        for builder in self._open.values():
            if builder.needed_from is not None and not builder.n_pending:
                self._packets.put(builder, builder.progress())
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

    def guarded(self, act: Callable[..., None], *arguments: Any) -> None:
        """Call something; what it raises goes to ``on_error``, and the rest continues."""
        try:
            act(*arguments)
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._on_error(error)

    def add(self, episode_id: int, lane: int, piece: Piece) -> None:
        """Take steps of an episode."""
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
        self._packets.put_chunks(builder, builder.add(piece))

    def finish(self, episode_id: int, given: Mapping[str, Any], status: EpisodeStatus, position: int) -> None:
        """An episode is over."""
        builder = self._ending(episode_id, given, position)
        if builder is None:
            return
        end = PlayEnd(b"", is_dropped=False, position=position + 1)
        entries: tuple[Outgoing, ...] = ()
        try:
            self._packets.put_chunks(builder, builder.take_chunks())
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
            self._packets.put(builder, builder.progress(), *entries, end=end)
            self._forget(builder, end)

    def abort(self, episode_id: int, reason: str, position: int) -> None:
        """The trainer has given an episode up."""
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
            self._packets.put(builder, progress, end=end)
            self._forget(builder, end)

    def keep(self, episode_id: int, reason: str, position: int) -> None:
        """The trainer wants an episode to be kept."""
        builder = self._open.get(episode_id)
        if builder is not None:
            reasons = builder.state.reasons
            if reason not in reasons:
                builder.touch(position)
                if len(reasons) >= _MAX_MANUAL_REASONS:
                    raise UsageError(f"episode {episode_id} has {_MAX_MANUAL_REASONS} reasons to be kept already")
                reasons.append(reason)
        elif position >= self._ended.dealt_with(episode_id):
            self._packets.say(self._entries.keep(episode_id, reason), Play(episode_id, 0), position)

    def drop(self, episode_id: int, lane: int, ranges: Iterable[StepRange], position: int) -> None:
        """Steps of an episode found the ring full."""
        if episode_id in self._ended:
            return
        builder = self._open.get(episode_id) or self._begin(episode_id, lane)
        if builder is not None:
            builder.touch(position)
            builder.state.dropped.extend(ranges)

    def end_run(self, position: int) -> None:
        """The trainer has ended its part of the run."""
        self._packets.say(self._entries.run_end(), _NO_PLAY, position)

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

    def _forget(self, builder: EpisodeBuilder, end: PlayEnd) -> None:
        episode_id = builder.play.episode_id
        self._known_schema.end(self._open.pop(episode_id).play)
        self._ended.add(episode_id, end.position)
