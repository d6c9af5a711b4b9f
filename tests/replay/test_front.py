"""The front alone, over an application of a few lines, with limits that are small."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client

from replay_server.access.proxy import Proxied, parse_networks
from replay_server.front import Front, FrontLimits
from replay_server.front.intake import Intake
from replay_server.front.workers import Turns, Workers
from replay_server.unread_bytes import Progress
from tests.waiting import DEADLINE_SECS, wait_until

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Endless:
    """An application whose answer never ends; notes what was let go of."""

    def __init__(self) -> None:
        self.n_closed = 0

    def __call__(self, _environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return self._pieces()

    def _pieces(self) -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 50_000
        finally:
            self.n_closed += 1


@contextmanager
def fronting(
    app: Any, path_of: Callable[[dict[str, Any]], str] = lambda environ: environ["PATH_INFO"], **limits: Any
) -> Iterator[tuple[Front, int]]:
    """A front on a thread; yields it and its port."""
    loop = asyncio.new_event_loop()
    front = Front(app, loop, n_threads=2, limits=FrontLimits(check_secs=0.02, **limits), path_of=path_of)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    loop.call_soon(front.listen, listener)
    thread.start()
    try:
        yield front, listener.getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(front.close(0.0), loop).result(DEADLINE_SECS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        listener.close()


def test_a_client_that_reads_nothing_is_disconnected_and_its_answer_freed() -> None:
    app = Endless()
    with fronting(app, rate_secs=0.1) as (_, port), socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(REQUEST)
        wait_until(lambda: app.n_closed == 1, message="the end of the answer")


def test_a_client_that_disconnects_has_its_answer_freed() -> None:
    app = Endless()
    with fronting(app) as (_, port):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(REQUEST)
            assert client.recv(100).startswith(b"HTTP/1.1 200 OK")
        wait_until(lambda: app.n_closed == 1, message="the end of the answer")


def test_a_connection_reset_before_accept_is_not_a_failure() -> None:
    with ThreadPoolExecutor(1) as thread:  # this one may have a loop already, of a browser's driver
        assert thread.submit(_serve_an_honest_client_after_one_that_resets).result() == []


def _serve_an_honest_client_after_one_that_resets() -> list[dict[str, Any]]:
    """Failures that were reported to the loop."""
    asked = asyncio.Event()
    failures: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/honest":
            loop.call_soon_threadsafe(asked.set)
        return []

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _, failure: failures.append(failure))
    front = Front(app, loop, n_threads=1, limits=FrontLimits())
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as gone,
        socket.create_connection(listener.getsockname()) as honest,
    ):
        gone.sendall(REQUEST)
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.close()
        honest.sendall(REQUEST.replace(b"/", b"/honest", 1))
        front.listen(listener)
        loop.run_until_complete(asyncio.wait_for(asked.wait(), DEADLINE_SECS))
        loop.run_until_complete(front.close(DEADLINE_SECS))
    loop.close()
    return failures


def test_a_client_that_leaves_before_its_answer_is_not_a_failure() -> None:
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(_answer_a_client_that_left).result() == []


def _answer_a_client_that_left() -> list[dict[str, Any]]:
    """Failures that were reported to the loop."""
    begun, left = threading.Event(), threading.Event()

    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        begun.set()
        assert left.wait(DEADLINE_SECS)
        start_response("200 OK", [])
        return [b"x"]

    def leave(address: Any) -> None:
        with socket.create_connection(address) as client:
            client.sendall(REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert begun.wait(DEADLINE_SECS)
        left.set()

    loop = asyncio.new_event_loop()
    failures: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, failure: failures.append(failure))
    front = Front(app, loop, n_threads=1, limits=FrontLimits())
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as client:
        front.listen(listener)
        loop.run_until_complete(loop.run_in_executor(client, leave, listener.getsockname()))
        loop.run_until_complete(front.close(DEADLINE_SECS))
    loop.close()
    return failures


def test_requests_that_come_together_are_all_read_before_the_first_is_answered() -> None:
    with ThreadPoolExecutor(1) as thread:
        assert set(thread.submit(_count_read_requests_at_each_answer, 100).result()) == {100}


def _count_read_requests_at_each_answer(n_clients: int) -> list[int]:
    """How many requests were read when each answer began."""
    n_read, counts, done = 0, [], threading.Event()

    def path_of(environ: dict[str, Any]) -> str:
        nonlocal n_read
        n_read += 1
        return str(environ["PATH_INFO"])

    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        counts.append(n_read)
        if len(counts) == n_clients:
            done.set()
        start_response("200 OK", [])
        return []

    loop = asyncio.new_event_loop()
    front = Front(app, loop, n_threads=1, limits=FrontLimits(), path_of=path_of, clock=lambda: 0.0)
    with socket.create_server(("127.0.0.1", 0), backlog=n_clients) as listener, ExitStack() as clients:
        for _ in range(n_clients):
            clients.enter_context(socket.create_connection(listener.getsockname(), DEADLINE_SECS)).sendall(REQUEST)
        front.listen(listener)
        loop.run_until_complete(loop.run_in_executor(None, done.wait, DEADLINE_SECS))
        loop.run_until_complete(front.close(0.0))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    return counts


def test_arrivals_without_end_delay_answers_for_half_of_the_time_at_most() -> None:
    calls: list[Callable[[], object]] = []
    now, n_held = 0.0, 0
    pool = Workers(1, "test")

    class Rounds(asyncio.AbstractEventLoop):
        def call_soon(self, callback: Callable[..., object], *args: Any, context: Any = None) -> Any:
            calls.append(lambda: callback(*args))

    intake = Intake(Rounds(), (pool,), lambda: now)
    for _ in range(100):
        now += 0.1
        intake.note_arrival()
        due, calls[:] = list(calls), []
        for call in due:
            call()
        job = pool.submit(lambda: None)
        n_held += pool.is_held
        if not pool.is_held:
            job.result(DEADLINE_SECS)
    pool.end()
    assert 20 < n_held <= 55


def test_requests_that_never_end_are_refused_after_a_time() -> None:
    with fronting(Endless(), request_secs=0.1, keepalive_secs=0.1) as (_, port):
        with socket.create_connection(("127.0.0.1", port), DEADLINE_SECS) as client:
            client.sendall(REQUEST[:10])
            assert client.recv(1000).startswith(b"HTTP/1.1 408 ")
        with socket.create_connection(("127.0.0.1", port), DEADLINE_SECS) as client:
            assert client.recv(1000) == b""


def test_a_new_connection_replaces_the_oldest_silent_one() -> None:
    with fronting(Endless(), max_connections=3) as (_, port):
        silent = [socket.create_connection(("127.0.0.1", port), DEADLINE_SECS) for _ in range(3)]
        with socket.create_connection(("127.0.0.1", port), DEADLINE_SECS) as client:
            client.sendall(REQUEST)
            assert client.recv(100).startswith(b"HTTP/1.1 200 OK")
        closed = silent[0]
        try:
            assert closed.recv(100) == b""
        except ConnectionResetError:
            pass
        for sock in silent:
            sock.close()


def test_an_application_that_fails_gets_an_error_or_a_closed_connection() -> None:
    def fails(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/at-once":
            raise RuntimeError("at once")
        start_response("200 OK", [])
        return pieces()

    def pieces() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise RuntimeError("later")

    def ask(path: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", port), DEADLINE_SECS) as client:
            client.sendall(REQUEST.replace(b"/", path, 1))
            whole = b""
            try:
                while piece := client.recv(65536):
                    whole += piece
            except ConnectionResetError:
                pass
            return whole

    with fronting(fails) as (_, port):
        assert ask(b"/at-once").startswith(b"HTTP/1.1 500 ")
        broken = ask(b"/later")
        assert broken.startswith(b"HTTP/1.1 200 ")
        assert not broken.endswith(b"0\r\n\r\n"), "a broken answer looks whole"


def test_the_minimum_rate_counts_only_while_data_waits() -> None:
    progress = Progress(100.0, 10.0)
    progress.n_written_bytes = 5000
    assert not progress.is_too_slow(0.0, 5000)
    assert not progress.is_too_slow(9.0, 5000)
    assert not progress.is_too_slow(10.0, 4000), "exactly the least"
    assert progress.is_too_slow(20.0, 3001)
    assert not progress.is_too_slow(25.0, 0)
    progress.n_written_bytes = 6000
    assert not progress.is_too_slow(100.0, 1000), "nothing waited in the meantime"


def test_a_new_request_waits_for_at_most_two_others() -> None:
    workers = Workers(1, "test")
    gate, begun, order = threading.Event(), threading.Event(), []

    def block() -> None:
        begun.set()
        gate.wait()

    workers.submit(block)
    assert begun.wait(DEADLINE_SECS)
    jobs = [
        workers.submit(lambda name=name: order.append(name), is_first=is_first)
        for is_first in (True, False)
        for name in range(300)
    ]
    jobs.append(workers.submit(lambda: order.append("new"), is_first=True))
    jobs += [workers.submit(lambda: order.append("later"), is_first=False) for _ in range(300)]
    gate.set()
    for job in jobs:
        job.result(DEADLINE_SECS)
    assert order.index("new") < 2
    workers.end()


def test_each_item_gets_its_turn_among_many_new_ones() -> None:
    turns: Turns[str] = Turns()
    turns.add("goes on", is_first=False)
    turns.add("oldest", is_first=True)
    taken = []
    while len(turns):
        for number in range(2):
            if len(taken) < 10:
                turns.add(f"new {number}", is_first=True)
        taken.append(turns.take())
    assert {"goes on", "oldest"} <= set(taken[:4])
    assert turns.take_all() == []
    with pytest.raises(KeyError):
        turns.take()


@pytest.mark.parametrize("path", [b"/healthz", b"/a%20b/healthz"])
def test_health_is_answered_below_a_prefix_while_all_threads_are_busy(app: Flask, path: bytes) -> None:
    proxied = Proxied(app.wsgi_app, base_path="/a%20b", trusted=())
    gate = threading.Event()

    def blocking(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ["PATH_INFO"].endswith("/healthz"):
            gate.wait()
        return proxied(environ, start_response)

    with fronting(blocking, path_of=proxied.path_of) as (_, port), ExitStack() as clients:
        for _ in range(4):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", port), DEADLINE_SECS))
            client.sendall(REQUEST)
        with socket.create_connection(("127.0.0.1", port), DEADLINE_SECS) as prober:
            prober.sendall(REQUEST.replace(b"/", path, 1))
            assert prober.recv(100).startswith(b"HTTP/1.1 200 OK")
        gate.set()


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"PATH_INFO": "/healthz"}, "/healthz"),
        ({"PATH_INFO": "/base/healthz"}, "/healthz"),
        ({"PATH_INFO": "/other/healthz"}, "/other/healthz"),
        ({"PATH_INFO": "/runs/healthz", "HTTP_X_FORWARDED_PREFIX": "/runs"}, "/runs/healthz"),
        (
            {"PATH_INFO": "/x/healthz", "HTTP_X_FORWARDED_PREFIX": "/y, /x/", "REMOTE_ADDR": "127.0.0.1"},
            "/healthz",
        ),
    ],
)
def test_the_prefix_is_removed_from_the_applications_path(environ: dict[str, Any], path: str) -> None:
    proxied = Proxied(lambda *_: [], base_path="/base", trusted=parse_networks("127.0.0.1"))
    assert proxied.path_of(environ) == path


@pytest.mark.parametrize(("method", "status"), [("GET", 302), ("HEAD", 302), ("OPTIONS", 200), ("POST", 405)])
def test_only_who_reads_a_page_is_sent_from_the_prefix_to_its_slash(app: Flask, method: str, status: int) -> None:
    client = Client(Proxied(app.wsgi_app, base_path="/base", trusted=()))
    answer = client.open("/base", method=method, base_url="http://localhost")
    assert answer.status_code == status
    assert (answer.headers.get("Location") == "/base/") == (status == 302)
