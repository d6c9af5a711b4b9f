"""``show`` on an episode of several agents."""

from __future__ import annotations

import re
from pathlib import Path

from recorder import EpisodeRecorder, RecordingWriter
from tests.commands.conftest import Call


def test_show_names_the_agents_of_an_episode(call: Call, tmp_path: Path) -> None:
    recorder = EpisodeRecorder(run_id="teams", strict=True)
    with RecordingWriter(recorder, tmp_path / "catalog.db", tmp_path, criteria={"periodic": {"interval": 1}}):
        for step in range(5):
            agents = {"red_0": {"reward": 1.5}, "blue_0": {"reward": 2.0, "terminated": step == 2}}
            recorder.record_agents(0, step, agents if step < 3 else {"red_0": {"reward": 1.5}}, teams={"red_0": "red"})
        recorder.finish_episode(0)
    text = call("show", 0, "--recordings", tmp_path).out
    assert re.search(r"agent red_0\n +Team +red\n +Return +7.5\n +Steps +5, from 0 to 4\n +Outcome +not ended\n", text)
    assert re.search(r"agent blue_0\n +Return +6\n +Steps +3, from 0 to 2\n +Outcome +terminated\n", text)
    agents = call("show", 0, "--recordings", tmp_path, "--json").document["episode"]["agents"]
    assert [(agent["agent_id"], agent["return"]) for agent in agents] == [("red_0", 7.5), ("blue_0", 6.0)]
