"""The server as a process: it says goodbye, shares its port, and refuses what it can't do in words that help."""

from __future__ import annotations

import os
import signal
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import PythonProcess, children_of, go_on, run_python, stop
from tests.replay.conftest import connecting, port_of
from tests.replay.viewer import upgrade_status
from tests.waiting import DEADLINE_SECS, wait_until


def served(folder: Path, *options: str) -> PythonProcess:
    return PythonProcess("-m", "recorder", "serve", "--recordings", str(folder), "--port", "0", *options)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopping_server_tells_its_viewers_and_ends_with_0(folder: Path, number: signal.Signals) -> None:
    with served(folder) as process, connecting(port_of(process)) as connect:
        viewer = connect()
        viewer.send(type="load_replay", run_id="long", episode_id=1)
        viewer.send(type="play")
        viewer.skip_to("state_update")
        process.signal(number)
        assert viewer.closing() == (1001, "the server is shutting down: connect again")
        assert process.wait() == 0
        assert "Traceback" not in process.output


def test_a_viewer_reconnects_to_the_next_server(folder: Path) -> None:
    with served(folder) as first, connecting(port_of(first)) as connect:
        viewer = connect()
        viewer.send(type="open", id=1, run_id="long", episode_id=1)
        content_hash = viewer.receive("opened")["content_hash"]
    with served(folder) as second, connecting(port_of(second)) as connect:
        viewer = connect()
        viewer.send(type="open", id=1, run_id="long", episode_id=1, **{"from": 700})
        opened = viewer.receive("opened")
        assert (opened["content_hash"], opened["next_chunk"]) == (content_hash, 2)


def test_several_processes_share_the_port(folder: Path) -> None:
    with served(folder, "--processes", "2") as process, connecting(port_of(process)) as connect:
        viewers = [connect() for _ in range(8)]
        for viewer in viewers:
            viewer.send(type="list_recordings", limit=1)
            viewer.receive("recordings_list")
        process.signal(signal.SIGTERM)
        assert {viewer.closing()[0] for viewer in viewers} == {1001}
        assert process.wait() == 0


def test_metrics_are_summed_over_processes(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with served(folder, "--processes", "2") as process, connecting(port := port_of(process)) as connect:
        wait_until(lambda: len(children_of(process.pid)) == 2, message="two processes")
        one, other = children_of(process.pid)
        for asleep in (one, other):  # so that each of them has viewers
            with stopped(asleep):
                for _ in range(3):
                    viewer = connect()
                    viewer.send(type="list_recordings", limit=1)
                    viewer.receive("recordings_list")
                assert get(port, "/api/v1/runs") != ""
        for asleep in (one, other):
            with stopped(asleep):
                figures = figures_of(port)
                assert figures["replay_viewers"] == 6
                assert figures["replay_messages_total"] == 6
                assert figures['replay_requests_total{endpoint="runs.list_runs",status="200"}'] == 2
                assert figures["replay_waiting_bytes"] >= 0
        (shared,) = tmp_path.glob("hamlet-metrics-*")
        (shared / "counter_1.db").touch()  # a process has just begun, and written nothing yet
        os.kill(one, signal.SIGKILL)
        wait_until(lambda: figures_of(port)["replay_viewers"] == 3, message="the viewers of the one that is left")
        assert figures_of(port)["replay_messages_total"] == 6, "what an ended process has counted is lost"
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
    assert list(tmp_path.glob("hamlet-metrics-*")) == []


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    stop(pid)
    try:
        yield
    finally:
        go_on(pid)


def get(port: int, path: str) -> str:
    """The body of an answer, over a separate connection."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=DEADLINE_SECS) as answer:
        return answer.read().decode()


def figures_of(port: int) -> dict[str, float]:
    lines = [line for line in get(port, "/metrics").splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_viewers_occupy_no_request_threads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAMLET_RECORDER_SERVER__THREADS", "1")
    with served(folder) as process, connecting(port := port_of(process)) as connect:
        viewers = [connect() for _ in range(20)]
        assert upgrade_status(port, "/nothing") == 404
        viewers[0].send(type="list_recordings", limit=1)
        viewers[0].receive("recordings_list")


def test_a_port_in_use_is_an_error_that_says_so(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, output = run_python(["-m", "recorder", "serve", "--recordings", str(folder), "--port", str(port)])
    assert status == 1
    assert f"can't listen on port {port}" in output
    assert "Traceback" not in output


def test_an_empty_folder_is_served_before_the_first_recording(tmp_path: Path) -> None:
    with served(tmp_path / "new") as process, connecting(port_of(process)) as connect:
        viewer = connect()
        viewer.send(type="list_recordings")
        assert viewer.receive("recordings_list")["recordings"] == []
