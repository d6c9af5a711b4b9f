"""The replay server, started for a measurement: one process, on a folder of recordings."""

from __future__ import annotations

import http.client
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.stack import wait_until
from recorder.child_process import ChildProcess

__all__ = ["DEADLINE_SECS", "get", "serving"]

DEADLINE_SECS = 180.0
_CACHE_BYTES = 64 * 2**20


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """The replay server of one process; the port that it serves."""
    config, log = folder / "bench.yaml", folder / "server.log"
    config.write_text(f"recording:\n  server:\n    cache_bytes: {_CACHE_BYTES}\n")
    command = [
        sys.executable,
        "-m",
        "recorder",
        "serve",
        "--config",
        str(config),
        "--recordings",
        str(folder),
        "--port",
        "0",
    ]
    link = re.compile(r"http://127\.0\.0\.1:(\d+)/")
    with ChildProcess(command, log=log) as server:
        wait_until(
            lambda: log.exists() and link.search(log.read_text()) is not None,
            "the replay server's link",
            is_alive=lambda: server.is_alive,
            log=server.log_tail,
        )
        found = link.search(log.read_text())
        assert found is not None
        yield int(found[1])


def get(connection: http.client.HTTPConnection, path: str) -> bytes:
    """The body of the server's answer.

    Raises:
        RuntimeError: the answer is an error.
    """
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    if response.status != http.client.OK:
        raise RuntimeError(f"{response.status} for {path}: {body!r:.200}")
    return body
