"""What the server alone holds: steps that it has acknowledged, of episodes that no worker has taken yet.

A server may lose its data: it is emptied, or starts again from an old copy. Then this says which steps are gone. Where a
worker has taken an episode, its stream has left the server, and nothing more is kept of it here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from recorder.publish.play_state import StepRange
from recorder.step_stream import HEADER, Outgoing, Play, pack_body, unpack_body

__all__ = ["Custody", "Losses", "SentChunk"]

_MAX_ENDED = 20_000
"""Ended episodes that are remembered; with more, no worker has taken any for long, and the oldest are forgotten here."""


class SentChunk(NamedTuple):
    """A chunk that was acknowledged."""

    sequence: int
    first_step: int
    n_steps: int
    n_sent: int
    """Steps that the sender had sent with it, all in all."""


@dataclass(slots=True)
class _Entrusted:
    """One play."""

    header: bytes = b""
    chunks: list[SentChunk] = field(default_factory=list)
    end: bytes = b""
    """Its entry in ``finished``; empty while it is open."""


@dataclass(slots=True)
class Losses:
    """What the server has lost and nobody can send again."""

    has_happened: bool = False
    """Whether it has lost anything, be it only what is sent again."""
    steps: dict[Play, list[StepRange]] = field(default_factory=dict)
    ended: dict[Play, bytes] = field(default_factory=dict)
    """Plays of which nothing is left although they had ended, and an entry for ``finished`` that says so."""
    n_unknown_episodes: int = 0
    """Episodes that had ended so long ago that nobody remembers here whether a worker had taken them."""

    @property
    def n_steps(self) -> int:
        """In all."""
        return sum(stop - first for ranges in self.steps.values() for first, stop in ranges)

    @property
    def is_nothing(self) -> bool:
        """Whether all of it is still here."""
        return not self.steps and not self.ended and not self.n_unknown_episodes

    def describe(self) -> str:
        """What has happened, in a sentence for the trainer's log."""
        what = "the server has lost data that it had acknowledged (it was emptied, or started again without them)"
        if self.is_nothing:
            return f"{what}: all of it is still here and is sent again"
        unknown = f"; of {self.n_unknown_episodes} earlier ones nothing is known" if self.n_unknown_episodes else ""
        return (
            f"{what}: {self.n_steps} steps of {len(self.steps)} episodes are lost, {len(self.ended)} of these episodes "
            f"whole{unknown}; what is still here is sent again"
        )

    def after(self, earlier: Losses) -> Losses:
        """Both together; no step is lost twice."""
        steps = {play: [*earlier.steps.get(play, ()), *ranges] for play, ranges in self.steps.items()}
        n_unknown = earlier.n_unknown_episodes + self.n_unknown_episodes
        return Losses(True, {**earlier.steps, **steps}, {**earlier.ended, **self.ended}, n_unknown)


class Custody:
    """Kept up to date with each acknowledgement; touches no network."""

    def __init__(self) -> None:
        self._open: dict[Play, _Entrusted] = {}
        self._ended: OrderedDict[Play, _Entrusted] = OrderedDict()
        self._n_forgotten = 0

    def has_header(self, play: Play, header: bytes) -> None:
        """A play has begun."""
        self._open.setdefault(play, _Entrusted()).header = header

    def has_chunk(self, play: Play, chunk: SentChunk) -> None:
        """Steps were acknowledged."""
        if (entrusted := self._open.get(play)) is not None:
            entrusted.chunks.append(chunk)

    def has_ended(self, play: Play, end: bytes, *, is_dropped: bool) -> None:
        """The end of a play was acknowledged; where it is dropped, the server holds nothing of it from now on."""
        entrusted = self._open.pop(play, None)
        if entrusted is None or is_dropped:
            return
        entrusted.end = end
        self._ended[play] = entrusted
        if len(self._ended) > _MAX_ENDED:
            self._ended.popitem(last=False)
            self._n_forgotten += 1

    def open_plays(self) -> list[Play]:
        """Plays that have begun and not ended."""
        return list(self._open)

    def all_plays(self) -> list[Play]:
        """These, and those that have ended and that no worker has taken."""
        return [*self._open, *self._ended]

    def to_look_after(self, limit: int) -> list[Play]:
        """Some of the ended plays, in turn."""
        plays = list(islice(self._ended, limit))
        for play in plays:
            self._ended.move_to_end(play)
        return plays

    def is_taken(self, play: Play) -> None:
        """A worker is done with a play."""
        self._ended.pop(play, None)

    def header_of(self, play: Play) -> Outgoing | None:
        """The first entry of a play."""
        entrusted = self._open.get(play) or self._ended.get(play)
        return None if entrusted is None else Outgoing(play, 1, HEADER, entrusted.header)

    def lose(self, is_there: Callable[[Play, SentChunk], bool], *, sent_again: Collection[Play] = ()) -> Losses:
        """The server has lost data.

        Args:
            is_there: whether a chunk is on the server, or is sent again.
            sent_again: plays that have entries there, or that are sent again.
        """
        losses = Losses(has_happened=True, n_unknown_episodes=self._n_forgotten)
        self._n_forgotten = 0
        for play, entrusted in [*self._open.items(), *self._ended.items()]:
            gone: list[SentChunk] = []
            left: list[SentChunk] = []
            for chunk in entrusted.chunks:
                (left if is_there(play, chunk) else gone).append(chunk)
            entrusted.chunks = left
            if gone:
                losses.steps[play] = [(it.first_step, it.first_step + it.n_steps) for it in gone]
            if entrusted.end and play not in sent_again and not entrusted.chunks:
                losses.ended[play] = _end_of_nothing(entrusted.end, sum(it.n_steps for it in gone))
        for play in losses.ended:
            del self._ended[play]
        return losses

    def to_list(self) -> list[Any]:
        """All of it, in msgpack's types."""
        return [
            self._n_forgotten,
            *(
                [play.episode_id, play.play_id, it.header, it.end, [list(chunk) for chunk in it.chunks]]
                for part in (self._open, self._ended)
                for play, it in part.items()
            ),
        ]

    @classmethod
    def from_list(cls, packed: Sequence[Any]) -> Custody:
        """The inverse of ``to_list``."""
        custody = cls()
        custody._n_forgotten, *plays = packed
        for episode_id, play_id, header, end, chunks in plays:
            part = custody._ended if end else custody._open
            part[Play(episode_id, play_id)] = _Entrusted(header, [SentChunk(*chunk) for chunk in chunks], end)
        return custody


def _end_of_nothing(end: bytes, n_lost: int) -> bytes:
    """The end of a play for workers, when its steps are gone: they know of it, and don't look for it."""
    body: Mapping[str, Any] = dict(unpack_body(end))
    return pack_body(
        {
            **body,
            "kind": "abort",
            "status": "aborted",
            "n_steps": 0,
            "n_missing_steps": body.get("n_missing_steps", 0) + n_lost,
            "reason": "the server lost its data before a worker had written the episode",
        }
    )
