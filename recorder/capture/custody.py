"""What the server alone holds: steps that it has acknowledged, of episodes that no worker has taken yet.

A server may lose its data: it is emptied, or starts again from an old copy. Then this says which steps are gone. Where a
worker has taken an episode, its stream has left the server, and nothing more is kept of it here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from recorder.capture.losses import StepRange
from recorder.step_stream import Outgoing, Play, pack_body, unpack_body

__all__ = ["Custody", "Losses"]

_MAX_ENDED = 20_000
"""Ended episodes that are remembered; with more, no worker has taken any for long, and the oldest are forgotten here."""


@dataclass(slots=True)
class _Chunk:
    sequence: int
    first_step: int
    n_steps: int
    n_sent: int
    """Steps that the sender had sent with it, all in all."""


@dataclass(slots=True)
class _Entrusted:
    """One play."""

    header: Outgoing | None = None
    chunks: list[_Chunk] = field(default_factory=list)
    end: bytes = b""
    """What ``finished`` was told at its end; empty while it is open."""


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

    def has_header(self, header: Outgoing) -> None:
        """A play has begun."""
        self._open.setdefault(header.play, _Entrusted()).header = header

    def has_chunk(self, play: Play, sequence: int, *, first_step: int, n_steps: int, n_sent: int) -> None:
        """Steps were acknowledged."""
        if (entrusted := self._open.get(play)) is not None:
            entrusted.chunks.append(_Chunk(sequence, first_step, n_steps, n_sent))

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
        return None if entrusted is None else entrusted.header

    def lose(self, *, n_known: int, resent: Mapping[Play, Collection[int]]) -> Losses:
        """The server has lost what was sent after the first ``n_known`` steps.

        Args:
            resent: sequences of the entries that are sent again, by play.
        """
        losses = Losses(has_happened=True, n_unknown_episodes=self._n_forgotten)
        self._n_forgotten = 0
        for play, entrusted in [*self._open.items(), *self._ended.items()]:
            again = resent.get(play, ())
            gone: list[_Chunk] = []
            left: list[_Chunk] = []
            for chunk in entrusted.chunks:
                is_there = chunk.n_sent <= n_known or chunk.sequence in again
                (left if is_there else gone).append(chunk)
            entrusted.chunks = left
            if gone:
                losses.steps[play] = _ranges(gone)
            if entrusted.end and not again and not entrusted.chunks:
                losses.ended[play] = _end_of_nothing(entrusted.end, sum(it.n_steps for it in gone))
        for play in losses.ended:
            del self._ended[play]
        return losses


def _ranges(chunks: Sequence[_Chunk]) -> list[StepRange]:
    return [(it.first_step, it.first_step + it.n_steps) for it in chunks]


def _end_of_nothing(end: bytes, n_lost: int) -> bytes:
    """The end of a play as workers are told it when its steps are gone: they know of it, and don't look for it."""
    body = dict(unpack_body(end))
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
