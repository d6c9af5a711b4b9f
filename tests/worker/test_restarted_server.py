"""A worker outlives whatever its server does: restarts at random moments, and wreckage of a lost connection."""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.capture.killable_server import KillableServer
from tests.processes import PythonProcess
from tests.waiting import wait_until
from tests.worker.cluster import Cluster, open_cluster
from tests.worker.test_worker_process import assert_whole, record

N_RESTARTS = 8

WRECKAGE = """
import sys
from celery import bootsteps
from recorder.settings import load_settings
from worker.app import create_app, run_worker

class Wreckage(bootsteps.StartStopStep):
    requires = ("celery.worker.consumer.tasks:Tasks",)
    n_starts = 0

    def start(self, consumer):
        Wreckage.n_starts += 1
        print(f"connected {Wreckage.n_starts} times", flush=True)
        if Wreckage.n_starts <= 2:
            consumer.hub.call_soon(lambda: consumer.no_such_thing.hostname)

settings = load_settings()
app = create_app(settings, redis_url=settings.redis.url)
app.steps["consumer"].add(Wreckage)
sys.exit(run_worker(app, queues=["ingest", "maintenance"], concurrency=1, loglevel="WARNING", quiet=True,
                    without_gossip=True, without_mingle=True))
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KillableServer]:
    (tmp_path / "data").mkdir()
    with KillableServer(tmp_path / "data") as server:
        yield server


@pytest.fixture
def cluster(server: KillableServer, tmp_path: Path) -> Iterator[Cluster]:
    with open_cluster(tmp_path, server.url) as cluster:
        yield cluster


def test_a_worker_survives_restarts_of_redis_at_random_moments(cluster: Cluster, server: KillableServer) -> None:
    seed = random.randrange(sys.maxsize)
    print(f"seed {seed}")
    chance = random.Random(seed)
    record(server.url, "before", range(5))
    with cluster.worker() as worker:
        worker.wait_for("worker: serves")
        for _ in range(N_RESTARTS):
            server.kill()
            n_before = len(worker.output)
            if chance.random() < 0.5:  # let it meet the outage; else the next server is there before it looks
                wait_until(lambda n=n_before: "tick: will try again" in worker.output[n:], message="the outage")  # type: ignore[misc]
            server.start()
            assert worker.process.poll() is None, worker.output
        record(server.url, "after", range(5))
        cluster.wait_until_ended("after", 120)
        assert worker.process.poll() is None, worker.output
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, worker.output
        assert "DeprecationWarning" not in worker.output
    assert_whole(cluster, "after", range(5))


def test_an_unexpected_error_makes_a_worker_reconnect_not_exit(cluster: Cluster) -> None:
    with PythonProcess("-c", WRECKAGE, environment=cluster.environment()) as worker:
        worker.wait_for("connected 3 times")
        record(cluster.url, "on", range(3))
        cluster.wait_until_ended("on")
        assert worker.process.poll() is None
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, worker.output
        assert "no_such_thing" in worker.output
        assert worker.output.count("Traceback") == 1  # once a minute
    assert_whole(cluster, "on", range(3))


LOST_ACKNOWLEDGEMENT = """
import sys
import redis
from kombu.transport.redis import QoS
from recorder.settings import load_settings
from worker.app import create_app, run_worker

losses, acknowledge = iter([1]), QoS.ack

def lose_the_first(qos, tag):
    for _ in losses:
        print("an acknowledgement is lost", flush=True)
        raise redis.exceptions.ConnectionError("the connection was closed")
    return acknowledge(qos, tag)

QoS.ack = lose_the_first
settings = load_settings()
app = create_app(settings, redis_url=settings.redis.url)
sys.exit(run_worker(app, queues=["ingest", "maintenance"], concurrency=1, loglevel="WARNING", quiet=True,
                    without_gossip=True, without_mingle=True))
"""


def test_a_worker_whose_acknowledgement_was_lost_continues_after_reconnecting(cluster: Cluster) -> None:
    with PythonProcess("-c", LOST_ACKNOWLEDGEMENT, environment=cluster.environment()) as worker:
        worker.wait_for("an acknowledgement is lost")
        record(cluster.url, "on", range(3))
        cluster.wait_until_ended("on")
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, worker.output
    assert_whole(cluster, "on", range(3))
