"""The table of agents in files, and the columns of one agent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recorder.agents import MAX_AGENTS, AgentInfo, pack_agents
from recorder.agents.columns import agent_column, agent_columns, parse_agent_column, presence
from recorder.episode import EpisodeMetadata
from recorder.episode_file import open_episode
from recorder.errors import EpisodeFileCorruptError, UsageError
from recorder.schema import STEP_FIELDS
from tests.agent_episodes import JOINS_AT, LEAVES_AT, agent_episode_table, write_agent_episode
from tests.episodes import make_episode_file


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("compression", ["lz4", "none"])
def test_a_file_has_the_table_of_its_agents_and_their_columns(tmp_path: Path, version: int, compression: str) -> None:
    path = write_agent_episode(tmp_path / "episode", version=version, compression=compression)
    episode = open_episode(path.read_bytes())
    assert episode.metadata.agents == agent_episode_table(40)
    columns = episode.columns()
    stays, leaves, joins = episode.metadata.agents
    assert presence(columns, stays).all()
    assert presence(columns, leaves).tolist() == [step < LEAVES_AT for step in range(40)]
    assert presence(columns, joins).tolist() == [step >= JOINS_AT for step in range(40)]
    for agent in episode.metadata.agents:
        own = agent_columns(columns, agent)
        assert own["position"].shape == (40, 2)
        assert own["action"].shape == (40,)
        assert own["reward"].sum() == agent.return_
        assert not own["extras.speed"][~presence(columns, agent)].any()
        assert np.flatnonzero(own["terminated"] | own["truncated"]).tolist() == [agent.last_step]


def test_a_file_of_one_agent_says_nothing_of_agents() -> None:
    assert "agents" not in EpisodeMetadata().to_map()
    assert open_episode(make_episode_file()).metadata.agents == ()


def test_names_of_columns_are_read_back() -> None:
    for field in (*STEP_FIELDS, "present", "extras.speed", "extras.a.b"):
        assert parse_agent_column(agent_column(17, field)) == (17, field)
    for name in (
        "reward",
        "extras.agents.0",
        "extras.agents.-1.reward",
        "extras.agents.0.unknown",
        "extras.agents.roster",
    ):
        assert parse_agent_column(name) is None


def test_slots_that_no_column_has_are_empty() -> None:
    columns = {"reward": np.ones(5), agent_column(0, "present"): np.ones((5, 2), np.bool_)}
    for agent in (AgentInfo("a", slot=2**40), AgentInfo("b", group=3)):
        assert presence(columns, agent).tolist() == [False] * 5
        assert agent_columns(columns, agent) == {}


def test_unknown_keys_of_an_agent_are_ignored() -> None:
    table = [{**pack_agents([AgentInfo("a", "red", return_=2.0)])[0], "policy": "main"}]
    assert EpisodeMetadata.from_map({"agents": table}).agents == (AgentInfo("a", "red", return_=2.0),)


@pytest.mark.parametrize(
    "table",
    [
        7,
        "a",
        ["a"],
        {"a": 1},
        [{}],
        [{"agent_id": ""}],
        [{"agent_id": 3}],
        [{"agent_id": "a" * 257}],
        [{"agent_id": "a", "team": None}],
        [{"agent_id": "a", "outcome": "won"}],
        [{"agent_id": "a", "outcome": []}],
        [{"agent_id": "a", "slot": -1}],
        [{"agent_id": "a", "group": 2**63}],
        [{"agent_id": "a", "n_steps": "many"}],
        [{"agent_id": "a", "return": "much"}],
        [{"agent_id": "a"}, {"agent_id": "a"}],
        [{"agent_id": str(number)} for number in range(MAX_AGENTS + 1)],
    ],
    ids=range(17),
)
def test_a_hostile_table_is_refused(table: Any) -> None:
    with pytest.raises(UsageError, match="agents: expected a table"):
        EpisodeMetadata.from_map({"agents": table})


def test_a_file_with_a_hostile_table_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.agents.info.MAX_AGENTS", 2)
    path = tmp_path / "episode"
    monkeypatch.setattr(EpisodeMetadata, "to_map", lambda self: {"agents": pack_agents(self.agents)})
    write_agent_episode(path)
    with pytest.raises(EpisodeFileCorruptError, match="agents: expected a table"):
        open_episode(path.read_bytes())
