"""A PostgreSQL cluster of the tests' own: on a Unix socket in a temporary folder, started once, ended with the session."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

__all__ = ["PostgresServer", "as_owner", "find_programs", "postgres_server"]

_START_SECS = 60


class PostgresServer:
    """A running cluster.

    Args:
        socket_dir: the folder of its socket.
    """

    def __init__(self, socket_dir: Path) -> None:
        self.socket_dir = socket_dir
        self._n_databases = 0

    def url(self, database: str) -> str:
        """The catalog's URL of a database."""
        return f"postgresql+psycopg://tests@/{database}?host={self.socket_dir}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection past the catalog, which commits each statement."""
        return psycopg.connect(f"host={self.socket_dir} user=tests dbname={database}", autocommit=True)

    def new_database(self) -> str:
        """Make an empty database; returns its URL."""
        self._n_databases += 1
        name = f"catalog_{self._n_databases}"
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)


def find_programs() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``, the newest version's, or None when PostgreSQL isn't installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(4))
    on_path = shutil.which("initdb")
    if on_path is not None:
        folders.insert(0, Path(on_path).resolve().parent)
    found = [folder for folder in folders if (folder / "initdb").exists() and (folder / "pg_ctl").exists()]
    return found[-1] if found else None


def as_owner(home: Path) -> list[str]:
    """What stands in front of a command that refuses to run as root; the folder is given to who runs it then."""
    if os.geteuid() != 0:
        return []
    owner = "postgres" if "postgres" in {entry.pw_name for entry in pwd.getpwall()} else "nobody"
    shutil.chown(home, owner)
    return ["setpriv", f"--reuid={owner}", "--clear-groups", "--"]


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a cluster, and end it on the way out. Without PostgreSQL: fail in CI, skip elsewhere."""
    programs = find_programs()
    if programs is None:
        message = "PostgreSQL's initdb and pg_ctl were not found under /usr/lib/postgresql/*/bin or on PATH"
        if os.environ.get("CI"):
            pytest.fail(f"{message}: CI has to install PostgreSQL")
        pytest.skip(message)
    # A socket's path has 107 bytes at most, so it can't be in pytest's folder.
    home = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        owner = as_owner(home)
        data = home / "data"

        def run(*command: str | Path) -> None:
            subprocess.run([*owner, *command], check=True, cwd=home, stdout=subprocess.DEVNULL, timeout=120)

        run(
            programs / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"
        )
        settings = f"-c listen_addresses= -k {home} -c fsync=off -c full_page_writes=off -c shared_buffers=32MB"
        pg_ctl = (programs / "pg_ctl", "-D", data, "-w", "-t", str(_START_SECS))
        run(*pg_ctl, "-l", home / "log", "-o", settings, "start")
        try:
            yield PostgresServer(home)
        finally:
            run(*pg_ctl, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)
