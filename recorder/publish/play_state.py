"""What is known of an open play up to some position of the ring, and how it changes with each entry that is sent.

A successor goes on from such a state: it skips the play's records before ``position`` and reads the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from recorder.agents.sums import AgentSums, SumsChange
from recorder.black_box.gaps import StepRange
from recorder.episode import Gap
from recorder.step_stream import Play

__all__ = ["ListLengths", "PlayChange", "PlayState", "StepRange"]

_NUMBERS = (
    "lane",
    "sequence",
    "next_step",
    "n_steps",
    "n_bytes",
    "reward_sum",
    "intrinsic_sum",
    "last_epsilon",
    "is_cut_off",
    "position",
)


class ListLengths(NamedTuple):
    """How many items of each list the last change had."""

    n_gaps: int = 0
    n_reasons: int = 0
    n_dropped: int = 0
    n_agents: int = 0


class PlayChange(NamedTuple):
    """How a play stands after something was sent of it; of its lists, only what is new."""

    numbers: tuple[Any, ...]
    kept: ListLengths
    """Items of each list that stay as they were."""
    gaps: Sequence[Gap]
    reasons: Sequence[str]
    dropped: Sequence[StepRange]
    agents: SumsChange = SumsChange()

    def to_list(self) -> list[Any]:
        """The same in msgpack's types."""
        gaps = [[gap.first_step, gap.end_step, gap.reason] for gap in self.gaps]
        dropped = [list(span) for span in self.dropped]
        return [list(self.numbers), list(self.kept), gaps, list(self.reasons), dropped, list(self.agents)]

    @classmethod
    def from_list(cls, packed: Sequence[Any]) -> PlayChange:
        """The inverse of ``to_list``."""
        numbers, kept, gaps, reasons, dropped, agents = packed
        return cls(
            tuple(numbers),
            ListLengths(*kept),
            [Gap(*gap) for gap in gaps],
            list(reasons),
            [(first, stop) for first, stop in dropped],
            SumsChange(*agents),
        )


@dataclass(slots=True)
class PlayState:
    """An open play."""

    play: Play
    lane: int
    sequence: int = 1
    """Of the last entry; 1 is the header's, which goes out with the first other entry."""
    next_step: int = 0
    """Number of the step after the last one that is in a chunk or a gap."""
    n_steps: int = 0
    n_bytes: int = 0
    """Bytes of the chunks made so far."""
    reward_sum: float = 0.0
    intrinsic_sum: float = 0.0
    last_epsilon: float | None = None
    is_cut_off: bool = False
    """Whether what comes now follows more gaps than a file can hold, or may be of another episode with the same id."""
    position: int = 0
    """What the play's records before it say is in here."""
    gaps: list[Gap] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    """Why it is to be kept."""
    dropped: list[StepRange] = field(default_factory=list)
    """Steps that found the ring full."""
    agents: AgentSums = field(default_factory=AgentSums)
    header: bytes = b""
    """Its first entry; empty before that is made."""

    def list_lengths(self) -> ListLengths:
        """Its lists as they are now."""
        return ListLengths(len(self.gaps), len(self.reasons), len(self.dropped), len(self.agents.agents))

    def change(self, since: ListLengths) -> PlayChange:
        """How it stands, for one that knows it as far as ``since``."""
        return PlayChange(
            tuple([getattr(self, name) for name in _NUMBERS]),
            since,
            self.gaps[since.n_gaps :],
            self.reasons[since.n_reasons :],
            self.dropped[since.n_dropped :],
            self.agents.change(since.n_agents),
        )

    def apply(self, change: PlayChange) -> None:
        """Take over a change."""
        for name, value in zip(_NUMBERS, change.numbers, strict=True):
            setattr(self, name, value)
        self.gaps[change.kept.n_gaps :] = change.gaps
        self.reasons[change.kept.n_reasons :] = change.reasons
        self.dropped[change.kept.n_dropped :] = change.dropped
        self.agents.apply(change.kept.n_agents, change.agents)
