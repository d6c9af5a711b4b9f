"""A real worker that keeps episodes by the return of one agent."""

from __future__ import annotations

from pathlib import Path

from recorder import EpisodeRecorder
from recorder.redis_server.embedded import EmbeddedServer
from tests.worker.cluster import open_cluster, workers
from tests.worker.recording import QUICK

_N_EPISODES = 30
_BEST = 25
_WITHOUT_RED = 7


def test_the_return_of_one_agent_decides_and_why_names_it(tmp_path: Path) -> None:
    criteria = {
        "HAMLET_RECORDER_CRITERIA__PERFORMANCE__OF": "agent:red_0",
        "HAMLET_RECORDER_CRITERIA__PERFORMANCE__BOTTOM_PERCENTILE": "0",
        "HAMLET_RECORDER_CRITERIA__PERIODIC__ENABLED": "false",
        "HAMLET_RECORDER_CRITERIA__STAGE_BOUNDARIES__ENABLED": "false",
    }
    with EmbeddedServer(tmp_path / "server") as server, open_cluster(tmp_path, server.url) as cluster:
        with (
            workers(cluster, 1, **criteria) as (worker,),
            EpisodeRecorder(server.url, run_id="teams", limits=QUICK, strict=True) as recorder,
        ):
            for episode_id in range(_N_EPISODES):
                red = 10.0 if episode_id == _BEST else float(episode_id % 3)
                for step in range(3):  # the return of the episode is the same in all of them
                    agents = {"red_0": {"reward": red}, "blue_0": {"reward": 100.0 - red}}
                    if episode_id == _WITHOUT_RED:
                        del agents["red_0"]
                    recorder.record_agents(episode_id, step, agents)
                returns = {"red_0": 1.0} if episode_id == _N_EPISODES - 1 else None
                recorder.finish_episode(episode_id, agent_returns=returns)
            recorder.close()
            cluster.wait_until_ended("teams")
            said = worker.output
        assert cluster.rows("teams")[_BEST].reasons == ("top_10.0pct",)
        agents = {it.agent_id: it.return_ for it in cluster.catalog.list_agents("teams", _BEST)}
        assert agents == {"red_0": 30.0, "blue_0": 270.0}
        why = {number: row.why[-1] for number, row in cluster.rows("teams").items()}
        assert (why[_BEST]["value"], why[_N_EPISODES - 1]["value"]) == (30.0, 1.0)
        assert "returns of agent 'red_0'" in why[_BEST]["detail"]
        assert why[_WITHOUT_RED]["detail"] == "not judged: the episode has no agent 'red_0'"
        assert said.count("it has 'blue_0'. Said once.") == 1
