"""Whatever letters a path has, the server starts with our settings or not at all, and is reached."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from redis import Redis

from recorder import EpisodeRecorder, find_redis_url
from recorder.errors import ServerStartError, SettingsError
from recorder.redis_server.client import answers, make_client
from recorder.redis_server.embedded import EmbeddedServer, running_redis_url
from recorder.redis_server.embedded.address import configuration
from recorder.redis_server.embedded.process import confirm_settings
from recorder.settings import load_settings
from recorder.urls import celery_broker_url, normalise_redis_url, unix_url
from worker.app import create_app

ODD_NAMES = [
    "exp[lr=0.1]",
    "a*b?c{d}",
    'it\'s "quoted"',
    " leads and trails ",
    "two\nlines\tand a tab",
    "ünï 😀",
    "100%25 #1 ?x=y&z",
    "back\\slash\\x41 $HOME ~",
    "-option --port 6379",
    os.fsdecode(b"not utf-8 \xff"),
]


def listening_ports(pid: int) -> list[str]:
    """Addresses of the TCP sockets on which a process listens."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            link = str(descriptor.readlink())
        except FileNotFoundError:
            continue  # the connection of a client that has just closed
        if link.startswith("socket:["):
            inodes.add(link[len("socket:[") : -1])
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()
    ]
    return [line[1] for line in lines if len(line) > 9 and line[3] == "0A" and line[9] in inodes]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_folder_with_any_name_has_a_private_configured_redis(tmp_path: Path, name: str, binary: Path) -> None:
    folder = tmp_path / name / ".server"
    with EmbeddedServer(folder, binary=binary) as server:
        client = make_client(server.url, purpose="worker")
        client.set("kept", b"1")
        configured = client.config_get("*")
        client.close()
        assert listening_ports(server.pid) == [], "it listens on no port at all"
        assert configured["appendonly"] == "yes"
        assert configured["maxmemory-policy"] == "noeviction"
        assert (folder / "appendonlydir").is_dir(), "its data is in the folder"
        assert running_redis_url(folder) == server.url
    with EmbeddedServer(folder, binary=binary) as server:
        client = make_client(server.url, purpose="worker")
        assert client.get("kept") == b"1"
        client.close()


@pytest.mark.parametrize("name", ["a#b", "a?b=c", "100%41", "ünï", "it's [0]*"])
def test_a_temporary_folder_with_any_name_can_have_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        folder = Path(short) / name
        folder.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        with EmbeddedServer(tmp_path / ".server") as server:
            assert server.url.startswith("unix://")
            assert next(folder.glob("hamlet-*/*")).is_socket()
            url = find_redis_url(tmp_path)
            with EpisodeRecorder(url, run_id="r") as recorder:
                recorder.record_step(0, 0, (0, 0), [1.0], 0, 0.0, done=True)
                recorder.finish_episode(0)
            client = make_client(url, purpose="worker")
            assert client.zrange("hamlet:runs", 0, -1) == [b"r"]
            client.close()
            app = create_app(load_settings(overrides={"recordings_dir": str(tmp_path)}), redis_url=url)
            with app.connection_for_write() as connection:
                assert connection.default_channel.client.ping(), "Celery reaches it as well"


def test_a_temporary_folder_with_a_name_that_urls_cannot_have_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with EmbeddedServer(tmp_path / ".server") as server:
        assert "@127.0.0.1:" in server.url
        assert answers(server.url)
        assert [address.partition(":")[0] for address in listening_ports(server.pid)] == ["0100007F"], "loopback alone"


def test_a_redis_that_ignores_its_settings_is_stopped_with_an_error(tmp_path: Path, binary: Path) -> None:
    program = tmp_path / "deaf"
    program.write_text(f"#!/bin/sh\nsed 's/noeviction/allkeys-lru/' | exec '{binary}' \"$@\"\n")
    program.chmod(0o755)
    server = EmbeddedServer(tmp_path / "data", binary=program)
    with pytest.raises(ServerStartError, match="ignored its settings: maxmemory-policy"):
        server.start()
    assert running_redis_url(tmp_path / "data") is None


def test_a_program_that_reads_no_settings_is_never_exposed(tmp_path: Path, binary: Path) -> None:
    program = tmp_path / "deaf"
    program.write_text(f"#!/bin/sh\nexec '{binary}' \"$@\" < /dev/null\n")
    program.chmod(0o755)
    with pytest.raises(ServerStartError, match="not listen anywhere"):
        EmbeddedServer(tmp_path / "data", binary=program).start()


def test_settings_are_compared_with_the_answers_of_config_get(tmp_path: Path, binary: Path) -> None:
    with EmbeddedServer(tmp_path, binary=binary) as server:
        confirm_settings(server.url, {"appendonly": b"yes", "dir": os.fsencode(tmp_path)})
        with pytest.raises(ServerStartError, match="dir"):
            confirm_settings(server.url, {"dir": b"/"})
        with pytest.raises(ServerStartError, match="no-such-setting"):
            confirm_settings(server.url, {"no-such-setting": b"1"})


def test_every_setting_is_written_on_one_line() -> None:
    assert configuration({"dir": b'a "b"\n\xff\\'}) == 'dir "a \\x22b\\x22\\x0a\\xff\\x5c"\n'


@pytest.mark.parametrize("path", ["/tmp/a#b", "/tmp/a?b", "/tmp/100%", "/tmp/ü ö"])
def test_a_path_survives_the_round_trip_through_a_url(path: str) -> None:
    client = Redis.from_url(normalise_redis_url(unix_url(path)))
    assert client.connection_pool.connection_kwargs["path"] == path
    client.close()
    assert celery_broker_url(unix_url(path)).startswith("redis+socket:///tmp/")


def test_an_unescaped_hash_in_a_socket_url_is_refused_with_advice() -> None:
    with pytest.raises(SettingsError, match="%23"):
        normalise_redis_url("unix:///tmp/a#b/redis.sock")
