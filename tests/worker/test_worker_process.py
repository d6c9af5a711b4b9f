"""One worker process: killed, asked to end, without its broker for a while; the app that ``celery -A`` loads."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from recorder import EpisodeRecorder
from recorder.redis_server.client import answers, make_client
from recorder.redis_server.embedded import EmbeddedServer, find_server_binary
from recorder.step_stream import RedisStepStream
from tests.ports import free_port
from tests.processes import PythonProcess, children_of, is_alive, kill
from tests.waiting import DEADLINE_SECS, wait_until
from tests.worker.cluster import Cluster, open_cluster, workers
from tests.worker.recording import QUICK, play, value_of


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """One for each test: what is left of a killed worker would read the next one's runs into its own catalog."""
    with EmbeddedServer(tmp_path / "server") as server:
        yield server


@pytest.fixture
def cluster(server: EmbeddedServer, tmp_path: Path) -> Iterator[Cluster]:
    with open_cluster(tmp_path, server.url) as cluster:
        yield cluster


def record(url: str, run_id: str, episode_ids: range, *, key_prefix: str = "hamlet:") -> None:
    with EpisodeRecorder(url, run_id=run_id, limits=QUICK, strict=True, key_prefix=key_prefix) as recorder:
        for episode_id in episode_ids:
            play(recorder, episode_id)
            recorder.keep(episode_id, "all")


def assert_whole(cluster: Cluster, run_id: str, episode_ids: range) -> None:
    assert cluster.recorded_ids(run_id) == list(episode_ids)
    for episode_id in episode_ids:
        meters = cluster.episode(run_id, episode_id).column("meters")
        np.testing.assert_array_equal(meters, value_of(episode_id, 20))
    assert len([path for path in (cluster.folder / run_id).iterdir() if path.name[0] != "."]) == len(episode_ids)


def test_killed_worker_processes_lose_no_episode(cluster: Cluster) -> None:
    with workers(cluster, 2) as (one, other):
        with EpisodeRecorder(cluster.url, run_id="killed", limits=QUICK, strict=True) as recorder:
            for episode_id in range(60):
                play(recorder, episode_id)
                recorder.keep(episode_id, "all")
                if episode_id == 20:
                    wait_until(lambda: cluster.recorded_ids("killed") or cluster.rows("killed"), message="first rows")
                    for pid in wait_until(lambda: children_of(one.pid), message="a pool process"):
                        kill(pid)
                if episode_id == 40:
                    other.kill()
        cluster.wait_until_ended("killed")
        assert one.process.poll() is None
    assert_whole(cluster, "killed", range(60))


@pytest.mark.parametrize("asked_by", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_worker_stops_in_order_and_the_next_one_continues(cluster: Cluster, asked_by: signal.Signals) -> None:
    with workers(cluster, 1) as (worker,):
        pool = wait_until(lambda: children_of(worker.pid), message="a pool process")
        with EpisodeRecorder(cluster.url, run_id="ended", limits=QUICK, strict=True) as recorder:
            for episode_id in range(40):
                play(recorder, episode_id)
                recorder.keep(episode_id, "all")
                if episode_id == 20:
                    wait_until(lambda: cluster.rows("ended"), message="first rows")
                    worker.signal(asked_by)
        assert worker.wait() == 0, worker.output
        assert not any(map(is_alive, pool))
        assert not {"Traceback", "Warning"} & {*re.findall(r"[A-Z][a-z]+", worker.output)}, worker.output
    with workers(cluster, 1):
        cluster.wait_until_ended("ended")
    assert_whole(cluster, "ended", range(40))


class FixedServer:
    """A server on a port that stays the same when it is started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> FixedServer:
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--appendonly", "yes", "--save", ""]
        self._process = subprocess.Popen(
            [str(find_server_binary()), *options, "--dir", str(self._folder)], stdout=subprocess.DEVNULL
        )
        wait_until(lambda: answers(self.url), message="an answer of the server")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(DEADLINE_SECS)


def test_a_worker_reconnects_after_redis_was_restarted(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    server = FixedServer(tmp_path / "data")
    with open_cluster(tmp_path, server.url) as cluster:
        with server:
            worker = cluster.worker()
            worker.wait_for("worker: serves")
            record(server.url, "before", range(5))
            cluster.wait_until_ended("before")
        with worker:
            wait_until(lambda: "onnection" in worker.output, message="the worker noticing")
            with server:
                record(server.url, "after", range(5))
                cluster.wait_until_ended("after", 90)
                assert worker.process.poll() is None
                worker.signal(signal.SIGTERM)
                assert worker.wait() == 0
        assert_whole(cluster, "after", range(5))


def test_unwritten_episodes_of_an_emptied_redis_are_parked(cluster: Cluster) -> None:
    recorder = EpisodeRecorder(cluster.url, run_id="emptied", limits=QUICK)
    with workers(cluster, 1) as (worker,):
        for episode_id in range(1, 4):
            play(recorder, episode_id)
        wait_until(lambda: len(cluster.rows("emptied")) == 3, message="all rows")
        assert {row.decision for row in cluster.rows("emptied").values()} == {"held"}
        assert recorder.sender_pid is not None
        os.kill(recorder.sender_pid, signal.SIGKILL)  # it would send them again
        client = make_client(cluster.url, purpose="server")
        client.flushall()
        client.close()
        recorder.close()
        with EpisodeRecorder(cluster.url, run_id="emptied", limits=QUICK) as other:
            play(other, 4, stage=2)
        wait_until(lambda: len(list(cluster.catalog.iterate_parked())) == 3, message="three parked episodes")
        wait_until(lambda: cluster.recorded_ids("emptied") == [4], message="the recording of the last one")
        assert not cluster.catalog.held_episode_ids("emptied")
        assert worker.process.poll() is None
    for row in list(cluster.catalog.iterate_parked()):
        assert (row.decision, row.attempts) == ("kept", 3)
        assert "its steps are no longer in Redis" in (row.error or "")


def test_celery_loads_the_app_and_another_key_prefix_sees_nothing(
    cluster: Cluster, server: EmbeddedServer, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    with open_cluster(tmp_path / "other", server.url) as other:
        arguments = ("-A", "worker.celery_app", "worker", "-Q", "ingest,maintenance", "-c", "1", "-l", "INFO")
        environment = other.environment(HAMLET_RECORDER_REDIS__KEY_PREFIX="other:")
        with workers(cluster, 1), PythonProcess("-m", "celery", *arguments, environment=environment) as celery:
            celery.wait_for(" ready.")
            record(server.url, "ours", range(10))
            record(server.url, "theirs", range(10, 20), key_prefix="other:")
            cluster.wait_until_ended("ours")
            other.wait_until_ended("theirs")
            celery.signal(signal.SIGTERM)
            assert celery.wait() == 0, celery.output
        assert_whole(cluster, "ours", range(10))
        assert_whole(other, "theirs", range(10, 20))
        assert cluster.recorded_ids("theirs") == other.recorded_ids("ours") == []
        stream = RedisStepStream(server.url, key_prefix="other:")
        assert [run_id for run_id, _ in stream.runs()] == ["theirs"]
        stream.close()


def test_celery_without_a_redis_url_explains_what_to_do(tmp_path: Path) -> None:
    program = subprocess.run(
        [sys.executable, "-c", "import worker.celery_app"], capture_output=True, text=True, timeout=DEADLINE_SECS, check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert program.returncode == 1
    assert "recording.redis.url must be set for 'celery -A'" in program.stderr


def test_a_worker_whose_broker_is_unreachable_at_start_exits_with_a_message(cluster: Cluster) -> None:
    with cluster.worker(HAMLET_RECORDER_REDIS__BROKER_URL="redis://127.0.0.1:1/0") as worker:
        assert worker.wait() == 1, worker.output
        assert "redis://127.0.0.1:1/0" in worker.output


def test_a_worker_loads_neither_torch_nor_pyplot_and_matplotlib_only_to_render(server: EmbeddedServer) -> None:
    code = (
        "import sys; from recorder.settings import load_settings; from worker.app import create_app\n"
        "for renders in (False, True):\n"
        f"    create_app(load_settings(env={{}}), redis_url={server.url!r}, renders=renders)\n"
        "    print([name for name in ('torch', 'matplotlib.pyplot', 'flask', 'matplotlib') if name in sys.modules])"
    )
    with PythonProcess("-c", code) as program:
        assert program.wait() == 0, program.output
        assert program.output.splitlines() == ["[]", "['matplotlib']"]
