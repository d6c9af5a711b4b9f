"""The snippets of the page on several agents run."""

from __future__ import annotations

from pathlib import Path

from tests.agent_episodes import write_agent_episode
from tests.docs.pages import blocks, page
from tests.processes import run_python


def test_the_pages_snippets_record_and_read_several_agents(tmp_path: Path) -> None:
    record, play, read = blocks(page("docs/agents.md"), "python")
    write_agent_episode(tmp_path / "episode_000000.msgpack.lz4")
    status, output = run_python(
        ["-c", "\nassert recorder.stats().n_errors == 0\n".join((record, play, read))], folder=tmp_path
    )
    assert status == 0, output
    assert "red_1 red 10.0 [" in output
