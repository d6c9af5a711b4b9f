"""Fixtures for every test: real servers, and a Redis client."""

from __future__ import annotations

import os
import secrets
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import settings
from xdist.workermanage import NodeManager

from recorder.redis_server.client import make_client
from recorder.redis_server.embedded import EmbeddedServer
from tests.command_line import Call, caller
from tests.postgres_server import PostgresServer, postgres_server
from tests.s3_server import S3Server, s3_server

# Time is measured in benchmarks: a slow example on a busy machine is no failure. The blob repeats a failing one.
settings.register_profile("recorder", deadline=None, print_blob=True)
settings.load_profile("recorder")

# A shell that starts the suite in the background has it ignore Ctrl-C, and the programs that it tests would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Each test process is one of several, and its tensors are small: threads of a library would only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Some 500 processes are started. Where nothing may be written, each of them would compile the three packages again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# After Ctrl-C each test process ends the servers and browsers that it started; a killed one would leave them running.
NodeManager.EXIT_TIMEOUT = 60


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Iterator[None]:
    """What a test process reports to the one that prints it: their channel takes no text with half a surrogate pair."""
    report = yield
    return _sendable(report)


def _sendable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_sendable(key): _sendable(item) for key, item in value.items()}
    return type(value)(map(_sendable, value)) if isinstance(value, list | tuple) else value


@pytest.fixture(autouse=True)
def own_state_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where black boxes lie: what a killed trainer leaves must not be recovered into another test's server."""
    folder = tmp_path_factory.getbasetemp() / f"state-{secrets.token_hex(4)}"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Call:
    """``call("list", "--json")``: run the command line in this process."""
    return caller(capfd)


_LONGEST_FILES = (
    "worker/test_lost_folders.py",
    "worker/test_installations.py",
    "worker/test_worker_process.py",
    "test_wheel.py",
    "docs/test_walkthrough.py",
    "test_demo.py",
    "video/test_stored_videos.py",
    "worker/test_short_programs.py",
    "worker/test_pulse.py",
    "worker/test_full_server.py",
    "worker/test_two_workers.py",
    "replay/test_slow_clients.py",
    "replay/test_memory_limits.py",
    "replay/test_serving.py",
    "worker/test_foreign_keys.py",
    "wrappers/test_reproduction.py",
    "wrappers/test_docs.py",
    "wrappers/test_sb3.py",
    "video/test_render_workers.py",
    "publish/test_succession.py",
    "catalog/test_episodes.py",
    "page/test_player.py",
    "ingest/test_killed_worker.py",
    "test_unsuitable_servers.py",
    "page/test_compare_and_live.py",
    "page/test_devices.py",
    "video/test_queue.py",
)
"""Of the files, those that take longest. Test processes take whole files: a long one at the end would leave the others idle."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first."""
    rank = {Path(__file__).parent / name: place for place, name in enumerate(_LONGEST_FILES)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A real Redis or Valkey server for the whole session; a test that stops servers starts its own."""
    with EmbeddedServer(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def redis_client(redis_server: EmbeddedServer) -> Iterator[redis.Redis]:
    """A client of the session's server, which is empty when the test begins."""
    client = make_client(redis_server.url, purpose="worker")
    client.flushall()
    yield client
    client.flushall()  # of the next test's workers it would be another installation's server
    client.close()


@pytest.fixture
def redis_url(redis_server: EmbeddedServer, redis_client: redis.Redis) -> str:
    """URL of the session's server, which is empty when the test begins."""
    return redis_server.url


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL cluster for the session; each test creates a separate database."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3_process() -> Iterator[S3Server]:
    """An S3 server for the whole session."""
    with s3_server() as server:
        yield server


@pytest.fixture
def s3(s3_process: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The session's S3 server, which this process and those that it starts find by the environment."""
    for name, value in s3_process.environment.items():
        monkeypatch.setenv(name, value)
    return s3_process
