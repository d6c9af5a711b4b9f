"""A server whose memory is full refuses locks, tasks and Celery's own notes: workers make room all the same, and outlive it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import redis

from recorder import EpisodeRecorder
from recorder.redis_server.client import make_client
from recorder.redis_server.embedded import EmbeddedServer
from recorder.step_stream import FIRST_CURSOR, RedisStepStream
from tests.waiting import wait_until
from tests.worker.cluster import Cluster, open_cluster, workers
from tests.worker.recording import QUICK, play, value_of


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path / "server") as server:
        yield server


@pytest.fixture
def admin(server: EmbeddedServer) -> Iterator[redis.Redis]:
    client = make_client(server.url, purpose="server")
    yield client
    client.close()


@pytest.fixture
def cluster(server: EmbeddedServer, tmp_path: Path) -> Iterator[Cluster]:
    with open_cluster(tmp_path, server.url) as cluster:
        yield cluster


def record(url: str, run_id: str, n_episodes: int) -> None:
    with EpisodeRecorder(url, run_id=run_id, limits=QUICK, strict=True) as recorder:
        for episode_id in range(n_episodes):
            play(recorder, episode_id)
            recorder.keep(episode_id, "all")


def assert_whole_and_gone_from_the_server(cluster: Cluster, run_id: str, n_episodes: int) -> None:
    assert cluster.recorded_ids(run_id) == list(range(n_episodes))
    for episode_id in range(n_episodes):
        meters = cluster.episode(run_id, episode_id).column("meters")
        np.testing.assert_array_equal(meters, value_of(episode_id, 20))
    stream = RedisStepStream(cluster.url)
    wait_until(lambda: stream.episodes_held(run_id) == [], message="no stream of an episode")
    wait_until(lambda: not stream.read_finished(run_id, after=FIRST_CURSOR, limit=1), message="no unread end")
    stream.close()


def test_workers_that_start_on_a_full_redis_empty_it_and_continue(cluster: Cluster, admin: redis.Redis) -> None:
    record(cluster.url, "before", 40)
    admin.config_set("maxmemory", 1)
    with workers(cluster, 2) as (one, other):
        cluster.wait_until_ended("before")
        assert_whole_and_gone_from_the_server(cluster, "before", 40)
        for worker in (one, other):
            worker.wait_for("can't hand out tasks; a fallback process does the work")
        admin.config_set("maxmemory", 0)
        for worker in (one, other):
            worker.wait_for("tasks can be handed out again")
        record(cluster.url, "after", 10)
        cluster.wait_until_ended("after")
        assert_whole_and_gone_from_the_server(cluster, "after", 10)
        assert one.process.poll() is other.process.poll() is None
        for worker in (one, other):
            assert worker.output.count("can't hand out tasks") == 1
            assert "Traceback" not in worker.output, worker.output


def test_a_redis_that_fills_up_while_a_worker_runs_is_emptied(cluster: Cluster, admin: redis.Redis) -> None:
    with workers(cluster, 1) as (worker,):
        record(cluster.url, "first", 5)
        cluster.wait_until_ended("first")
        record(cluster.url, "second", 200)
        admin.config_set("maxmemory", 1)
        cluster.wait_until_ended("second", 90)
        assert_whole_and_gone_from_the_server(cluster, "second", 200)
        admin.config_set("maxmemory", 0)
        record(cluster.url, "third", 5)
        cluster.wait_until_ended("third")
        assert worker.process.poll() is None
        assert "Traceback" not in worker.output, worker.output


def test_a_full_separate_broker_blocks_neither_writing_nor_shutdown(cluster: Cluster, tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "broker") as broker:
        admin = make_client(broker.url, purpose="server")
        admin.config_set("maxmemory", 1)
        record(cluster.url, "run", 10)
        with workers(cluster, 1, HAMLET_RECORDER_REDIS__BROKER_URL=broker.url) as (worker,):
            cluster.wait_until_ended("run")
            assert_whole_and_gone_from_the_server(cluster, "run", 10)
            worker.signal(signal.SIGTERM)
            assert worker.wait(30) == 0, worker.output
        admin.close()
