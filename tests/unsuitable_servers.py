"""Real servers that are no plain Redis on a plain port: a node of a Redis Cluster, a Sentinel, one that speaks TLS alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from recorder.redis_server.embedded import find_server_binary
from tests.ports import free_port
from tests.waiting import DEADLINE_SECS, wait_until

__all__ = ["cluster_node", "replica", "sentinel", "tls_server"]


@contextmanager
def cluster_node(folder: Path) -> Iterator[str]:
    """URL of a cluster's one node, which has all slots."""
    port = free_port()
    options = ["--port", f"{port}", "--cluster-enabled", "yes", "--cluster-port", f"{free_port()}", "--save", ""]
    with _running([str(find_server_binary()), *options, "--bind", "127.0.0.1", "--dir", str(folder)], port) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO"), message="a cluster")
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def sentinel(folder: Path) -> Iterator[str]:
    """URL of a Sentinel that watches a server which is not there."""
    port = free_port()
    file = folder / "sentinel.conf"
    file.write_text(f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor mymaster 127.0.0.1 {free_port()} 1\n")
    with _running([str(find_server_binary()), str(file), "--sentinel"], port):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def replica(folder: Path) -> Iterator[str]:
    """URL of a read-only copy of a server which is not there."""
    port = free_port()
    options = ["--port", f"{port}", "--replicaof", f"127.0.0.1 {free_port()}", "--save", ""]
    with _running([str(find_server_binary()), *options, "--bind", "127.0.0.1", "--dir", str(folder)], port):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def tls_server(folder: Path) -> Iterator[str]:
    """``rediss://`` URL of a server with a certificate that it has made itself; the URL names no authority."""
    port = free_port()
    certificate, key = folder / "server.crt", folder / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    options = {"port": "0", "tls-port": f"{port}", "tls-cert-file": str(certificate), "tls-key-file": str(key)}
    options |= {"tls-ca-cert-file": str(certificate), "tls-auth-clients": "no", "save": "", "dir": str(folder)}
    command = [str(find_server_binary()), "--bind", "127.0.0.1"]
    command += [word for name, value in options.items() for word in (f"--{name}", value)]
    with _running(command, port, ssl=True, ssl_ca_certs=str(certificate)):
        yield f"rediss://localhost:{port}/0"


@contextmanager
def _running(command: list[str], port: int, **tls: object) -> Iterator[redis.Redis]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    client: redis.Redis = redis.Redis(host="127.0.0.1", port=port, **tls)  # type: ignore[call-overload]

    def is_there() -> bool:
        if process.poll() is not None:
            assert process.stdout is not None
            output = process.stdout.read()
            if "Failed finding TLS support" in output:
                reason = "the server that is installed speaks no TLS: apt-get install redis-server"
                pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
            raise AssertionError(output)
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False

    try:
        wait_until(is_there, message="an answer of the server")
        yield client
    finally:
        client.close()
        process.kill()
        process.wait(DEADLINE_SECS)
        if process.stdout is not None:
            process.stdout.close()
