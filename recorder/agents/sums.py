"""The returns of an episode's agents, added up chunk by chunk while it is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.agents.columns import PRESENT, ROSTER, agent_column, parse_agent_column
from recorder.agents.info import MAX_AGENTS, AgentInfo
from recorder.agents.table import earned, read_roster, zero_filled
from recorder.chunk import ColumnData
from recorder.episode import return_of

__all__ = ["AgentSums", "SumsChange"]

_SUMMED = ("reward", "intrinsic_reward")


class SumsChange(NamedTuple):
    """How the sums stand, in msgpack's types.

    Args:
        agents: ``[agent_id, team, group, slot]`` of those that are new or have changed, and of all after them.
        groups: number and the sums of ``reward`` and ``intrinsic_reward`` by slot, of every group.
    """

    agents: Sequence[Sequence[Any]] = ()
    groups: Sequence[Sequence[Any]] = ()


@dataclass(slots=True)
class AgentSums:
    """The agents so far, and what each has earned."""

    agents: list[AgentInfo] = field(default_factory=list)
    _sums: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    """By group, ``float64[2, n_slots]``."""
    _text: bytes | str = b""
    """The last roster; of a trainer's ring it is UTF-8."""

    def add(self, columns: Mapping[str, ColumnData], n_steps: int) -> int:
        """Add a chunk; returns how many agents are as they were before."""
        if ROSTER not in columns and not self._sums:
            return 0  # an episode of one agent
        groups = {place[0] for name in columns if (place := parse_agent_column(name)) is not None}
        for group in groups:
            self._add_group(columns, group, n_steps)
        roster = columns.get(ROSTER)
        n_unchanged = len(self.agents)
        if roster is not None:
            for text in dict.fromkeys(roster.values.tolist()):
                if text != self._text:
                    self._text = text
                    n_unchanged = min(n_unchanged, self._take_roster(text))
        return n_unchanged

    @property
    def is_empty(self) -> bool:
        """Whether there have been no agents."""
        return not self.agents and not self._sums

    @property
    def is_finite(self) -> bool:
        """Whether all that they earned is finite."""
        return all(np.isfinite(sums).all() for sums in self._sums.values())

    def table(self, intrinsic_weight: float | None) -> tuple[AgentInfo, ...]:
        """The agents with their returns; without lifetimes."""
        return tuple(
            replace(agent, return_=float(return_of(*self._sums_of(agent), intrinsic_weight))) for agent in self.agents
        )

    def change(self, n_known: int) -> SumsChange:
        """How they stand, for one that knows the first ``n_known`` agents."""
        rows = [[it.agent_id, it.team, it.group, it.slot] for it in self.agents[n_known:]]
        return SumsChange(rows, [[group, *sums.tolist()] for group, sums in self._sums.items()])

    def apply(self, n_known: int, change: SumsChange) -> None:
        """Take over a change."""
        self.agents[n_known:] = [AgentInfo(*row) for row in change.agents]
        self._sums = {group: np.array(sums, np.float64) for group, *sums in change.groups}

    def _add_group(self, columns: Mapping[str, ColumnData], group: int, n_steps: int) -> None:
        present = zero_filled(columns.get(agent_column(group, PRESENT)), n_steps)
        if present is None:
            return
        known = self._sums.get(group)
        if known is None or known.shape[1] < present.shape[1]:
            wider = np.zeros((2, present.shape[1]))
            if known is not None:
                wider[:, : known.shape[1]] = known
            known = self._sums[group] = wider
        for index, name in enumerate(_SUMMED):
            values = zero_filled(columns.get(agent_column(group, name)), n_steps)
            if values is not None and values.shape == present.shape:
                known[index, : present.shape[1]] += earned(values, present != 0)

    def _take_roster(self, text: bytes | str) -> int:
        """The agents of a roster; returns how many of the known ones come before the first that changes."""
        places = {agent.agent_id: index for index, agent in enumerate(self.agents)}
        n_unchanged = len(self.agents)
        for agent in read_roster(text):
            index = places.get(agent.agent_id)
            if index is None:
                self.agents.append(agent)
            elif self.agents[index] != agent:
                self.agents[index] = agent
                n_unchanged = min(n_unchanged, index)
        del self.agents[MAX_AGENTS:]
        return n_unchanged

    def _sums_of(self, agent: AgentInfo) -> tuple[float, float]:
        sums = self._sums.get(agent.group)
        if sums is None or agent.slot >= sums.shape[1]:
            return 0.0, 0.0
        return float(sums[0, agent.slot]), float(sums[1, agent.slot])
