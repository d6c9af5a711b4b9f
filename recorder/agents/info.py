"""The table of agents in an episode's metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from recorder.values.field_values import read_float, read_integer, read_text
from recorder.values.text import sanitize_text

__all__ = ["ACTION_NAMES", "MAX_AGENTS", "MAX_AGENT_ID_LETTERS", "OUTCOMES", "AgentInfo", "pack_agents", "read_agents"]

MAX_AGENTS = 1024
"""Of one episode: the table stands in the header of its file, which is bounded."""

ACTION_NAMES = "agent_action_names"
"""Key of an episode's ``info``: names of the actions by agent, where agents have different ones."""

MAX_AGENT_ID_LETTERS = 256
"""Also of the name of a team."""

OUTCOMES = ("", "terminated", "truncated")
"""How an agent ended; empty if the environment did not end it."""


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """One agent of an episode.

    Args:
        agent_id: its name in the environment.
        team: the name of its team; empty without one.
        group: number of the group that its columns belong to.
        slot: its place on the axis of the group's columns.
        first_step, last_step: numbers of the first and the last step in which it was present; -1 while unknown.
        return_: ``return_of`` its rewards.
        n_steps: number of steps in which it was present.
        outcome: one of ``OUTCOMES``.
    """

    agent_id: str
    team: str = ""
    group: int = 0
    slot: int = 0
    first_step: int = -1
    last_step: int = -1
    return_: float = 0.0
    n_steps: int = 0
    outcome: str = ""


def pack_agents(agents: Iterable[AgentInfo]) -> list[dict[str, Any]]:
    """The table as files, streams and answers have it."""
    return [
        {
            "agent_id": agent.agent_id,
            "team": agent.team,
            "group": agent.group,
            "slot": agent.slot,
            "first_step": agent.first_step,
            "last_step": agent.last_step,
            "return": agent.return_,
            "n_steps": agent.n_steps,
            "outcome": agent.outcome,
        }
        for agent in agents
    ]


def read_agents(source: Any) -> tuple[AgentInfo, ...]:
    """Inverse of ``pack_agents``; unknown keys are ignored, and missing ones get their defaults.

    Raises:
        TypeError, ValueError, AttributeError: it is no table of at most ``MAX_AGENTS`` agents with different ids.
    """
    if source is None:
        return ()
    if not isinstance(source, list | tuple) or len(source) > MAX_AGENTS:
        raise ValueError
    agents = tuple(item if isinstance(item, AgentInfo) else _read_agent(item) for item in source)
    if len({agent.agent_id for agent in agents}) != len(agents):
        raise ValueError
    return agents


def _read_agent(source: Mapping[str, Any]) -> AgentInfo:
    agent_id, team = (sanitize_text(read_text(source.get(name, ""))) for name in ("agent_id", "team"))
    outcome = source.get("outcome", "")
    if not 0 < len(agent_id) <= MAX_AGENT_ID_LETTERS or len(team) > MAX_AGENT_ID_LETTERS or outcome not in OUTCOMES:
        raise ValueError
    counts = {}
    for name, least in (("group", 0), ("slot", 0), ("first_step", -1), ("last_step", -1), ("n_steps", 0)):
        counts[name] = read_integer(source.get(name, least))
        if not least <= counts[name] < 2**63:
            raise ValueError
    return AgentInfo(agent_id, team, return_=read_float(source.get("return", 0.0)), outcome=outcome, **counts)
