"""The snippets of the page on several agents run."""

from __future__ import annotations

from pathlib import Path

from recorder.step_stream import RedisStepStream
from tests.agent_episodes import write_agent_episode
from tests.capture.recorded import finished_episodes
from tests.docs.pages import blocks, page
from tests.processes import run_python


def test_the_pages_snippets_record_and_read_several_agents(tmp_path: Path, redis_url: str) -> None:
    record, play, read = blocks(page("docs/agents.md"), "python")
    play = play.replace("redis://localhost:6379/0", redis_url)
    write_agent_episode(tmp_path / "episode_000000.msgpack.lz4")
    status, output = run_python(
        [
            "-c",
            f"{record}\nassert recorder.stats().n_errors == 0\n{play}\nassert env.recorder.stats().n_errors == 0\n{read}",
        ],
        folder=tmp_path,
    )
    assert status == 0, output
    assert "red_1 red 10.0 [" in output
    stream = RedisStepStream(redis_url, purpose="worker")
    (game,) = finished_episodes(stream, "games").values()
    stream.close()
    assert [one.agent_id for one in game.metadata.agents] == ["player_1", "player_2"]
