"""Trainers, workers and the replay server with Redis users that may do no more than docs/operations.md says."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.__main__ import main
from recorder.capture import EpisodeRecorder, PublisherLimits
from recorder.redis_server.client import make_client
from recorder.redis_server.embedded import EmbeddedServer
from recorder.step_stream import RedisStepStream
from tests.capture.recorded import assert_adds_up, record
from tests.processes import ROOT, PythonProcess
from tests.waiting import wait_until
from tests.worker.cluster import Cluster, open_cluster

SMALLEST = dict(
    re.findall(r"^ACL SETUSER (\w+) on >secret (.+)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
)
OPTIONAL = ("info", "memory|usage", "client|setname", "client|setinfo", "client|list")
"""What recording and rendering can do without."""
NOT_DANGEROUS = dict.fromkeys(SMALLEST, "resetkeys ~hamlet:* resetchannels +@all -@dangerous")


@pytest.fixture(params=[SMALLEST, NOT_DANGEROUS], ids=["smallest", "not dangerous"], scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("server")) as server:
        with contextlib.closing(make_client(server.url, purpose="worker")) as client:
            for user, rights in request.param.items():
                client.execute_command("ACL", "SETUSER", user, "on", ">secret", *rights.split())
        yield server


def url_for(server: EmbeddedServer, user: str) -> str:
    scheme, _, place = server.url.partition("://")
    return f"{scheme}://{user}:secret@{place.rpartition('@')[2]}"


@pytest.fixture
def cluster(server: EmbeddedServer, tmp_path: Path) -> Iterator[Cluster]:
    with open_cluster(tmp_path, url_for(server, "worker")) as cluster:
        yield cluster


def refusals(server: EmbeddedServer) -> set[str]:
    """Commands that users were refused, as the server's own log of it has them."""
    with contextlib.closing(make_client(server.url, purpose="worker")) as client:
        entries = client.execute_command("ACL", "LOG", "1000")
    return {f"{entry[b'username'].decode()}: {entry[b'object'].decode()}" for entry in entries}


def test_the_documented_access_rights_suffice_from_trainer_to_replay_server(
    server: EmbeddedServer, cluster: Cluster, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    limits = PublisherLimits(heartbeat_secs=0.05)
    with cluster.worker() as worker:
        with EpisodeRecorder(url_for(server, "trainer"), run_id="run", limits=limits) as recorder:
            for episode_id in range(20):
                record(recorder, episode_id, range(30))
                if episode_id == 9:
                    wait_until(lambda: recorder.stats().n_bytes_sent, message="the first bytes sent")
                    recorder.abort(9, "a test")
                else:
                    recorder.finish_episode(episode_id)
            recorder.keep(19, "the last")
        assert_adds_up(recorder.stats(), 600)
        assert recorder.stats().n_errors == 0
        cluster.wait_until_ended("run")
        assert "Traceback" not in worker.output
        assert "refuse" not in worker.output
    assert caplog.text.count("INFO is refused") == 1
    assert len(cluster.catalog.query_recordings(run="run")) > 3
    assert {it for it in refusals(server) if it.rpartition(" ")[2] not in OPTIONAL} == set()


def test_a_worker_renders_videos_with_few_rights(server: EmbeddedServer, cluster: Cluster) -> None:
    with contextlib.closing(make_client(server.url, purpose="worker")) as client:
        client.delete("hamlet:installation")  # of the test before
    arguments = ("worker", "--queues", "ingest,maintenance,render", "--concurrency", "1")
    with PythonProcess("-m", "recorder", *arguments, environment=cluster.environment()) as worker:
        with EpisodeRecorder(url_for(server, "trainer"), run_id="film") as recorder:
            record(recorder, 0, range(10))
            recorder.finish_episode(0)
            recorder.keep(0, "all")
        cluster.wait_until_ended("film")
        places = ["--redis-url", url_for(server, "server"), "--recordings", str(cluster.folder)]
        request = ["export", "0", "--run", "film", "--queue", "--dpi", "40", "--database", cluster.database]
        assert main([*request, *places]) == 0
        wait_until(
            lambda: [row.state for row in cluster.catalog.list_videos(run="film")] == ["done"], message="the video"
        )
        assert "Traceback" not in worker.output
        assert "refuse" not in worker.output
    assert {it for it in refusals(server) if it.rpartition(" ")[2] not in OPTIONAL} == set()


def test_stats_and_doctor_name_commands_that_they_may_not_use(
    server: EmbeddedServer, cluster: Cluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [
        "--redis-url",
        url_for(server, "server"),
        "--recordings",
        str(cluster.folder),
        "--database",
        cluster.database,
    ]
    assert main(["stats", *places, "--json"]) == 0
    stats = json.loads(capsys.readouterr().out)["redis"]
    assert (stats["used_bytes"], stats["n_worker_connections"]) == (None, None)
    assert stats["version"]
    main(["doctor", *places])
    assert "this Redis user may not call INFO" in capsys.readouterr().out


def test_the_replay_server_reads_live_runs_with_few_rights(server: EmbeddedServer) -> None:
    recorder = EpisodeRecorder(
        url_for(server, "trainer"), run_id="live", limits=PublisherLimits(flush_interval_secs=0.01)
    )
    record(recorder, 7, range(300))
    stream = RedisStepStream(url_for(server, "server"), purpose="server")
    wait_until(lambda: len(stream.read_episode("live", 7)) > 1, message="a chunk")
    assert "live" in [name for name, _ in stream.runs()]
    assert [it.play.episode_id for it in stream.open_plays("live")] == [7]
    assert stream.run_info("live").producers
    recorder.close()
    stream.close()
