"""Two worker processes on one server while trainers record: nothing twice, nothing missing, nothing decided differently."""

from __future__ import annotations

import threading
from collections import defaultdict
from pathlib import Path

import numpy as np

from recorder import EpisodeRecorder
from recorder.catalog import Catalog
from recorder.chunk import MAX_CHUNK_STEPS
from recorder.episode import EpisodeStatus
from recorder.step_stream import FIRST_CURSOR, Flush, MemoryStepStream, RedisStepStream
from recorder.storage import LocalStorage
from tests.processes import PythonProcess
from tests.waiting import wait_until
from tests.worker.cluster import CRITERIA, Cluster, decisions
from tests.worker.recording import QUICK, NotingStream, train, value_of
from worker.criteria import build_criteria
from worker.ingest import IngestContext, evaluate_run


def test_two_trainers_and_two_workers_decide_as_one_evaluator_would(cluster: Cluster, tmp_path: Path) -> None:
    stream = NotingStream(cluster.url)
    recorders = [EpisodeRecorder(stream, run_id="twin", limits=QUICK, strict=True) for _ in range(2)]
    threads = [
        threading.Thread(target=train, args=(recorder, lanes), kwargs={"stages": [1, 2], "n_episodes": 12})
        for recorder, lanes in zip(recorders, ([0, 1, 2, 3], [4, 5, 6, 7]), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for recorder in recorders:
        assert recorder.close()
    cluster.wait_until_ended("twin")
    rows = cluster.rows("twin")
    assert len(rows) == 8 * 2 * 12

    alone = MemoryStepStream()
    alone.send("twin", Flush(finished=[body for body in stream.ends if b"run_end" not in body]))
    alone.send("twin", Flush(finished=[body for body in stream.ends if b"run_end" in body][-1:]))
    with Catalog(tmp_path / "alone.db") as catalog:
        context = IngestContext(alone, catalog, LocalStorage(tmp_path), lambda: build_criteria(CRITERIA))
        evaluate_run(context, "twin")
        expected = {row.episode_id: row for row in catalog.list_episodes(run="twin", limit=1000).episodes}
    assert decisions(rows) == decisions(expected)

    kept = sorted(episode_id for episode_id, row in rows.items() if row.decision == "kept")
    assert cluster.recorded_ids("twin") == kept
    assert len(list((cluster.folder / "twin").iterdir())) == len(kept)
    for episode_id in kept:
        episode = cluster.episode("twin", episode_id)
        assert episode.gaps == ()
        np.testing.assert_array_equal(episode.column("meters"), value_of(episode_id, 20))
    by_lane = defaultdict(list)
    for row in rows.values():
        for reason in row.reasons:
            by_lane[row.lane, reason].append(row.episode_id)
    for lane in range(8):
        assert sorted(by_lane[lane, "stage_1_pre_transition"]) == [1000 * lane + 100 + n for n in range(7, 12)]
        assert sorted(by_lane[lane, "stage_2_post_transition"]) == [1000 * lane + 200 + n for n in range(5)]
    wait_until(lambda: stream.episodes_held("twin") == [], message="an empty stream")
    wait_until(lambda: stream.read_finished("twin", after=FIRST_CURSOR, limit=1) == [], message="no unread end")
    stream.close()


def test_all_steps_of_64_lanes_arrive(cluster: Cluster) -> None:
    n_lanes, n_calls = 64, 200
    random = np.random.default_rng(5)
    lengths = random.integers(40, 100, n_lanes)
    given = {
        "positions": random.integers(0, 8, (n_calls, n_lanes, 2)).astype(np.int16),
        "meters": random.random((n_calls, n_lanes, 8)).astype(np.float32),
        "actions": random.integers(0, 6, (n_calls, n_lanes)).astype(np.int16),
        "rewards": random.normal(size=(n_calls, n_lanes)).astype(np.float32),
        "q_values": random.normal(size=(n_calls, n_lanes, 6)).astype(np.float32),
    }
    columns = {
        "positions": "position",
        "meters": "meters",
        "actions": "action",
        "rewards": "reward",
        "q_values": "q_values",
    }
    steps, numbers = np.zeros(n_lanes, np.int64), np.zeros(n_lanes, np.int64)
    spans = {}
    with EpisodeRecorder(cluster.url, run_id="batch", limits=QUICK, strict=True, on_full="block") as recorder:
        for call in range(n_calls):
            episode_ids = numbers * n_lanes + np.arange(n_lanes)
            recorder.record_batch(episode_ids, steps, **{name: values[call] for name, values in given.items()})
            for lane in np.flatnonzero(steps + 1 == lengths):
                spans[int(episode_ids[lane])] = (int(lane), call + 1 - int(lengths[lane]), call + 1)
                recorder.keep(int(episode_ids[lane]), "all")
                recorder.finish_episode(int(episode_ids[lane]), {"lane": int(lane)})
            is_over = steps + 1 == lengths
            steps, numbers = np.where(is_over, 0, steps + 1), numbers + is_over
    cluster.wait_until_ended("batch", 90)
    assert set(spans) <= set(cluster.recorded_ids("batch"))
    for episode_id, (lane, first, end) in spans.items():
        episode = cluster.episode("batch", episode_id)
        for name, column in columns.items():
            np.testing.assert_array_equal(episode.column(column), given[name][first:end, lane], strict=True)
    open_ones = set(cluster.rows("batch")) - set(spans)
    assert {cluster.rows("batch")[episode_id].status for episode_id in open_ones} == {"truncated"}


DOOMED_TRAINER = """
import sys
from recorder import EpisodeRecorder
from recorder.capture import PublisherLimits
from recorder.chunk import decode_chunk
from recorder.framing import unpack_bounded
from recorder.schema import EpisodeSchema
from recorder.step_stream import RedisStepStream

class Acknowledged(RedisStepStream):
    n_steps, schema = 0, None
    def send(self, run_id, flush):
        gone = super().send(run_id, flush)
        for entry in flush.entries:
            if entry.kind == "h":
                self.schema = EpisodeSchema.from_list(unpack_bounded(entry.data, max_containers=1000)["schema"])
            elif entry.kind == "c":
                self.n_steps += decode_chunk(entry.data, self.schema).n_steps
        print("acknowledged", self.n_steps, flush=True)
        return gone

recorder = EpisodeRecorder(
    Acknowledged(sys.argv[1], purpose="trainer"), run_id="doomed", on_full="block",
    limits=PublisherLimits(flush_interval_secs=0.05, heartbeat_secs=0.2),
)
step = 0
while True:
    recorder.record_step(1, step, (step % 8, 3), (step * 0.5,), step % 4, float(step))
    step += 1
    if step % 50 == 0:
        import time; time.sleep(0.01)
"""


def test_every_acknowledged_step_of_a_killed_trainer_is_salvaged(cluster: Cluster) -> None:
    with PythonProcess("-c", DOOMED_TRAINER, cluster.url) as trainer:
        wait_until(lambda: n_acknowledged(trainer) > 3 * MAX_CHUNK_STEPS, message="a few acknowledged chunks")
        trainer.kill()
        promised = n_acknowledged(trainer)
        cluster.wait_until_ended("doomed")
    episode = cluster.episode("doomed", 1)
    assert episode.n_steps >= promised
    np.testing.assert_array_equal(episode.column("reward"), np.arange(episode.n_steps))
    assert episode.metadata.status is EpisodeStatus.SALVAGED
    assert "salvaged" in episode.reasons
    assert [(gap.first_step, gap.end_step) for gap in episode.gaps] == [(episode.n_steps, None)]
    assert cluster.rows("doomed")[1].status == "salvaged"


def n_acknowledged(trainer: PythonProcess) -> int:
    lines = [line.split() for line in trainer.output.splitlines(keepends=True) if line.endswith("\n")]
    return max((int(words[1]) for words in lines if words[0] == "acknowledged"), default=0)


def test_tasks_delivered_many_times_change_nothing(cluster: Cluster) -> None:
    from recorder.settings import load_settings
    from worker.app import create_app
    from worker.tasks import EVALUATE, SWEEP, WRITE

    app = create_app(load_settings(env={}), redis_url=cluster.url)
    stream = RedisStepStream(cluster.url)
    recorder = EpisodeRecorder(cluster.url, run_id="often", limits=QUICK, strict=True)
    with app.connection_for_write() as connection:
        for _ in range(3):
            train(recorder, [0], stages=[1 + _], n_episodes=6)
            for _ in range(5):
                app.send_task(EVALUATE, ["often"], queue="ingest", connection=connection)
                app.send_task(WRITE, ["often", list(range(100, 410))], queue="ingest", connection=connection)
                app.send_task(SWEEP, [], queue="maintenance", connection=connection)
        recorder.close()
    cluster.wait_until_ended("often")
    rows = cluster.rows("often")
    assert len(rows) == 18
    assert cluster.recorded_ids("often") == sorted(i for i, row in rows.items() if row.decision == "kept")
    assert not any(row.replaced_plays or row.error or row.parked for row in rows.values())
    for episode_id in cluster.recorded_ids("often"):
        np.testing.assert_array_equal(cluster.episode("often", episode_id).column("meters"), value_of(episode_id, 20))
    wait_until(lambda: stream.episodes_held("often") == [], message="an empty stream")
    stream.close()
