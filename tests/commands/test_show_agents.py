"""``show``, ``list`` and ``stats`` on episodes of several agents, and the catalog that is rebuilt from their files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recorder import EpisodeRecorder, RecordingWriter
from tests.command_line import Call


@pytest.fixture
def teams(tmp_path: Path) -> Path:
    """A folder with an episode of two agents and one of a single agent."""
    recorder = EpisodeRecorder(run_id="teams", strict=True)
    with RecordingWriter(recorder, tmp_path / "catalog.db", tmp_path, criteria={"periodic": {"interval": 1}}):
        for step in range(5):
            agents = {"red_0": {"reward": 1.5}, "blue_0": {"reward": 2.0, "terminated": step == 2}}
            recorder.record_agents(0, step, agents if step < 3 else {"red_0": {"reward": 1.5}}, teams={"red_0": "red"})
        recorder.finish_episode(0)
        recorder.record_step(1, 0, (0, 0), [1.0], 0, reward=1.0)
        recorder.finish_episode(1)
    return tmp_path


def test_show_names_the_agents_of_an_episode(call: Call, teams: Path) -> None:
    text = call("show", 0, "--recordings", teams).out
    assert re.search(r"agent red_0\n +Team +red\n +Return +7.5\n +Steps +5, from 0 to 4\n +Outcome +not ended\n", text)
    assert re.search(r"agent blue_0\n +Return +6\n +Steps +3, from 0 to 2\n +Outcome +terminated\n", text)
    agents = call("show", 0, "--recordings", teams, "--json").document["episode"]["agents"]
    assert [(agent["agent_id"], agent["return"]) for agent in agents] == [("red_0", 7.5), ("blue_0", 6.0)]


def test_lists_find_agents_also_in_a_catalog_rebuilt_from_the_files(call: Call, teams: Path) -> None:
    for rebuilt in (False, True):
        if rebuilt:
            (teams / "catalog.db").unlink()
            assert call("reindex", "--recordings", teams).status == 0
        text = call("list", "--recordings", teams, "--agent", "blue_0").out
        heading, row = text.splitlines()[1:3]
        assert re.search(r"return +agents +return of agent", heading), text
        assert re.search(r"13.50 +2 +6.00 ", row), text
        rows = call("list", "--recordings", teams, "--json").document
        assert [(row["episode_id"], row["n_agents"]) for row in rows] == [(1, None), (0, 2)]
        assert call("list", "--recordings", teams, "--json", "--agent", "green").document == []
        assert "highest return of the agent first" in call(
            "list", "--recordings", teams, "--agent", "blue_0", "--order", "agent", "--limit", "0"
        ).out  # fmt: skip
        assert "give the agent, --agent ID" in call("list", "--recordings", teams, "--order", "agent").err
        text = call("stats", "--recordings", teams).out
        assert re.search(
            r"agents in recordings\n.*\nteams +blue_0 +1 +6.00 +3 *\nteams +red_0 +red +1 +7.50 +5 *\n", text
        ), text
        agents = call("stats", "--recordings", teams, "--json").document["recorded_runs"][0]["agents"]
        assert [(agent["agent_id"], agent["mean_return"]) for agent in agents] == [("blue_0", 6.0), ("red_0", 7.5)]


def test_a_list_without_several_agents_has_no_columns_for_them(call: Call, recordings: Path) -> None:
    assert "agents" not in call("list", "--recordings", recordings).out
    assert "agents" not in call("stats", "--recordings", recordings).out
