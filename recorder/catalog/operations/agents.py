"""Operations on ``recording_agents``: the agents of recordings that have several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from sqlalchemy import func, insert, select
from sqlalchemy.engine import Connection

from recorder.agents import AgentInfo
from recorder.catalog.base import CatalogBase
from recorder.catalog.lists.keys import delete_of_episodes
from recorder.catalog.locks import in_batches
from recorder.catalog.models import recording_agents
from recorder.catalog.rows import RecordingRow

__all__ = ["AgentOperations", "AgentSummary", "replace_agents"]

_c = recording_agents.c

_Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class AgentSummary:
    """An agent of a run: its recordings, and the means over them.

    Args:
        team: its last one, by the alphabet.
        mean_return: over its finite returns; None if it has none.
    """

    agent_id: str
    team: str
    n_recordings: int
    mean_return: float | None
    mean_steps: float


class AgentOperations(CatalogBase):
    """Agents of recordings."""

    def list_agents(self, run_id: str, episode_id: int) -> list[AgentInfo]:
        """The agents of a recording, in the order in which they joined; empty for a single agent."""
        columns = [column for column in recording_agents.columns if column.name not in ("run_id", "episode_id")]
        query = select(*columns).where(_c.run_id == run_id, _c.episode_id == episode_id)
        query = query.order_by(_c.first_step, _c.agent_group, _c.slot)
        with self._reading() as connection:
            return [
                AgentInfo(
                    agent_id=row.agent_id,
                    team=row.team,
                    group=row.agent_group,
                    slot=row.slot,
                    first_step=row.first_step,
                    last_step=row.last_step,
                    return_=row.total_reward,
                    n_steps=row.n_steps,
                    outcome=row.outcome,
                )
                for row in connection.execute(query)
            ]

    def count_agents(self, keys: Iterable[_Key]) -> dict[_Key, int]:
        """Number of agents by run and episode, of those of the recordings that have several."""
        by_run = _by_run(keys)
        found: dict[_Key, int] = {}
        with self._reading() as connection:
            for run_id, episode_ids in by_run.items():
                for ids in in_batches(episode_ids):
                    query = select(_c.episode_id, func.count()).where(_c.run_id == run_id, _c.episode_id.in_(ids))
                    rows = connection.execute(query.group_by(_c.episode_id))
                    found.update(((run_id, episode_id), n_agents) for episode_id, n_agents in rows)
        return found

    def returns_of_agent(self, agent_id: str, keys: Iterable[_Key]) -> dict[_Key, float]:
        """Returns of an agent by run and episode, of those of the recordings that have it."""
        by_run = _by_run(keys)
        found: dict[_Key, float] = {}
        with self._reading() as connection:
            for run_id, episode_ids in by_run.items():
                for ids in in_batches(episode_ids):
                    query = select(_c.episode_id, _c.total_reward).where(
                        _c.run_id == run_id, _c.episode_id.in_(ids), _c.agent_id == agent_id
                    )
                    rows = connection.execute(query)
                    found.update(((run_id, episode_id), return_) for episode_id, return_ in rows)
        return found

    def summarise_agents(self, run_id: str, *, limit: int) -> list[AgentSummary]:
        """The run's agents, those in most recordings first."""
        n_recordings = func.count()
        is_finite = (_c.total_reward > -inf) & (_c.total_reward < inf)  # NaN sorts above all numbers
        query = (
            select(
                _c.agent_id,
                func.max(_c.team),
                n_recordings,
                func.avg(_c.total_reward).filter(is_finite),
                func.avg(_c.n_steps),
            )
            .where(_c.run_id == run_id)
            .group_by(_c.agent_id)
            .order_by(n_recordings.desc(), _c.agent_id)
            .limit(limit)
        )
        with self._reading() as connection:
            return [
                AgentSummary(agent_id, team, n, None if mean is None else float(mean), float(mean_steps))
                for agent_id, team, n, mean, mean_steps in connection.execute(query)
            ]


def _by_run(keys: Iterable[_Key]) -> dict[str, list[int]]:
    by_run: dict[str, list[int]] = {}
    for run_id, episode_id in keys:
        by_run.setdefault(run_id, []).append(episode_id)
    return by_run


def replace_agents(connection: Connection, recordings: Sequence[RecordingRow]) -> None:
    """Set the agents of these recordings, as far as they are given; the rows of the recordings are written already."""
    given = [row for row in recordings if row.agents is not None]
    for run_id, episode_ids in _by_run((row.run_id, row.episode_id) for row in given).items():
        delete_of_episodes(connection, recording_agents, run_id, episode_ids)
    rows = [
        {
            "run_id": row.run_id,
            "episode_id": row.episode_id,
            "agent_id": agent.agent_id,
            "team": agent.team,
            "agent_group": agent.group,
            "slot": agent.slot,
            "first_step": agent.first_step,
            "last_step": agent.last_step,
            "total_reward": agent.return_,
            "n_steps": agent.n_steps,
            "outcome": agent.outcome,
        }
        for row in given
        for agent in row.agents or ()
    ]
    if rows:
        connection.execute(insert(recording_agents), rows)
