"""The criteria and the database of the original protocol, with a real Redis and a real worker."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from recorder import EpisodeRecorder
from recorder.catalog import Catalog
from recorder.redis_server.embedded import EmbeddedServer
from tests.original_protocol import CONFIGURATION
from tests.processes import PythonProcess
from tests.waiting import wait_until
from tests.worker.cluster import SHORT_WAITS
from tests.worker.recording import QUICK
from worker.criteria import (
    PerformanceCriterion,
    PeriodicCriterion,
    StageBoundariesCriterion,
    StageTransitionCriterion,
)

N_EPISODES = 220
TRANSITION = 120
"""The first episode of stage 2."""


def reward_of(episode_id: int) -> float:
    """Between 0 and 499, without a trend."""
    return float(episode_id * 7919 % 500)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """The catalog after a run of 220 episodes, 120 in stage 1 and the rest in stage 2."""
    place = tmp_path_factory.mktemp("original")
    (place / "config.yaml").write_text(CONFIGURATION)
    with EmbeddedServer(place / "server") as server:
        environment = {
            **SHORT_WAITS,
            "HAMLET_RECORDER_CONFIG": str(place / "config.yaml"),
            "HAMLET_RECORDER_REDIS__URL": server.url,
            "HAMLET_RECORDER_RECORDINGS_DIR": str(place / "recordings"),
            "HAMLET_RECORDER_DATABASE": str(place / "demo.db"),
        }
        arguments = ("-m", "recorder", "worker", "--queues", "ingest,maintenance", "--concurrency", "1")
        with PythonProcess(*arguments, environment=environment) as worker:
            worker.wait_for("worker: serves")
            with EpisodeRecorder(server.url, run_id="demo", limits=QUICK, strict=True) as recorder:
                for episode_id in range(N_EPISODES):
                    for step in range(3):
                        recorder.record_step(episode_id, step, (3, 4), (0.5,) * 8, 2, 1.0)
                    stage = 1 if episode_id < TRANSITION else 2
                    recorder.finish_episode(
                        episode_id, {"curriculum_stage": stage, "total_reward": reward_of(episode_id)}
                    )
            with Catalog(place / "demo.db") as catalog:

                def is_done() -> bool:
                    runs = catalog.list_runs()
                    unwritten = catalog.list_episodes(decision="kept", recorded=False, limit=1).episodes
                    return bool(runs) and runs[0].ended_at is not None and not unwritten

                wait_until(is_done, message="the end of the run")
                yield catalog


def ids(db: Catalog, reason: str) -> list[int]:
    return [row["episode_id"] for row in db.query_recordings(reason=reason, order="episode_id")]


def test_the_criteria_are_made_as_in_the_original_protocol() -> None:
    periodic = PeriodicCriterion(interval=100)
    stage_transition = StageTransitionCriterion(
        lookback=5,  # Record last 5 episodes before transition
        lookahead=5,  # Record first 5 after transition
    )
    performance = PerformanceCriterion(
        top_percentile=10.0,  # Top 10%
        bottom_percentile=10.0,  # Bottom 10%
        history_window=100,  # Recent 100 episodes
    )
    stage_boundaries = StageBoundariesCriterion(record_first_n=5, record_last_n=5)
    names = [it.name for it in (periodic, stage_transition, performance, stage_boundaries)]
    assert names == ["periodic", "stage_transitions", "performance", "stage_boundaries"]


def test_every_hundredth_episode_is_recorded(db: Catalog) -> None:
    assert ids(db, "periodic_100") == [0, 100, 200]


def test_the_five_episodes_before_and_after_the_transition_are_recorded(db: Catalog) -> None:
    assert ids(db, "stage_1_pre_transition") == list(range(TRANSITION - 5, TRANSITION))
    assert ids(db, "stage_2_post_transition") == list(range(TRANSITION, TRANSITION + 5))


def test_the_first_and_last_five_episodes_of_each_stage_are_recorded(db: Catalog) -> None:
    for number in range(1, 6):
        assert ids(db, f"stage_1_first_{number}") == [number - 1]
        assert ids(db, f"stage_1_last_{number}") == [TRANSITION - number]
        assert ids(db, f"stage_2_first_{number}") == [TRANSITION + number - 1]
        assert ids(db, f"stage_2_last_{number}") == [N_EPISODES - number]


def test_the_best_and_worst_tenth_are_recorded(db: Catalog) -> None:
    top, bottom = ids(db, "top_10.0pct"), ids(db, "bottom_10.0pct")
    assert 0.05 * N_EPISODES < len(top) < 0.15 * N_EPISODES
    assert 0.05 * N_EPISODES < len(bottom) < 0.15 * N_EPISODES
    assert min(map(reward_of, top)) > max(map(reward_of, bottom))


def test_the_original_query_finds_its_rows(db: Catalog) -> None:
    found = db.query_recordings(stage=2, reason="periodic_100", min_reward=100.0, max_reward=500.0, limit=50)
    assert [row["episode_id"] for row in found] == [200]
    assert found[0]["total_reward"] == reward_of(200) >= 100.0
    assert db.query_recordings(stage=1, reason="periodic_100", min_reward=500.0) == []
    assert len(db.query_recordings(limit=7)) == 7


def test_the_table_has_the_original_columns(db: Catalog) -> None:
    columns = (
        "episode_id, survival_steps, total_reward, curriculum_stage, recording_reason, timestamp, file_path, "
        "file_size_bytes, compressed_size_bytes"
    )
    connection = sqlite3.connect(db.url.removeprefix("sqlite:///"))
    try:
        row = connection.execute(f"SELECT {columns} FROM recordings WHERE episode_id = 100").fetchone()
    finally:
        connection.close()
    assert row[:5] == (100, 3, reward_of(100), 1, "periodic_100")
    assert row[6] == "demo/episode_000100.msgpack.lz4"
    assert 0 < row[8] < row[7] + 1000
