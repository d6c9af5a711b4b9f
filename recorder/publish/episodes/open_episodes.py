"""From the records of a ring to the plays of its episodes: whose steps they are, and what they say of which episode.

Touches no network. Where a predecessor has been here, records that it had dealt with are skipped, play by play.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from recorder.black_box import Event, Kind, Run
from recorder.black_box.gaps import unpack_gap
from recorder.episode import EpisodeStatus
from recorder.publish.chunks.lane_cursor import LaneCursor
from recorder.publish.chunks.pieces import lane_stretches, pieces_by_episode
from recorder.publish.episodes.open_plays import OpenPlays
from recorder.publish.metadata.given import read_metadata

__all__ = ["OpenEpisodes"]


class OpenEpisodes:
    """Takes records in the order in which the trainer wrote them.

    Args:
        plays: of the episodes.
        on_error: called with what could not be processed; the rest goes on.
    """

    def __init__(self, plays: OpenPlays, *, on_error: Callable[[Exception], None]) -> None:
        self.plays = plays
        self._on_error = on_error
        self._cursor: LaneCursor | None = None
        self.is_closed = False
        """Whether the trainer has ended its part of the run."""

    def take(self, item: Run | Event) -> None:
        """Deal with records."""
        guarded = self.plays.guarded
        if isinstance(item, Event):
            guarded(self._take_event, item)
        elif item.layout.is_block:
            guarded(self._take_blocks, item)
        else:
            for episode_id, lane, piece in pieces_by_episode(item):
                self._pull(episode_id)
                guarded(self.plays.add, episode_id, lane, piece)

    @property
    def needed_from(self) -> int | None:
        """Where the first record begins that went into no packet yet; None when there is none."""
        needed = self.plays.needed_from
        if self._cursor is not None and (position := self._cursor.needed_from) is not None:
            needed.append(position)
        return min(needed, default=None)

    @property
    def n_pending_steps(self) -> int:
        """Steps that went into no chunk yet."""
        return self.plays.n_pending_steps + (self._cursor.n_pending_steps if self._cursor is not None else 0)

    def cut_chunks(self, *, before: int | None = None) -> None:
        """Encode what is pending, however few steps that are.

        Args:
            before: only what needs records before this position.
        """
        cursor = self._cursor
        if cursor is not None:
            needed_from = cursor.needed_from
            if before is None or (needed_from is not None and needed_from < before):
                self.plays.guarded(self._take_lanes, cursor.settle())
        self.plays.cut_chunks(before=before)

    def _take_event(self, event: Event) -> None:
        episode_id, position, plays = event.episode_id, event.position, self.plays
        if event.kind is Kind.CLOSE:
            self._close_run(position)
            return
        self._pull(episode_id)
        match event.kind:
            case Kind.FINISH:
                given, wrong = read_metadata(event.body)
                plays.finish(episode_id, given, EpisodeStatus.COMPLETE, position)
                for error in wrong:
                    self._on_error(error)
            case Kind.ABORT:
                plays.abort(episode_id, _text(event.body), position)
            case Kind.KEEP:
                plays.keep(episode_id, _text(event.body), position)
            case Kind.GAP:
                lane, ranges = unpack_gap(event.body)
                plays.drop(episode_id, lane, ranges, position)

    def _close_run(self, position: int) -> None:
        plays = self.plays
        plays.guarded(self.cut_chunks)
        for episode_id in plays.episode_ids:
            plays.guarded(plays.finish, episode_id, {}, EpisodeStatus.TRUNCATED, position)
        plays.end_run(position)
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
            self.plays.guarded(self.plays.add, episode_id, int(piece.block.lanes[piece.place]), piece)

    def _pull(self, episode_id: int) -> None:
        """Bring the steps of an episode in from the blocks that are being read."""
        if self._cursor is not None:
            self._take_lanes(self._cursor.settle_episode(episode_id))


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
