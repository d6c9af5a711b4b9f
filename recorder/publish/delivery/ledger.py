"""What the server has acknowledged, as a successor needs it: counts, open plays, ended episodes, and what is in custody."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recorder.publish.delivery.custody import Custody, Losses, SentChunk
from recorder.publish.delivery.packet import News
from recorder.publish.play_state import ListLengths, PlayChange, PlayState, StepRange
from recorder.publish.run_watch import NOTHING_REFUSED, RefusedSoFar
from recorder.publish.stats import added
from recorder.step_stream import Play

__all__ = ["REMEMBERED_EPISODES", "FlushRecord", "Ledger", "RunCounts"]

REMEMBERED_EPISODES = 100_000
"""Ended episode ids that are remembered, so that late steps and repeated ids are refused at once; older ones are refused
by the worker that evaluates them."""


@dataclass(frozen=True, slots=True)
class RunCounts:
    """What belongs to no play, as it stood when a flush was put together."""

    refused: RefusedSoFar = NOTHING_REFUSED
    """By workers."""
    n_errors: int = 0


@dataclass(frozen=True, slots=True)
class FlushRecord:
    """One flush, as it is noted before it is sent."""

    number: int
    run: RunCounts
    news: Sequence[News]
    spool_done: int = 0
    """Up to where the spool has been sent with it."""
    is_repeating: bool = False
    """Whether what was acknowledged before is being sent again, and is not all there yet."""

    def to_list(self) -> list[Any]:
        """The same in msgpack's types."""
        run = self.run
        return [
            self.number,
            [run.refused, run.n_errors],
            [news.to_list() for news in self.news],
            self.spool_done,
            self.is_repeating,
        ]

    @classmethod
    def from_list(cls, packed: Sequence[Any]) -> FlushRecord:
        """The inverse of ``to_list``."""
        number, (refused, n_errors), news, spool_done, is_repeating = packed
        run = RunCounts(RefusedSoFar(*refused), n_errors)
        return cls(number, run, [News.from_list(it) for it in news], spool_done, is_repeating)


class Ledger:
    """Changes by flushes that were acknowledged, and by what the server loses.

    Args:
        keeps_plays: whether there may be a successor.
    """

    def __init__(self, *, keeps_plays: bool) -> None:
        self.keeps_plays = keeps_plays
        self.number = 0
        """Of the last flush."""
        self.run = RunCounts()
        self.counts: dict[str, int] = {}
        self.custody = Custody()
        self.n_sent_steps = 0
        """Steps that were acknowledged, each counted once."""
        self.n_lost_steps = 0
        """Those of them that the server has lost and nobody can send again."""
        self.open: dict[Play, PlayState] = {}
        self.lost: dict[Play, list[StepRange]] = {}
        """Steps of open plays that the server has lost."""
        self.ended: OrderedDict[int, int] = OrderedDict()
        """By episode, the position before which its records belong to the play that has ended."""
        self.checked_number = 0
        """The last flush for which it is known what the server has lost."""
        self.event_position = 0
        self.spool_done = 0
        self.is_repeating = False
        self.last_play_id = 0

    def apply(self, record: FlushRecord, *, is_remote: bool) -> None:
        """A flush was acknowledged."""
        self.number = record.number
        self.run = record.run
        self.spool_done = record.spool_done
        self.is_repeating = record.is_repeating
        for news in record.news:
            if is_remote:
                self._entrust(news)
            if self.keeps_plays:
                self.note(news)

    def _entrust(self, news: News) -> None:
        """The server has it, for the first time."""
        if news.header:
            self.custody.has_header(news.play, news.header)
        if news.chunk is not None:
            self.n_sent_steps += news.n_steps
            self.custody.has_chunk(news.play, SentChunk(*news.chunk, self.n_sent_steps))
        if news.end is not None:
            self.lost.pop(news.play, None)
            self.custody.has_ended(news.play, news.end.body, is_dropped=news.end.is_dropped or not news.end.body)

    def note(self, news: News) -> None:
        """What a packet tells of its play and of the run, wherever the packet is."""
        play = news.play
        self.counts = added(self.counts, news.counts)
        self.event_position = max(self.event_position, news.event_position)
        self.last_play_id = max(self.last_play_id, play.play_id)
        if news.change is not None:
            state = self.open.get(play) or self.open.setdefault(play, PlayState(play, 0))
            state.apply(news.change)
            if news.header:
                state.header = news.header
        if news.end is not None:
            self.open.pop(play, None)
            self.ended[play.episode_id] = news.end.position
            if len(self.ended) > REMEMBERED_EPISODES:
                self.ended.popitem(last=False)

    def lose(self, losses: Losses) -> None:
        """Steps that had been acknowledged are gone."""
        n_steps = losses.n_steps
        self.checked_number = self.number
        self.n_lost_steps += n_steps
        for play in self.custody.open_plays():
            if play in losses.steps:
                self.lost.setdefault(play, []).extend(losses.steps[play])
        gone = {"n_recorded_steps": -n_steps, "n_lost_steps": n_steps, "n_lost_episodes": len(losses.ended)}
        self.counts = added(self.counts, gone)

    def to_map(self) -> dict[str, Any]:
        """All of it, in msgpack's types."""
        run = self.run
        return {
            "number": self.number,
            "run": [run.refused, run.n_errors],
            "counts": self.counts,
            "custody": self.custody.to_list(),
            "steps": [self.n_sent_steps, self.n_lost_steps],
            "open": [
                [play.episode_id, play.play_id, state.header, state.change(ListLengths()).to_list()]
                for play, state in self.open.items()
            ],
            "lost": [[play.episode_id, play.play_id, ranges] for play, ranges in self.lost.items()],
            "ended": list(self.ended.items()),
            "checked_number": self.checked_number,
            "event_position": self.event_position,
            "spool_done": self.spool_done,
            "is_repeating": self.is_repeating,
            "last_play_id": self.last_play_id,
        }

    @classmethod
    def from_map(cls, packed: Mapping[str, Any]) -> Ledger:
        """The inverse of ``to_map``."""
        ledger = cls(keeps_plays=True)
        ledger.number = packed["number"]
        refused, n_errors = packed["run"]
        ledger.run = RunCounts(RefusedSoFar(*refused), n_errors)
        ledger.counts = packed["counts"]
        ledger.custody = Custody.from_list(packed["custody"])
        ledger.n_sent_steps, ledger.n_lost_steps = packed["steps"]
        for episode_id, play_id, header, change in packed["open"]:
            play = Play(episode_id, play_id)
            state = ledger.open[play] = PlayState(play, 0, header=header)
            state.apply(PlayChange.from_list(change))
        for episode_id, play_id, ranges in packed["lost"]:
            ledger.lost[Play(episode_id, play_id)] = [(first, stop) for first, stop in ranges]
        ledger.ended = OrderedDict(packed["ended"])
        ledger.checked_number = packed["checked_number"]
        ledger.event_position = packed["event_position"]
        ledger.spool_done = packed["spool_done"]
        ledger.is_repeating = packed["is_repeating"]
        ledger.last_play_id = packed["last_play_id"]
        return ledger
