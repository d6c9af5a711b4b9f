"""What goes out together of one play, and what is known once it has arrived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from recorder.publish.play_state import PlayChange
from recorder.step_stream import Outgoing, Play

__all__ = ["News", "Packet", "PlayEnd"]


class PlayEnd(NamedTuple):
    """A play has ended."""

    body: bytes
    """The entry of ``finished``; empty when there is none."""
    is_dropped: bool
    """Whether its entries go, too."""
    position: int
    """Records of the episode before it belong to the play."""


@dataclass(frozen=True, slots=True)
class News:
    """What becomes true once a packet has arrived: the journal holds it, custody and a successor build on it."""

    play: Play
    header: bytes = b""
    """The play's first entry, when it is in the packet."""
    chunk: tuple[int, int, int] | None = None
    """Sequence, first step and number of steps of the packet's chunk."""
    change: PlayChange | None = None
    end: PlayEnd | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    event_position: int = 0
    """Of what is said without a play (a late ``keep``, the run's end): records before it have been dealt with."""

    @property
    def n_steps(self) -> int:
        """Steps in the packet."""
        return self.chunk[2] if self.chunk is not None else 0

    def to_list(self) -> list[Any]:
        """The same in msgpack's types."""
        return [
            self.play.episode_id,
            self.play.play_id,
            self.header,
            self.chunk,
            self.change and self.change.to_list(),
            self.end,
            self.counts,
            self.event_position,
        ]

    @classmethod
    def from_list(cls, packed: Sequence[Any]) -> News:
        """The inverse of ``to_list``."""
        episode_id, play_id, header, chunk, change, end, counts, event_position = packed
        return cls(
            Play(episode_id, play_id),
            header,
            chunk and tuple(chunk),
            change and PlayChange.from_list(change),
            end and PlayEnd(*end),
            counts,
            event_position,
        )


@dataclass(frozen=True, slots=True)
class Packet:
    """Some entries of a play, or what is said of it to those who look for ends; or nothing but news."""

    news: News
    entries: Sequence[Outgoing] = ()
    finished: bytes | None = None
    closes: bool = False
    drops: bool = False
    needed_from: int | None = None
    """Where the first record begins that this packet is made of; None when it was made of none, or is in the spool."""
    spool_end: int = 0
    """Where it ends in the spool; 0 when it is not there."""
    n_bytes: int = field(init=False)
    """Payload."""

    def __post_init__(self) -> None:
        n_bytes = sum(len(entry.data) for entry in self.entries) + len(self.finished or b"")
        object.__setattr__(self, "n_bytes", n_bytes)

    @property
    def play(self) -> Play:
        """Whose it is."""
        return self.news.play

    @property
    def n_steps(self) -> int:
        """Steps in it."""
        return self.news.n_steps

    def to_list(self) -> list[Any]:
        """The same in msgpack's types."""
        entries = [[entry.sequence, entry.kind, entry.data] for entry in self.entries]
        return [self.news.to_list(), entries, self.finished, self.closes, self.drops]

    @classmethod
    def from_list(cls, packed: Sequence[Any], *, spool_end: int) -> Packet:
        """The inverse of ``to_list``."""
        news, entries, finished, closes, drops = packed
        known = News.from_list(news)
        outgoing = [Outgoing(known.play, sequence, kind, data) for sequence, kind, data in entries]
        return cls(known, outgoing, finished, closes, drops, None, spool_end)
