"""The table of an episode's agents, computed from its chunks, so that a salvaged episode has it too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.agents.columns import PRESENT, ROSTER, agent_column, parse_agent_column
from recorder.agents.info import MAX_AGENTS, AgentInfo, read_agents
from recorder.chunk import Chunk, ColumnData
from recorder.episode import return_of

__all__ = ["AgentTable", "agent_table", "earned", "pack_roster", "read_roster", "zero_filled"]


def pack_roster(agents: Iterable[AgentInfo]) -> str:
    """The text of the roster's column."""
    rows = [[agent.agent_id, agent.team, agent.group, agent.slot] for agent in agents]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def read_roster(text: bytes | str) -> tuple[AgentInfo, ...]:
    """Inverse of ``pack_roster``; empty when the text is none."""
    try:
        names = ("agent_id", "team", "group", "slot")
        return read_agents([dict(zip(names, row, strict=True)) for row in json.loads(text)])
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return ()


def agent_table(
    chunks: Sequence[Chunk], *, intrinsic_weight: float | None = None, given: Sequence[AgentInfo] = ()
) -> tuple[AgentInfo, ...]:
    """The agents of an episode, with what they did in these chunks; empty for an episode of one agent.

    Args:
        intrinsic_weight: of the returns.
        given: what the trainer said of some agents: its returns, teams and outcomes outweigh those of the steps.
    """
    table = AgentTable()
    for chunk in chunks:
        table.add(chunk)
    return table.agents(intrinsic_weight=intrinsic_weight, given=given)


class AgentTable:
    """The same, chunk by chunk."""

    def __init__(self) -> None:
        self.roster: list[AgentInfo] = []
        """The agents so far, without what they did."""
        self._places: dict[str, int] = {}
        self._sums: dict[int, _GroupSums] = {}

    def add(self, chunk: Chunk) -> None:
        """Add the next chunk."""
        for text in _rosters(chunk):
            for agent in read_roster(text):
                place = self._places.setdefault(agent.agent_id, len(self.roster))
                if place < len(self.roster):
                    self.roster[place] = agent
                elif place < MAX_AGENTS:
                    self.roster.append(agent)
        for group in {found[0] for name in chunk.names if (found := parse_agent_column(name)) is not None}:
            self._sums.setdefault(group, _GroupSums()).add(chunk, group)

    def agents(
        self, *, intrinsic_weight: float | None = None, given: Sequence[AgentInfo] = ()
    ) -> tuple[AgentInfo, ...]:
        """The table so far; arguments as of ``agent_table``."""
        if not self.roster:
            return tuple(given)
        said = {agent.agent_id: agent for agent in given}
        table = []
        for agent in self.roster:
            found = self._sums[agent.group].of(agent, intrinsic_weight) if agent.group in self._sums else agent
            own = said.get(agent.agent_id)
            if own is not None:
                team, outcome = own.team or found.team, own.outcome or found.outcome
                found = replace(found, return_=own.return_, team=team, outcome=outcome)
            table.append(found)
        return tuple(table)


def _rosters(chunk: Chunk) -> Iterable[str]:
    """The different texts of the roster's column."""
    roster = chunk.column(ROSTER) if ROSTER in chunk.names and chunk.spec(ROSTER).is_text else None
    return () if roster is None else dict.fromkeys(roster.values.tolist())


@dataclass(slots=True)
class _GroupSums:
    """What the agents of one group did, by slot."""

    n_steps: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    first: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    last: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    rewards: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, 0)))
    """``reward`` and ``intrinsic_reward``."""
    outcomes: dict[int, str] = field(default_factory=dict)

    @np.errstate(invalid="ignore")  # infinities of both signs add up to NaN, which is no news
    def add(self, chunk: Chunk, group: int) -> None:
        """Add a chunk."""
        present = _values(chunk, agent_column(group, PRESENT))
        if present is None:
            return
        present = present.astype(np.bool_)
        n_slots = present.shape[1]
        self._grow(n_slots)
        counts = present.sum(axis=0)
        here = np.flatnonzero(counts)
        starts = chunk.first_step + present.argmax(axis=0)
        stops = chunk.first_step + chunk.n_steps - 1 - present[::-1].argmax(axis=0)
        fresh = here[self.n_steps[here] == 0]
        self.first[fresh] = starts[fresh]
        self.last[here] = stops[here]
        self.n_steps[:n_slots] += counts
        for index, name in enumerate(("reward", "intrinsic_reward")):
            values = _values(chunk, agent_column(group, name))
            if values is not None and values.shape == present.shape:
                self.rewards[index, :n_slots] += earned(values, present)
        for outcome, name in (("terminated", "done"), ("truncated", "truncated"), ("terminated", "terminated")):
            flags = _values(chunk, agent_column(group, name))
            if flags is not None and flags.shape == present.shape:
                ended = np.flatnonzero((present & (flags != 0)).any(axis=0))
                self.outcomes.update(dict.fromkeys(ended.tolist(), outcome))

    def of(self, agent: AgentInfo, weight: float | None) -> AgentInfo:
        """An agent of the roster with its sums."""
        slot = agent.slot
        if slot >= len(self.n_steps) or not self.n_steps[slot]:
            return agent
        return replace(
            agent,
            first_step=int(self.first[slot]),
            last_step=int(self.last[slot]),
            return_=float(return_of(float(self.rewards[0, slot]), float(self.rewards[1, slot]), weight)),
            n_steps=int(self.n_steps[slot]),
            outcome=self.outcomes.get(slot, ""),
        )

    def _grow(self, n_slots: int) -> None:
        n_more = n_slots - len(self.n_steps)
        if n_more > 0:
            self.n_steps, self.first, self.last = (
                np.pad(it, (0, n_more)) for it in (self.n_steps, self.first, self.last)
            )
            self.rewards = np.pad(self.rewards, ((0, 0), (0, n_more)))


def _values(chunk: Chunk, name: str) -> NDArray[Any] | None:
    return zero_filled(chunk.column(name) if name in chunk.names else None, chunk.n_steps)


def earned(values: NDArray[Any], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """``float64[n_slots]``: what each agent has earned in ``[n_steps, n_slots]`` while it was present. As of a single
    agent, a reward that is not finite makes the return so."""
    found: NDArray[np.float64] = np.where(present, values, 0).sum(axis=0, dtype=np.float64)
    return found


def zero_filled(data: ColumnData | None, n_steps: int) -> NDArray[Any] | None:
    """``[n_steps, n_slots]``, with zeros in the steps without a value; None if there is no such column."""
    if data is None or data.values.ndim != 2:
        return None
    if data.present is None:
        return data.values
    values = np.zeros((n_steps, data.values.shape[1]), data.values.dtype)
    values[data.present] = data.values
    return values
