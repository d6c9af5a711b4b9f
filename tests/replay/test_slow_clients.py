"""Clients that send slowly, say nothing or do not read: each holds a socket, and all others are answered."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from recorder.catalog import Catalog
from tests.episodes import add_episode
from tests.processes import PythonProcess
from tests.replay.conftest import connecting, port_of
from tests.waiting import DEADLINE_SECS

N_CLIENTS = 600
HOST = b"Host: localhost\r\n"
JSON = HOST + b"Content-Type: application/json\r\n"
ANNOTATIONS = b"POST /api/v1/episodes/demo/0/annotations HTTP/1.1\r\n"
KINDS = {
    "silent": b"",
    "one letter": b"G",
    "unfinished head": b"GET / HTTP/1.1\r\n" + HOST,
    "unfinished body": ANNOTATIONS + JSON + b"Content-Length: 500\r\n\r\n{",
    "endless chunked body": ANNOTATIONS + JSON + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    "unread file": b"GET /api/v1/episodes/large/1/file HTTP/1.1\r\n" + HOST + b"\r\n",
    "unread steps": b"GET /api/v1/episodes/large/1/steps HTTP/1.1\r\n" + HOST + b"\r\n",
    "unread columns": b"GET /api/v1/episodes/large/1/steps HTTP/1.1\r\n"
    + HOST
    + b"Accept: application/msgpack\r\n\r\n",
}
PATHS = ("/healthz", "/api/v1/runs", "/", "/api/v1/episodes/demo/0/steps", "/api/v1/episodes/demo/0/thumbnail.png")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server with a small recording, and one of several megabytes."""
    folder: Path = tmp_path_factory.mktemp("recordings")
    numbers = np.random.default_rng(0).random((4000, 200))
    columns = {"reward": np.ones(4000, np.float32), "extras.observation": numbers}
    with Catalog(folder / "catalog.db") as catalog:
        add_episode(catalog, folder, episode_id=0, n_steps=50)
        add_episode(catalog, folder, run_id="large", episode_id=1, n_steps=4000, columns=columns)
    with PythonProcess("-m", "recorder", "serve", "--recordings", str(folder), "--port", "0") as process:
        yield port_of(process)


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_client_is_answered_among_600_slow_ones(port: int, kind: str) -> None:
    with ExitStack() as clients, connecting(port) as connect:
        viewer = connect()
        for _ in range(N_CLIENTS):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", port), DEADLINE_SECS))
            client.sendall(KINDS[kind])
        assert [get(port, path) for path in PATHS] == [200] * len(PATHS)
        viewer.send(type="list_recordings", limit=1)
        viewer.receive("recordings_list")
        connect()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET gopher://x HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 40_000 + b"\r\n\r\n", 431),
        (ANNOTATIONS + JSON + b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000, 413),
        (ANNOTATIONS + JSON + b"Content-Length: 4\r\nTransfer-Encoding: gzip\r\n\r\nnull", 501),
        (ANNOTATIONS + JSON + b"Content-Length: 4\r\n\r\nnull", 400),
        (
            b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Le", 400),
        (
            b"GET /healthz HTTP/1.1\r\nSCRIPT_NAME: /elsewhere\r\nSCRIPT-NAME: /x\r\nPATH_INFO: /y\r\n"
            + HOST
            + b"\r\n",
            200,
        ),
        (b"GET http://localhost/healthz HTTP/1.1\r\n" + HOST + b"\r\n", 200),
        (b"GET http://elsewhere.example/ HTTP/1.1\r\n" + HOST + b"\r\n", 403),
        (b"GET http://user@localhost/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET http:///healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 200),
        (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
        (b"HEAD /healthz HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n", 200),
        (
            b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nConnection: close\r\n" + HOST + b"\r\n",
            400,
        ),
    ],
)
def test_each_malformed_request_is_answered_in_one_shape(port: int, request_bytes: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", port), DEADLINE_SECS) as client:
        client.sendall(request_bytes)
        client.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(client, method=request_bytes.split()[0].decode())
        answer.begin()
        body = answer.read()
    assert answer.status == status
    if status >= 400:
        assert set(json.loads(body)["error"]) == {"code", "message", "detail"}


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"HEAD gopher://x HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"HEAD / HTTP/1.1\r\nUpgrade: x\r\nConnection: upgrade\r\n" + HOST + b"\r\nmore", 400),
        (b"HEAD / HTTP/1.1\r\nContent-Length: 70000\r\n" + HOST + b"\r\n" + b"x" * 70_000, 413),
    ],
)
def test_a_refusal_of_head_has_no_body(port: int, request_bytes: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", port), DEADLINE_SECS) as client:
        client.sendall(request_bytes)
        whole = b""
        while piece := client.recv(65536):
            whole += piece
    assert whole.startswith(b"HTTP/1.1 %d " % status)
    assert whole.endswith(b"\r\n\r\n")


def test_a_refusal_repeats_little_of_the_request(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), DEADLINE_SECS) as client:
        client.sendall(b"x" * 20_000 + b"\r\n\r\n")
        assert len(client.recv(65536)) < 1000


def test_requests_before_a_half_close_are_all_answered(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), DEADLINE_SECS) as client:
        client.sendall((b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n") * 3)
        client.shutdown(socket.SHUT_WR)
        whole = b""
        while piece := client.recv(65536):
            whole += piece
    assert whole.count(b"HTTP/1.1 200 OK") == 3


def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    one = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    last = b"GET /api/v1/runs HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n"
    with socket.create_connection(("127.0.0.1", port), DEADLINE_SECS) as client:
        client.sendall(one * 3 + last)
        whole = b""
        while piece := client.recv(65536):
            whole += piece
    assert whole.count(b"HTTP/1.1 200 OK") == 4
    assert whole.endswith(b"}\n")


@pytest.mark.parametrize(
    "opening", [b'{"tags":' + b"[" * 20_000, b'{"tags":' + b'{"a":' * 5000, b'{"tags":[' + b"[" * 40 + b"]" * 41 + b"}"]
)
@pytest.mark.parametrize("address", ["PUT /api/v1/episodes/demo/0/tags", "POST /api/v1/episodes/demo/0/annotations"])
def test_deeply_nested_json_is_refused(port: int, address: str, opening: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECS)
    method, path = address.split()
    connection.request(method, path, opening, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["error"]["code"]) == (400, "bad_request")
    connection.close()


def test_a_deeply_nested_message_is_refused(port: int) -> None:
    with connecting(port) as connect:
        viewer = connect()
        for text in ("[" * 15_000, '{"type":"play","x":' + "[" * 60 + "]" * 60 + "}", '{"type":' + '{"a":' * 3000):
            viewer.send_text(text)
            assert viewer.receive("error")["code"] == "bad_message"
