"""``stats``: what it says of Redis, runs and losses."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import redis

from recorder.commands.terminal.exit_status import ExitStatus
from recorder.redis_server.client import make_client
from recorder.redis_server.embedded import EmbeddedServer
from recorder.step_stream import RedisStepStream
from tests.command_line import Call, verdict_on
from tests.commands.conftest import RUN


def test_stats_shows_redis_the_runs_and_the_losses(
    call: Call, recordings: Path, redis_url: str, redis_client: redis.Redis, stream: RedisStepStream
) -> None:
    redis_client.rpush("hamlet:ingest", b"task", b"task")
    document = call("stats", "--json", "--recordings", recordings, "--redis-url", redis_url).document
    assert document["redis"]["queue_lengths"] == {"ingest": 2, "render": 0, "maintenance": 0}
    assert document["redis"]["has_append_only_file"] is True
    (live,) = document["live_runs"]
    assert (live["run_id"], live["state"], live["n_open"], live["n_undecided"]) == (RUN, "running", 1, 3)
    assert live["n_missing_steps"] == 7
    assert live["counters"]["n_recorded_steps"] == 640
    (recorded,) = document["recorded_runs"]
    assert (recorded["n_episodes"], recorded["kept"], recorded["skipped"], recorded["n_recordings"]) == (5, 4, 1, 4)
    assert recorded["n_missing_steps"] == 6
    assert recorded["by_reason"] == {"manual_x": 2, "periodic_100": 2, "top_10.0pct": 2}


def test_stats_prints_tables_for_people(call: Call, recordings: Path, redis_url: str, stream: RedisStepStream) -> None:
    answer = call("stats", "--recordings", recordings, "--redis-url", redis_url)
    assert answer.status == ExitStatus.OK
    assert "tasks waiting: ingest 0, render 0, maintenance 0" in answer.out
    assert "in Redis" in answer.out
    assert "recorded" in answer.out
    assert "640" in answer.out
    assert "3.25, p99 41.5" in answer.out


def test_stats_finds_the_embedded_redis_beside_the_recordings(call: Call, recordings: Path) -> None:
    with EmbeddedServer(recordings / ".server") as server:
        document = call("stats", "--json", "--recordings", recordings).document
        assert document["redis"]["url"] == server.url
    assert call("stats", "--json", "--recordings", recordings).document["redis"] is None


def test_queues_are_read_from_the_broker(
    call: Call, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedServer(tmp_path / "broker") as broker:
        client = make_client(broker.url, purpose="server")
        client.rpush("hamlet:ingest", *([b"task"] * 1001))
        client.close()
        monkeypatch.setenv("HAMLET_RECORDER_REDIS__BROKER_URL", broker.url)
        document = call("stats", "--json", "--redis-url", redis_url).document
        assert document["redis"]["queue_lengths"]["ingest"] == 1001
        answer = call("doctor", "--json", "--redis-url", redis_url)
        assert verdict_on(answer, "broker")["found"] == broker.url
        assert verdict_on(answer, "queues")["verdict"] == "warn"
    answer = call("doctor", "--json", "--redis-url", redis_url)
    assert answer.status == ExitStatus.FAILED
    assert verdict_on(answer, "broker")["verdict"] == "fail"


def test_stats_works_when_redis_does_not_list_its_clients(call: Call, tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "server") as server:
        client = make_client(server.url, purpose="server")
        client.execute_command("ACL", "SETUSER", "guest", "on", ">pw", "~*", "&*", "+@all", "-@admin")
        client.rpush("hamlet:ingest", b"task")
        client.close()
        url = server.url.replace("unix://", "unix://guest:pw@")
        document = call("stats", "--json", "--redis-url", url).document
        assert document["redis"]["n_worker_connections"] is None
        assert "worker connections: unknown" in call("stats", "--redis-url", url).out
        assert verdict_on(call("doctor", "--json", "--redis-url", url), "queues")["verdict"] == "ok"


def test_stats_works_without_redis_and_catalog(call: Call) -> None:
    answer = call("stats", "--json")
    assert answer.document == {"redis": None, "live_runs": [], "recorded_runs": [], "set_aside": {}}
    assert call("stats").out.startswith(
        "no Redis is configured, and none runs for this recordings folder\n\nrecorded\n"
    )


def test_stats_of_a_run_that_does_not_exist_says_so(call: Call, recordings: Path) -> None:
    assert call("stats", "--run", "another", "--recordings", recordings).status == ExitStatus.NOT_FOUND


def test_stats_shows_a_run_that_no_worker_has_seen(
    call: Call, recordings: Path, redis_url: str, stream: RedisStepStream
) -> None:
    stream.beat("fresh", "p1", {"closed": False}, info={}, now=time.time())
    document = call("stats", "--json", "--run", "fresh", "--recordings", recordings, "--redis-url", redis_url).document
    assert [status["run_id"] for status in document["live_runs"]] == ["fresh"]
    assert document["recorded_runs"] == []
