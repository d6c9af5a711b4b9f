"""A worker beside a quick trainer looks for more at once, not only at the next tick."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import redis

from recorder.capture import EpisodeRecorder
from recorder.settings import load_settings
from recorder.step_stream import Flush, MemoryStepStream
from tests.step_stream.entries import RUN, finished
from tests.waiting import wait_until
from tests.worker.cluster import open_cluster
from worker.app import create_app
from worker.tasks import EVALUATE, SWEEP, WRITE
from worker.tick import due_tasks


@pytest.mark.parametrize(("n_episodes", "looks_again"), [(40, True), (3, False)])
def test_a_task_that_finds_many_ended_episodes_is_followed_by_another_after_its_writes(
    redis_url: str, redis_client: redis.Redis, tmp_path: Path, n_episodes: int, looks_again: bool
) -> None:
    with EpisodeRecorder(redis_url, run_id="quick", strict=True) as recorder:
        for episode_id in range(n_episodes):
            recorder.record_step(episode_id, 0, (), (), 0, 1.0)
            recorder.finish_episode(episode_id)
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"recording": {"criteria": {"periodic": {"interval": 1}}}}))
    places = {
        "HAMLET_RECORDER_REDIS__URL": redis_url,
        "HAMLET_RECORDER_RECORDINGS_DIR": str(tmp_path),
        "HAMLET_RECORDER_DATABASE": str(tmp_path / "catalog.db"),
    }
    app = create_app(load_settings(config, env=places), redis_url=redis_url)
    app.tasks[EVALUATE]("quick")
    queued = [json.loads(message)["headers"]["task"] for message in redis_client.lrange("hamlet:ingest", 0, -1)]
    app.close()
    assert queued.count(WRITE) >= 1
    assert queued.count(EVALUATE) == looks_again
    assert not looks_again or queued[0] == EVALUATE, "a queue is read from its end"


def test_an_end_before_the_tick_is_looked_for_once_by_all_workers() -> None:
    stream = MemoryStepStream()
    stream.beat(RUN, "p1", {}, info=None, now=1.0)
    stream.send(RUN, Flush(finished=[finished(n=1)]))
    due = [due_tasks(stream, tick_secs=60, sweep_secs=60, is_early=is_early) for is_early in (False, False, True, True)]
    assert [[name for name, *_ in tasks] for tasks in due] == [[EVALUATE, SWEEP], [], [EVALUATE], []]


def test_an_end_after_a_pause_is_decided_long_before_the_next_tick(redis_url: str, tmp_path: Path) -> None:
    with (
        open_cluster(tmp_path, redis_url) as cluster,
        cluster.worker(HAMLET_RECORDER_INGEST__TICK_SECS="60") as worker,
    ):
        worker.wait_for("worker: serves")
        with EpisodeRecorder(redis_url, run_id="slow", strict=True) as recorder:
            recorder.record_step(7, 0, (), (), 0, 1.0)
            recorder.finish_episode(7)
            wait_until(lambda: list(cluster.rows("slow")) == [7], 50.0, "its row in the catalog")
