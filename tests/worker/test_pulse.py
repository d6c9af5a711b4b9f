"""A worker's own pulse: alive through outages and a full server, dead when it stands still."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder.runtime.pulse import read_pulse
from tests.capture.killable_server import KillableServer
from tests.processes import PythonProcess, go_on, run_python, stop
from tests.waiting import DEADLINE_SECS, wait_until
from tests.worker.cluster import Cluster, open_cluster


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KillableServer]:
    (tmp_path / "data").mkdir()
    with KillableServer(tmp_path / "data") as server:
        yield server


@pytest.fixture
def cluster(server: KillableServer, tmp_path: Path) -> Iterator[Cluster]:
    with open_cluster(tmp_path, server.url) as cluster:
        yield cluster


def probe(file: Path, *options: str) -> tuple[int, Any]:
    arguments = ("-m", "recorder", "probe", "--json", "--pulse-file", str(file), *options)
    status, output = run_python(arguments)
    return status, json.loads(output)


def is_new(file: Path) -> bool:
    """Whether it was written after this call began."""
    before = file.stat().st_mtime_ns
    wait_until(lambda: file.exists() and file.stat().st_mtime_ns > before, message="another beat")
    return True


def test_a_worker_is_alive_through_an_outage_and_ready_after_it(
    cluster: Cluster, server: KillableServer, tmp_path: Path
) -> None:
    file = tmp_path / "worker.pulse"
    with cluster.worker(HAMLET_RECORDER_WORKER__PULSE_FILE=str(file)) as worker:
        wait_until(lambda: read_pulse(file) == (True, []), message="a worker that is ready")
        assert probe(file, "--ready") == (0, {"is_alive": True, "is_ready": True, "unwell": []})
        server.kill()
        wait_until(lambda: len(read_pulse(file)[1]) == 2, message="a worker without its server")
        assert is_new(file)
        assert probe(file)[0] == 0
        status, said = probe(file, "--ready")
        assert (status, said["is_alive"], said["is_ready"]) == (1, True, False)
        assert any("can't be reached" in why for why in said["unwell"])
        server.start()
        wait_until(lambda: read_pulse(file) == (True, []), message="a worker that is ready again")
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert probe(file)[0] == 1


def test_a_full_redis_leaves_its_workers_alive(cluster: Cluster, server: KillableServer, tmp_path: Path) -> None:
    file = tmp_path / "worker.pulse"
    client = server.client()
    with cluster.worker(HAMLET_RECORDER_WORKER__PULSE_FILE=str(file)) as worker:
        wait_until(lambda: read_pulse(file) == (True, []), message="a worker that is ready")
        client.config_set("maxmemory", 1)
        worker.wait_for("can't hand out tasks")
        assert is_new(file)
        assert probe(file)[0] == 0
    client.close()


def test_a_worker_that_stands_still_counts_as_dead(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "worker.pulse"
    with cluster.worker(HAMLET_RECORDER_WORKER__PULSE_FILE=str(file)) as worker:
        wait_until(lambda: read_pulse(file) == (True, []), message="a worker that is ready")
        stop(worker.pid)
        assert probe(file)[0] == 0
        wait_until(lambda: not read_pulse(file, max_age_secs=1.5)[0], message="an old pulse")
        status, said = probe(file, "--max-age-secs", "0.5")
        assert (status, said["is_alive"]) == (1, False)
        assert "pulse is" in said["unwell"][0]
        go_on(worker.pid)
        assert is_new(file)


@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_a_render_worker_has_a_pulse_without_a_tick(cluster: Cluster, tmp_path: Path, pool: str) -> None:
    file = tmp_path / "worker.pulse"
    environment = cluster.environment()
    arguments = ("-m", "recorder", "worker", "--queues", "render", "--pool", pool, "--pulse-file", str(file))
    with PythonProcess(*arguments, environment=environment) as worker:
        wait_until(lambda: read_pulse(file) == (True, []), message="a worker that is ready")
        assert is_new(file)
        assert worker.process.poll() is None


def test_systemd_is_notified_that_the_worker_is_ready_and_alive(cluster: Cluster, tmp_path: Path) -> None:
    place = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(place)
        systemd.settimeout(DEADLINE_SECS)
        with cluster.worker(NOTIFY_SOCKET=place):
            said = [systemd.recv(100).decode()]
            while "READY=1" not in said[-1]:
                said.append(systemd.recv(100).decode())
            assert systemd.recv(100) == b"WATCHDOG=1"
    assert all(words.startswith("WATCHDOG=1") for words in said)


def test_a_probe_without_a_pulse_file_explains_what_to_set(tmp_path: Path) -> None:
    assert probe(tmp_path / "none")[0] == 1
    (tmp_path / "broken").write_text("{")
    assert probe(tmp_path / "broken")[0] == 1
    status, output = run_python(("-m", "recorder", "probe"), environment={"PATH": os.environ["PATH"]})
    assert status == 2
    assert "recording.worker.pulse_file" in output
