"""The client factory: no silent retries, short timeouts, bytes unchanged, recorder errors without passwords."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from recorder.errors import SettingsError, StreamError, StreamUnavailableError
from recorder.redis_server.client import answers, make_client, translate_errors
from recorder.redis_server.embedded import EmbeddedServer


@pytest.fixture
def silent_server() -> Iterator[tuple[str, list[bytes]]]:
    """A server that takes connections, notes what it is sent, and never answers."""
    received: list[bytes] = []
    connections: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def read(connection: socket.socket) -> None:
        while data := connection.recv(65536):
            received.append(data)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            threading.Thread(target=read, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"redis://:secret@127.0.0.1:{listener.getsockname()[1]}/0", received
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for connection in connections:
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()


def test_values_are_returned_as_bytes(redis_url: str) -> None:
    client = make_client(redis_url, purpose="trainer")
    client.xadd("stream", {b"c": b"\x00\xff\xfe"}, id="5-1")
    assert client.xrange("stream") == [(b"5-1", {b"c": b"\x00\xff\xfe"})]
    client.close()


def test_a_command_that_times_out_is_sent_once(silent_server: tuple[str, list[bytes]]) -> None:
    url, received = silent_server
    client = make_client(url.replace(":secret@", ""), purpose="trainer", socket_timeout_secs=0.2)
    with pytest.raises(StreamUnavailableError, match="Timeout"), translate_errors(url):
        client.ping()
    client.close()
    sent = b"".join(received)
    assert sent.count(b"HELLO") <= 1, "one connection, one attempt"


def test_a_pipeline_that_timed_out_is_not_sent_again(redis_url: str) -> None:
    client = make_client(redis_url, purpose="trainer", socket_timeout_secs=0.2)
    pipeline = client.pipeline(transaction=False)
    pipeline.incr("sent")
    pipeline.blpop(["never"], timeout=60)
    with pytest.raises(StreamUnavailableError), translate_errors(redis_url):
        pipeline.execute(raise_on_error=False)
    assert client.get("sent") == b"1"
    client.close()


@pytest.mark.parametrize("purpose", ["trainer", "worker", "server"])
def test_connections_have_names_in_redis(redis_url: str, purpose: str) -> None:
    client = make_client(redis_url, purpose=purpose)  # type: ignore[arg-type]
    assert client.client_getname() in (f"hamlet-{purpose}", f"hamlet-{purpose}".encode())
    client.close()


def test_threads_beyond_the_pool_wait_for_their_turn(redis_url: str) -> None:
    client = make_client(redis_url, purpose="trainer")
    failures: list[Exception] = []

    def use() -> None:
        try:
            for _ in range(20):
                client.incr("count")
        except redis.RedisError as error:
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert client.get("count") == b"640"
    client.close()


def test_an_unreachable_redis_is_named_without_its_password() -> None:
    url = "redis://:secret@127.0.0.1:1/0"
    client = make_client(url, purpose="trainer")
    with pytest.raises(StreamUnavailableError) as caught, translate_errors(url):
        client.ping()
    assert "redis://:***@127.0.0.1:1/0" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert not answers(url)


def test_a_wrong_password_is_reported_as_such(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        admin = make_client(server.url, purpose="worker")
        admin.config_set("requirepass", "right")
        url = server.url.replace("unix://", "unix://:wrong@")
        client = make_client(url, purpose="trainer")
        with pytest.raises(StreamUnavailableError, match="password") as caught, translate_errors(url):
            client.ping()
        assert "wrong@" not in str(caught.value)
        admin.config_set("requirepass", "")
        admin.close()
        client.close()


def test_a_full_redis_is_a_retryable_error(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        client = make_client(server.url, purpose="trainer")
        client.config_set("maxmemory", "1")
        with pytest.raises(StreamUnavailableError, match="full"), translate_errors(server.url):
            client.set("key", b"1")
        client.close()


def test_a_refused_command_is_not_retryable(redis_url: str) -> None:
    client = make_client(redis_url, purpose="trainer")
    client.set("text", b"1")
    with pytest.raises(StreamError) as caught, translate_errors(redis_url):
        client.xlen("text")
    assert not isinstance(caught.value, StreamUnavailableError)
    client.close()


@pytest.mark.parametrize("reply", ["LOADING x", "MISCONF x", "CLUSTERDOWN x", "READONLY x", "MASTERDOWN x"])
def test_temporary_redis_errors_are_retryable(reply: str) -> None:
    errors = {"READONLY": redis.ReadOnlyError, "LOADING": redis.BusyLoadingError}
    kind = errors.get(reply.split()[0], redis.ResponseError)
    with pytest.raises(StreamUnavailableError), translate_errors("redis://host"):
        raise kind(reply)


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(KeyError), translate_errors("redis://host"):
        raise KeyError("x")


def test_the_error_translation_works_as_a_decorator() -> None:
    @translate_errors("redis://host")
    def fail() -> None:
        raise redis.ConnectionError("gone")

    for _ in range(2):
        with pytest.raises(StreamUnavailableError, match="gone"):
            fail()


@pytest.mark.parametrize("url", ["host:1", "redis://host?max_connections=many", "redis://h?nonsense=1"])
def test_an_invalid_url_is_refused_before_connecting(url: str) -> None:
    with pytest.raises(SettingsError):
        make_client(url, purpose="worker").ping()
