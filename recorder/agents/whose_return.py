"""Whose return a rule judges: the episode's, an agent's, a team's, or what the agents' returns have between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from recorder.errors import UsageError

__all__ = ["WHOSE_RETURN", "AgentReturn", "WhoseReturn"]

WHOSE_RETURN = "sum, min, max, spread, agent:ID or team:NAME"
"""What ``WhoseReturn.parse`` reads."""


class AgentReturn(NamedTuple):
    """What one agent has earned in an episode."""

    agent_id: str
    team: str
    return_: float


@dataclass(frozen=True, slots=True)
class WhoseReturn:
    """One of these returns.

    Args:
        kind: ``sum``, ``min``, ``max``, ``spread``, ``agent`` or ``team``.
        name: of the agent or the team.
    """

    kind: str = "sum"
    name: str = ""

    @classmethod
    def parse(cls, text: object) -> WhoseReturn:
        """Read the value of a setting.

        Raises:
            UsageError: it is none of ``WHOSE_RETURN``.
        """
        kind, colon, name = text.partition(":") if isinstance(text, str) else ("", "", "")
        is_named = kind in ("agent", "team")
        if kind in _WORDS and bool(colon) == bool(name) == is_named:
            return cls(kind, name)
        raise UsageError(f"expected {WHOSE_RETURN}, got {text!r:.100}")

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind

    @property
    def words(self) -> str:
        """Such as ``the return of agent 'red_0'``."""
        return _WORDS[self.kind][0].format(self.name)

    @property
    def plural(self) -> str:
        """The same of several episodes: ``returns of agent 'red_0'``."""
        return _WORDS[self.kind][1].format(self.name)

    def of(self, total: float, agents: Sequence[AgentReturn]) -> float | None:
        """The return in an episode; None if the episode has no such agent or team.

        Args:
            total: the episode's return; a single agent's is the same.
            agents: empty for a single agent.
        """
        if self.kind == "sum":
            return total
        if self.name:
            found = [it.return_ for it in agents if self.name == (it.agent_id if self.kind == "agent" else it.team)]
            return sum(found) if found else None
        returns = [it.return_ for it in agents] or [total]
        if any(value != value for value in returns):
            return float("nan")
        if self.kind == "spread":
            return max(returns) - min(returns)
        return min(returns) if self.kind == "min" else max(returns)


_WORDS = {
    "sum": ("the return", "returns"),
    "min": ("the lowest return of an agent", "lowest returns of an agent"),
    "max": ("the highest return of an agent", "highest returns of an agent"),
    "spread": ("the spread of the agents' returns", "spreads of the agents' returns"),
    "agent": ("the return of agent '{}'", "returns of agent '{}'"),
    "team": ("the return of team '{}'", "returns of team '{}'"),
}
