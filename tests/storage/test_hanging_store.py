"""A hanging store: every call ends in time, and everything else continues."""

from __future__ import annotations

import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from recorder import EpisodeRecorder
from recorder.catalog import Catalog
from recorder.errors import StorageError, StorageUnavailableError
from recorder.redis_server.embedded import EmbeddedServer
from recorder.storage import open_storage
from recorder.storage.deadlines import StoreCalls, StoreTimeouts
from tests.episodes import add_episode
from tests.processes import PythonProcess, run_python
from tests.replay.conftest import port_of
from tests.s3_server import S3Server, environment_of
from tests.waiting import DEADLINE_SECS, wait_until
from tests.worker.cluster import open_cluster, workers
from tests.worker.recording import QUICK, play

SOON = StoreTimeouts(answer_secs=0.5, listing_secs=0.5)


@contextmanager
def black_hole() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The environment of a store that hangs; it is this process's, too."""
    with black_hole() as endpoint:
        environment = environment_of(endpoint)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield environment


def test_every_call_to_a_hanging_store_ends(hanging: dict[str, str]) -> None:
    for act in (
        lambda storage: storage.read("r/episode_000000.msgpack", max_bytes=9),
        lambda storage: storage.open("r/episode_000000.msgpack"),
        lambda storage: storage.exists("r/episode_000000.msgpack"),
        lambda storage: storage.delete("r/episode_000000.msgpack"),
        lambda storage: storage.write_all({"r/episode_000000.msgpack": b"x"}),
        lambda storage: list(storage.names()),
    ):
        with pytest.raises(StorageUnavailableError, match="did not answer within"):
            act(open_storage("s3://bucket/runs", SOON))


def test_a_store_that_recovers_is_used_again(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with Switch(s3.endpoint) as switch:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", switch.endpoint)
        storage = open_storage(f"s3://{s3.new_bucket()}/runs", SOON)
        wait_until(
            lambda: written(storage), message="the first file"
        )  # a busy machine may take longer than half a second
        switch.hangs = True
        with pytest.raises(StorageUnavailableError):
            storage.read("r/episode_000000.msgpack", max_bytes=9)
        with pytest.raises(StorageUnavailableError, match="does not answer; it will be tried again later"):
            storage.read("r/episode_000000.msgpack", max_bytes=9)
        switch.hangs = False
        wait_until(lambda: written(storage), message="the store's answer")


def written(storage: Any) -> bool:
    try:
        storage.write_all({"r/episode_000000.msgpack": b"x"})
    except StorageUnavailableError:
        return False
    return True


class Switch:
    """A server before another one, which passes nothing on while it hangs."""

    def __init__(self, endpoint: str) -> None:
        host, _, port = endpoint.removeprefix("http://").partition(":")
        self._target = host, int(port)
        self.hangs = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Switch:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for connection in [self._listener, *self._sockets]:
            with_no_error(lambda connection=connection: connection.shutdown(socket.SHUT_RDWR))
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            target = socket.create_connection(self._target)
            self._sockets += [client, target]
            for one, other in ((client, target), (target, client)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                if not self.hangs:
                    other.sendall(data)
        except OSError:
            pass
        with_no_error(lambda: other.shutdown(socket.SHUT_WR))


def with_no_error(act: Any) -> None:
    try:
        act()
    except OSError:
        pass


def test_few_calls_wait_for_a_store_and_the_rest_are_refused() -> None:
    calls = StoreCalls("s3://bucket")
    release = threading.Event()
    with ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(calls.run, lambda: release.wait(DEADLINE_SECS), secs=DEADLINE_SECS) for _ in range(20)]
        refused = [call for call in waiting if _is_refused(call, n_of=waiting)]
        assert len(refused) == 16
        release.set()
    assert sum(call.exception() is None for call in waiting) == 4


def _is_refused(call: Any, *, n_of: list[Any]) -> bool:
    wait_until(lambda: sum(other.done() for other in n_of) >= 16, message="the refusals")
    return call.done() and isinstance(call.exception(), StorageUnavailableError)


def test_answered_calls_wait_for_their_turn() -> None:
    calls = StoreCalls("s3://bucket")
    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(lambda n: calls.run(lambda: n, secs=DEADLINE_SECS), range(200))) == list(range(200))


def test_an_error_of_the_store_reaches_the_caller() -> None:
    def fail() -> None:
        raise StorageError("no")

    with pytest.raises(StorageError, match="no"):
        StoreCalls("s3://bucket").run(fail, secs=DEADLINE_SECS)


def test_health_and_lists_answer_while_the_store_hangs(hanging: dict[str, str], tmp_path: Path) -> None:
    database = tmp_path / "catalog.db"
    with Catalog(database) as catalog:
        for episode_id in range(20):
            add_episode(catalog, tmp_path, episode_id=episode_id, n_steps=3)
    arguments = [
        "-m",
        "recorder",
        "serve",
        "--recordings",
        "s3://bucket/runs",
        "--database",
        str(database),
        "--port",
        "0",
    ]
    environment = {**hanging, "HAMLET_RECORDER_STORAGE__TIMEOUT_SECS": "600"}
    with ThreadPoolExecutor(20) as pool, PythonProcess(*arguments, environment=environment) as process:
        place = f"http://127.0.0.1:{port_of(process)}"
        asked = [pool.submit(status_of, f"{place}/api/v1/episodes/demo/{number}/file") for number in range(20)]
        wait_until(lambda: sum(call.done() for call in asked) >= 16, message="the refusals")
        assert status_of(f"{place}/healthz") == 200
        assert status_of(f"{place}/api/v1/episodes") == 200
        assert {call.result() for call in asked if call.done()} == {503}


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE_SECS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_workers_decide_while_the_store_hangs(hanging: dict[str, str], tmp_path: Path) -> None:
    with (
        EmbeddedServer(tmp_path / "server") as server,
        open_cluster(tmp_path, server.url) as cluster,
        workers(
            cluster,
            1,
            **hanging,
            HAMLET_RECORDER_RECORDINGS_DIR="s3://bucket/runs",
            HAMLET_RECORDER_STORAGE__TIMEOUT_SECS="1",
        ) as (worker,),
    ):
        for number in range(3):
            with EpisodeRecorder(cluster.url, run_id=f"run-{number}", limits=QUICK) as recorder:
                for episode_id in range(8):
                    play(recorder, episode_id)
        wait_until(lambda: all(cluster.rows(f"run-{number}") for number in range(3)), message="the decisions")
        written = [row for number in range(3) for row in cluster.rows(f"run-{number}").values() if row.written_at]
        assert written == []
        wait_until(lambda: "stay in the stream" in worker.output, message="what the worker says")


@pytest.mark.parametrize("url", ["ftp://name:hunter2@127.0.0.1:1/x", "sftp://127.0.0.1:1/x", "nonsense://x/y"])
def test_an_unreachable_store_is_reported_in_one_sentence(url: str, tmp_path: Path) -> None:
    database = str(tmp_path / "catalog.db")
    commands = [["reindex"]] if url.startswith("ftp") else [["reindex"], ["serve", "--port", "0"]]
    for command in commands:
        status, output = run_python(["-m", "recorder", *command, "--recordings", url, "--database", database])
        assert status != 0
        assert "Traceback" not in output
        assert "hunter2" not in output
        assert len(output.strip().splitlines()) == 1, output


def test_the_replay_server_starts_before_its_store(tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog.db") as catalog:
        add_episode(catalog, tmp_path, episode_id=1, n_steps=3)
    places = ["--recordings", "ftp://127.0.0.1:1/x", "--database", str(tmp_path / "catalog.db")]
    with PythonProcess("-m", "recorder", "serve", *places, "--port", "0") as process:
        place = f"http://127.0.0.1:{port_of(process)}"
        assert status_of(f"{place}/api/v1/episodes/demo/1/file") == 503
        assert "Traceback" not in process.output
