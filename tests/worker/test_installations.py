"""Two installations never mix: not by a moved folder, not by a copied one, not on a server that both were given."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder import find_redis_url
from recorder.errors import StreamError
from recorder.redis_server.embedded import EmbeddedServer
from tests.processes import PythonProcess
from tests.worker.installations import Command, n_files, record, wait_until_recorded, worker


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """One for each test: a worker that is killed may say something after all others."""
    with EmbeddedServer(tmp_path / "server") as server:
        yield server.url


def use_once(folder: Path, run_id: str, *options: str) -> None:
    """A worker that was there, recorded a run, and ended."""
    with worker(folder, *options) as process:
        process.wait_for("worker: serves")
        record(find_redis_url(folder) if not options else options[1], run_id)
        wait_until_recorded(folder, run_id)
        process.signal(signal.SIGTERM)
        process.wait()


def refused(process: PythonProcess) -> str:
    with process:
        assert process.wait() != 0
        return process.output


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_folder_and_its_moved_or_copied_twin_keep_their_episodes_apart(tmp_path: Path, how: str) -> None:
    folder, other = tmp_path / "recordings", tmp_path / "exp1"
    use_once(folder, "first")
    if how == "moved":
        folder.rename(other)
    else:
        shutil.copytree(folder, other)
    with worker(folder) as one, worker(other) as two:
        one.wait_for("worker: serves")
        two.wait_for("worker: serves")
        record(find_redis_url(folder), "here", 40)
        record(find_redis_url(other), "there", 40)
        wait_until_recorded(folder, "here", 40)
        wait_until_recorded(other, "there", 40)
    assert (n_files(other, "here"), n_files(folder, "there")) == (0, 0)
    assert n_files(other, "first") == 3


@pytest.mark.parametrize("other", ["another", "a copy"])
def test_a_second_installation_on_one_redis_is_refused_with_advice(
    tmp_path: Path, redis_url: str, other: str, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    folder, second = tmp_path / "recordings", tmp_path / "second"
    server = ("--redis-url", redis_url)
    use_once(folder, "first", *server)
    if other == "a copy":
        shutil.copytree(folder, second)
    started = [worker(second, *server, queues=queues) for queues in ("ingest,maintenance", "render")]
    for output in map(refused, started):
        assert "belong to another installation" in output
        assert str(folder / "catalog.db") in output
        assert "hamlet:installation" in output
    status, output = command("serve", "--recordings", str(second), "--port", "0", *server)
    assert status != 0
    assert "belong to another installation" in output
    monkeypatch.setenv("HAMLET_RECORDER_REDIS__URL", redis_url)
    assert find_redis_url(folder) == redis_url
    with pytest.raises(StreamError, match="another installation"):
        find_redis_url(second)
    status, output = command("doctor", "--recordings", str(second))
    assert status != 0
    assert "belong to another" in output
    status, output = command("doctor", "--recordings", str(folder))
    assert "belong together" in output
    with worker(second, *server, "--key-prefix", "second:") as process:
        process.wait_for("worker: serves")


def test_a_moved_installation_and_its_successor_keep_their_redis(tmp_path: Path, redis_url: str) -> None:
    folder, moved = tmp_path / "recordings", tmp_path / "exp1"
    server = ("--redis-url", redis_url)
    use_once(folder, "first", *server)
    folder.rename(moved)
    use_once(moved, "second", *server)
    shutil.rmtree(moved)
    use_once(moved, "third", *server)
