"""What happens around a running server: its socket swept, its process killed, its folder moved, copied or deleted."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from recorder import find_redis_url
from recorder.errors import ServerStartError, StreamUnavailableError
from recorder.redis_server.client import answers, make_client
from recorder.redis_server.embedded import EmbeddedServer, folder_state, running_redis_url, use_redis
from tests.processes import PythonProcess
from tests.waiting import wait_until

SLEEPING_OWNER = """
import sys, threading
from recorder.redis_server.embedded import EmbeddedServer
server = EmbeddedServer(sys.argv[1])
server._watch = lambda: None
print("url", server.start().url, flush=True)
threading.Event().wait()
"""


def socket_of(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


def put(url: str) -> None:
    client = make_client(url, purpose="worker")
    client.set("kept", b"1")
    client.close()


def has_it(url: str) -> bool:
    client = make_client(url, purpose="worker")
    try:
        return client.get("kept") == b"1"
    finally:
        client.close()


def is_back(folder: Path, pid: int, server: EmbeddedServer) -> bool:
    return server.pid != pid and running_redis_url(folder) == server.url


def test_a_deleted_socket_is_created_again_with_the_data(tmp_path: Path, binary: Path) -> None:
    with EmbeddedServer(tmp_path, binary=binary) as server:
        pid, url = server.pid, server.url
        put(url)
        socket_of(url).unlink()
        wait_until(lambda: is_back(tmp_path, pid, server), message="a new server")
        assert server.url == url
        assert has_it(url)


def test_a_deleted_socket_folder_is_created_again_for_this_user_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with EmbeddedServer(tmp_path / "data") as server:
        pid, url = server.pid, server.url
        put(url)
        shutil.rmtree(socket_of(url).parent)
        wait_until(lambda: is_back(tmp_path / "data", pid, server), message="a new server")
        assert has_it(url)
        assert socket_of(url).parent.stat().st_mode & 0o777 == 0o700


def test_a_killed_redis_starts_again_with_its_data(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        pid, url = server.pid, server.url
        put(url)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: is_back(tmp_path, pid, server), message="a new server")
        assert server.url == url
        assert has_it(url)


def test_a_folder_with_a_deleted_socket_counts_as_in_use(tmp_path: Path) -> None:
    folder = tmp_path / ".server"
    with PythonProcess("-c", SLEEPING_OWNER, str(folder)) as owner:
        url = owner.wait_for("url ").split()[1]
        socket_of(url).unlink()
        assert folder_state(folder).is_in_use
        assert running_redis_url(folder) is None
        with pytest.raises(StreamUnavailableError, match="runs for this recordings folder, but can't be reached"):
            find_redis_url(tmp_path)


def test_a_redis_whose_folder_was_deleted_restarts_at_the_same_path_with_its_data(tmp_path: Path, binary: Path) -> None:
    folder = tmp_path / "recordings" / ".server"
    with EmbeddedServer(folder, binary=binary) as server:
        pid, url = server.pid, server.url
        put(url)
        shutil.rmtree(tmp_path / "recordings")
        wait_until(lambda: is_back(folder, pid, server), message="a new server")
        assert server.url == url
        assert has_it(url)
    with EmbeddedServer(folder, binary=binary) as server:
        assert has_it(server.url), "it is in the new folder"


def test_a_redis_whose_folder_was_moved_takes_its_data_along(tmp_path: Path, binary: Path) -> None:
    folder = tmp_path / "recordings" / ".server"
    with EmbeddedServer(folder, binary=binary) as server:
        pid, url = server.pid, server.url
        put(url)
        (tmp_path / "recordings").rename(tmp_path / "exp1")
        wait_until(lambda: is_back(folder, pid, server), message="a new server")
        assert has_it(url)
        with EmbeddedServer(tmp_path / "exp1" / ".server") as other:
            assert other.url != url
            assert not has_it(other.url), "its episodes would be recorded twice"


def test_swapped_redis_folders_are_not_mixed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with EmbeddedServer(tmp_path / "other" / ".server"):
        pass
    folder = tmp_path / "recordings" / ".server"
    with EmbeddedServer(folder) as server:
        put(server.url)
        (tmp_path / "recordings").rename(tmp_path / "exp1")
        (tmp_path / "other").rename(tmp_path / "recordings")
        wait_until(lambda: "has replaced this one" in caplog.text, message="a word about it")
        assert has_it(server.url), "it goes on"
        assert running_redis_url(tmp_path / "exp1" / ".server") == server.url, "in the folder that is its own"
        assert running_redis_url(folder) is None
    with EmbeddedServer(tmp_path / "exp1" / ".server") as server:
        assert has_it(server.url)


def test_a_moved_folder_does_not_use_the_redis_of_its_successor(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "recordings"):
        pass
    (tmp_path / "recordings").rename(tmp_path / "exp1")
    with use_redis(None, tmp_path / "recordings") as url:
        assert running_redis_url(tmp_path / "exp1") is None
        with use_redis(None, tmp_path / "exp1") as other:
            assert other != url
            put(url)
            assert not has_it(other)


@pytest.mark.parametrize("runs_meanwhile", [False, True])
def test_a_copied_folder_has_a_separate_redis(tmp_path: Path, runs_meanwhile: bool) -> None:
    folder, copy = tmp_path / "recordings", tmp_path / "exp1"
    with EmbeddedServer(folder) as server:
        if runs_meanwhile:
            shutil.copytree(folder, copy)
    if not runs_meanwhile:
        shutil.copytree(folder, copy)
    with EmbeddedServer(folder) as server:
        assert running_redis_url(copy) is None
        with use_redis(None, copy) as other:
            assert other != server.url
            assert answers(server.url)
            assert running_redis_url(folder) == server.url
            assert running_redis_url(copy) == other


def test_an_unreachable_redis_is_reported_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.redis_server.embedded.process._LOCK_DEADLINE_SECS", 0.1)
    with PythonProcess("-c", SLEEPING_OWNER, str(tmp_path)) as owner:
        socket_of(owner.wait_for("url ").split()[1]).unlink()
        with pytest.raises(ServerStartError, match="Stop the process"), use_redis(None, tmp_path):
            pass
