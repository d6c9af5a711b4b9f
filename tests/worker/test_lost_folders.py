"""What is deleted, moved or swept away below a running worker: it says so, and goes on in the same place."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from recorder import find_redis_url
from recorder.catalog import Catalog
from recorder.errors import StreamUnavailableError
from recorder.redis_server.embedded import EmbeddedServer
from tests.processes import PythonProcess
from tests.waiting import wait_until
from tests.worker.installations import Command, n_files, record, wait_until_recorded, worker


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """One for each test: a worker that is killed may say something after all others."""
    with EmbeddedServer(tmp_path / "server") as server:
        yield server.url


def delete(folder: Path) -> None:
    """Delete a folder into which its processes may write meanwhile."""

    def is_deleted() -> bool:
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            return not folder.exists()
        except OSError:
            return False
        return True

    wait_until(is_deleted, message="the folder to be deleted")


def find_server_again(folder: Path) -> str:
    """Once its worker has created it again."""

    def look() -> str | None:
        try:
            return find_redis_url(folder)
        except StreamUnavailableError:
            return None

    found = wait_until(look, message="the server beside the recordings")
    assert found is not None
    return found


@pytest.mark.parametrize("how", ["deleted", "moved away"])
@pytest.mark.parametrize("whose", ["embedded", "given"])
def test_a_worker_whose_folder_was_deleted_creates_a_new_one_and_logs_it(
    tmp_path: Path, redis_url: str, whose: str, how: str, command: Command
) -> None:
    folder = tmp_path / "recordings"
    options = ("--redis-url", redis_url) if whose == "given" else ()
    with worker(folder, *options) as process:
        process.wait_for("worker: serves")
        record(redis_url if options else find_redis_url(folder), "before")
        wait_until_recorded(folder, "before")
        if how == "deleted":
            delete(folder)
        else:
            folder.rename(tmp_path / "exp1")
        record(redis_url if options else find_server_again(folder), "after")
        wait_until_recorded(folder, "after")
        assert "a new one was created" in process.output
        assert "the recordings folder was deleted" in process.output
        record(redis_url if options else find_redis_url(folder), "later")
        wait_until_recorded(folder, "later")
        status, output = command("doctor", "--recordings", str(folder), *options)
        assert status == 0, output
        assert "6 recordings" in output
    assert n_files(tmp_path / "exp1", "after") == 0


def test_a_worker_writes_to_the_catalog_that_replaced_its_own(tmp_path: Path, redis_url: str) -> None:
    folder = tmp_path / "recordings"
    options = ("--redis-url", redis_url)
    with worker(folder, *options) as process:
        process.wait_for("worker: serves")
        record(redis_url, "before")
        wait_until_recorded(folder, "before")
        with (
            sqlite3.connect(folder / "catalog.db") as source,
            sqlite3.connect(tmp_path / "backup.db") as backup,
        ):
            source.backup(backup)
        backup.close()
        source.close()
        (tmp_path / "backup.db").replace(folder / "catalog.db")
        record(redis_url, "after")
        wait_until_recorded(folder, "after")
        wait_until_recorded(folder, "before")
        assert "the open catalog was replaced" in process.output


@pytest.mark.parametrize("whose", ["embedded", "given"])
def test_a_worker_writes_nothing_into_another_installations_folder(tmp_path: Path, redis_url: str, whose: str) -> None:
    folder, other = tmp_path / "recordings", tmp_path / "other"
    options = ("--redis-url", redis_url) if whose == "given" else ()
    with worker(other, *options, *(("--key-prefix", "other:") if options else ())) as process:
        process.wait_for("worker: serves")
    with worker(folder, *options) as process:
        process.wait_for("worker: serves")
        url = redis_url if options else find_redis_url(folder)
        record(url, "before")
        wait_until_recorded(folder, "before")
        folder.rename(tmp_path / "exp1")
        other.rename(folder)
        record(url, "after")
        process.wait_for("another installation")
        assert n_files(folder, "after") == 0
        folder.rename(other)
        (tmp_path / "exp1").rename(folder)
        wait_until_recorded(folder, "after")
        wait_until_recorded(folder, "before")


def test_a_worker_whose_socket_was_deleted_continues_with_its_redis_data(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    with worker(folder) as process:
        process.wait_for("worker: serves")
        url = find_redis_url(folder)
        record(url, "before")
        wait_until_recorded(folder, "before")
        Path(unquote(urlsplit(url).path)).unlink()
        assert find_server_again(folder) == url
        record(url, "after")
        wait_until_recorded(folder, "after")
        assert "it was restarted" in process.output


def test_recordings_folders_may_have_any_name(tmp_path: Path, command: Command) -> None:
    folder = tmp_path / 'exp[lr=0.1] {a}*\n"it\'s" #1?x=100%25 ü' / "recordings"
    with worker(folder) as process:
        process.wait_for("worker: serves")
        record(find_redis_url(folder), "r")
        wait_until_recorded(folder, "r")
        status, output = command("list", "--recordings", str(folder), "--json")
        assert status == 0, output
        page = ("-m", "recorder", "serve", "--recordings", str(folder), "--port", "0")
        with PythonProcess(*page) as server:
            server.wait_for("Replay: ")


def test_a_render_worker_uses_the_catalog_that_replaced_a_deleted_one(
    tmp_path: Path, redis_url: str, command: Command
) -> None:
    folder = tmp_path / "recordings"
    options = ("--redis-url", redis_url)

    def make_video(run_id: str) -> None:
        record(redis_url, run_id)
        wait_until_recorded(folder, run_id)
        request = ("export", "0", "--run", run_id, "--queue", "--dpi", "40", "--recordings", str(folder), *options)
        status, output = command(*request)
        assert status == 0, output
        with Catalog(folder / "catalog.db", read_only=True) as catalog:
            wait_until(lambda: [row.state for row in catalog.list_videos(run=run_id)] == ["done"], message="the video")

    with worker(folder, *options) as ingest, worker(folder, *options, queues="render") as render:
        ingest.wait_for("worker: serves")
        render.wait_for("worker: serves")
        make_video("before")
        delete(folder)
        make_video("after")
        assert "catalog" in render.output, "it has noticed"
