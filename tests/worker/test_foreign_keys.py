"""Another program writes under an installation's keys: unreadable keys are set aside, and every run continues."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest
import redis

from recorder.redis_server.client import make_client
from recorder.redis_server.embedded import EmbeddedServer
from recorder.redis_server.status import QUEUES
from tests.command_line import Call
from tests.waiting import wait_until
from tests.worker.cluster import Cluster, open_cluster
from tests.worker.test_worker_process import assert_whole, record


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with EmbeddedServer(tmp_path / "server") as server, open_cluster(tmp_path, server.url) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: Cluster) -> Iterator[redis.Redis]:
    client = make_client(cluster.url, purpose="worker")
    yield client
    client.close()


def spoil(client: redis.Redis) -> None:
    """What runs share, and much of what the runs ``spoilt`` and ``before`` have."""
    client.zadd("hamlet:runs", {b"\xff\xfe": time.time(), b"": 1.0, b"nul\0": 2.0, "stranger": time.time()})
    client.set("hamlet:lock:tick", "for ever")
    client.rpush("hamlet:lock:sweep", "for ever")
    client.zadd("hamlet:runs", {"spoilt": time.time()})
    client.hset("hamlet:run:{before}", mapping={b"producer:\xff": b"\xc1", "producer:list": msgpack.packb([1, 2])})
    client.zadd("hamlet:open:{before}", {b"\xff": 1.0, "9:9:9": 2.0})
    for key in ("run", "open", "finished"):
        client.rpush(f"hamlet:{key}:{{spoilt}}", "x")
    client.set("hamlet:episode:{before}:77", "x")
    client.xadd("hamlet:finished:{before}", {"f": b"\xc1"})
    client.xadd("hamlet:finished:{before}", {"x": "1", "y": "2"})
    client.xadd("hamlet:finished:{before}", {"f": msgpack.packb({"kind": "end", "episode_id": [1], "play_id": "x"})})
    client.xadd("hamlet:episode:{stranger}:1", {"x": "1"})
    for queue in QUEUES:
        client.rpush(f"hamlet:{queue}", b"\xff", b"[1]", b"{}")
    client.set("hamlet:unacked_index", "x")


def test_foreign_keys_stop_no_run_and_stats_and_doctor_name_them(
    cluster: Cluster, client: redis.Redis, call: Call
) -> None:
    record(cluster.url, "before", range(3))
    spoil(client)
    with cluster.worker() as worker:
        worker.wait_for("worker: serves")
        cluster.wait_until_ended("before")
        client.rename("hamlet:runs", "elsewhere")
        client.set("hamlet:runs", "x")
        record(cluster.url, "spoilt", range(3))
        record(cluster.url, "after", range(3))
        for run_id in ("spoilt", "after"):
            cluster.wait_until_ended(run_id)
        assert worker.process.poll() is None
        assert "unexpected error" not in worker.output
        for name in ("runs: b'\\xff\\xfe'", "run:{spoilt}", "finished:{spoilt}"):
            assert worker.output.count(f" {name} is set aside") == 1, worker.output
    for run_id in ("before", "spoilt", "after"):
        assert_whole(cluster, run_id, range(3))
    answer = call("stats", "--json", environment=cluster.environment())
    assert answer.status == 0, answer.output
    named = answer.document["set_aside"]
    assert {"runs", "runs: b'\\xff\\xfe'", "unacked_index", "open:{spoilt}"} <= named.keys()
    assert named["runs"] == "type string instead of zset"
    output = call("doctor", environment=cluster.environment()).output
    assert f"set aside: {len(named)} keys can't be read, such as " in output
    assert "keys: 1 of " in output, output
    assert "such as episode:{before}:77: type string" in output, "and no key of the worker itself"
    client.set(b"hamlet:\xff\xfe", "x")
    client.set("hamlet:cache", "x")
    client.rpush("hamlet:tally:{other}", "x")
    for name in ("hamlet:run:before", "hamlet:episode:{before}:x", "hamlet:run:{}"):
        client.hset(name, "x", "y")
    output = call("doctor", environment=cluster.environment()).output
    assert "keys: 7 of " in output, output
    assert "are of another program, such as " in output
    assert "Traceback" not in output


def test_stats_and_doctor_name_foreign_keys_without_a_worker(cluster: Cluster, client: redis.Redis, call: Call) -> None:
    record(cluster.url, "before", range(3))
    spoil(client)
    client.set("hamlet:ingest", "x")
    keys = sorted(client.keys())
    for command in ("stats", "doctor"):
        output = call(command, environment=cluster.environment()).output
        assert "runs: b'\\xff\\xfe'" in output or "set aside" in output, output
        assert "Traceback" not in output
    assert sorted(client.keys()) == keys


def test_a_trainer_works_although_another_program_took_its_keys(cluster: Cluster, client: redis.Redis) -> None:
    for key in ("runs", "run:{taken}", "open:{taken}", "finished:{taken}", "episode:{taken}:1"):
        client.set(f"hamlet:{key}", "x")
    record(cluster.url, "taken", range(3))
    with cluster.worker():
        cluster.wait_until_ended("taken")
    assert_whole(cluster, "taken", range(3))
    wait_until(lambda: client.exists("hamlet:set-aside:episode:{taken}:1"), message="what was there before")
