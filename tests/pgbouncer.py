"""PgBouncer in front of the tests' PostgreSQL: it lends a connection of the server for one transaction."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.postgres_server import PostgresServer, as_owner
from tests.waiting import wait_until

__all__ = ["pgbouncer", "url_through"]

_PORT = 6432
"""The name of the socket's file only: nothing listens on a port."""

_N_SERVER_CONNECTIONS = 2
"""Fewer than the clients have, so that each gets them all in turn."""


@contextmanager
def pgbouncer(server: PostgresServer) -> Iterator[Path]:
    """Start it, and end it on the way out; yields the folder of its socket. Without it: fail in CI, skip elsewhere."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("pgbouncer was not found: CI has to install it")
        pytest.skip("pgbouncer was not found")
    home = Path(tempfile.mkdtemp(prefix="pgb-", dir="/tmp"))
    try:
        settings = home / "pgbouncer.ini"
        settings.write_text(
            f"""
            [databases]
            * = host={server.socket_dir} user=tests
            [pgbouncer]
            unix_socket_dir = {home}
            listen_port = {_PORT}
            auth_type = any
            pool_mode = transaction
            default_pool_size = {_N_SERVER_CONNECTIONS}
            """.replace("            ", "")
        )
        with (home / "log").open("wb") as log:
            command = [*as_owner(home), program, str(settings)]
            process = subprocess.Popen(command, cwd=home, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: _answers(home) or process.poll() is not None, message="an answer of pgbouncer")
            assert process.poll() is None, (home / "log").read_text()
            yield home
        finally:
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _answers(home: Path) -> bool:
    try:
        psycopg.connect(f"host={home} port={_PORT} user=tests dbname=postgres", connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def url_through(socket_dir: Path, database: str) -> str:
    """The URL of a database by way of the pooler."""
    return f"postgresql+psycopg://tests@/{database}?host={socket_dir}&port={_PORT}"
