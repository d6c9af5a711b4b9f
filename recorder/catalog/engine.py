"""Connections: URLs, and two SQLAlchemy engines per process, for writing and reading.

SQLite's write transactions start with ``BEGIN IMMEDIATE``: a transaction that reads first fails at once if another one
has written in between, regardless of the busy timeout. Reads use a read-only engine and never wait.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, FromClause, NullPool, StaticPool, create_engine, event, make_url
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError

from recorder.catalog.filesystem import MOUNTS_FILE, is_mounted_read_only, refuse_network_filesystem
from recorder.catalog.schema import is_own_version
from recorder.errors import CatalogError, CatalogUnavailableError, MissingExtraError, UsageError
from recorder.urls import redact, with_encoded_password
from recorder.values.argument_kinds import check_kind

__all__ = ["Engines", "check_place", "parse_url", "refuse_missing_folder"]

_SQLITE_CACHE_KIB = 32 * 1024
"""Page cache per connection. With the default of 2 MiB, inserts take three times as long once the indexes exceed it."""

_SQLITE_CHECKPOINT_PAGES = 4000
"""Checkpoint after 16 MiB of write-ahead log. A commit of thousands of episodes fills the default of 4 MiB, so each
would be followed by a sync.
"""

_SQLITE_MAPPED_BYTES = 2**31 - 2**16
"""SQLite's maximum. Readers then share the system's page cache, without a call per page."""


_READABLE_TEXT = partial(str, encoding="utf-8", errors="replace")
"""SQLite stores any bytes as text; undecodable ones from another program must not stop the reading of other rows."""


def parse_url(url_or_path: str | Path) -> URL:
    """Parse the location of a catalog.

    A path is a SQLite file; ``:memory:`` and ``sqlite://`` are in memory; anything else is a database URL.

    Raises:
        UsageError: the URL is invalid, or of another database.
    """
    check_kind("catalog", url_or_path, str | Path)
    if isinstance(url_or_path, Path) or "://" not in url_or_path:
        # In a URL, "?" and "%" in a path would be syntax.
        return URL.create("sqlite", database=None if str(url_or_path) == ":memory:" else str(url_or_path))
    try:
        url = make_url(with_encoded_password(url_or_path))
    except (ArgumentError, ValueError):  # its message may contain the password
        raise UsageError(
            "the catalog's URL can't be read: expected postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE, with a numeric "
            f"port, and / ? # @ in the password encoded as %2F %3F %23 %40: {redact(url_or_path)}"
        ) from None
    if url.drivername == "sqlite":
        return url.set(database=None) if url.database in (":memory:", "") else url
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    shown = url.render_as_string(hide_password=True)
    raise UsageError(
        f"expected a path, sqlite:///PATH or postgresql://USER@HOST/DATABASE for the catalog, found {shown}"
    )


def refuse_missing_folder(path: Path) -> None:
    """Check that the catalog's folder exists.

    Raises:
        CatalogError: it does not.
    """
    if not path.parent.is_dir():
        raise CatalogError(f"the catalog's folder does not exist; create it first: {path.parent}")


def _file_of(url: URL) -> Path | None:
    """Absolute path of the SQLite file; None for other catalogs."""
    return Path(url.database).absolute() if url.drivername == "sqlite" and url.database is not None else None


def check_place(url: URL, *, mounts_file: Path = MOUNTS_FILE) -> None:
    """Check that the SQLite file can be at its path. Other databases pass.

    Raises:
        CatalogError: it would be on a network file system, or its folder is missing.
    """
    path = _file_of(url)
    if path is not None:
        refuse_network_filesystem(path, mounts_file)
        refuse_missing_folder(path)


class _HintingCompiler(SQLiteCompiler):
    """Writes hints after a table's name, as ``INDEXED BY`` requires; SQLAlchemy's compiler omits them."""

    def get_from_hint_text(self, _table: FromClause, text: str | None) -> str | None:
        """The text after the table's name."""
        return text


class Engines:
    """The engines of a catalog, created again after a fork.

    Args:
        url: from ``parse_url``.
        busy_timeout_secs: longest wait for SQLite's write lock or a free connection.
        mounts_file: the system's mount table.

    Raises:
        CatalogError: the SQLite file would be on a network file system, or its folder is missing.
    """

    def __init__(self, url: URL, *, busy_timeout_secs: float, mounts_file: Path) -> None:
        self.is_sqlite = url.drivername == "sqlite"
        self.is_memory = self.is_sqlite and url.database is None
        self.path = _file_of(url)
        # Absolute, since the process may change its current folder.
        self.url = url if self.path is None else url.set(database=str(self.path))
        self._memory_lock = Lock()
        self._busy_timeout_secs = busy_timeout_secs
        self._mounts_file = mounts_file
        self._lock = Lock()
        self._pid = os.getpid()
        self._writer: Engine | None = None
        self._reader: Engine | None = None
        check_place(url, mounts_file=mounts_file)

    @property
    def writer(self) -> Engine:
        """Engine for write transactions."""
        with self._lock:
            self._detach_from_parent()
            if self._writer is None:
                self._writer = self._make(read_only=False)
            return self._writer

    @property
    def reader(self) -> Engine:
        """Engine for read transactions; in memory, the same as ``writer``."""
        if self.is_memory:
            return self.writer
        with self._lock:
            self._detach_from_parent()
            if self._reader is None:
                self._reader = self._make(read_only=True)
            return self._reader

    def in_memory(self) -> Engines:
        """Engines of a database in memory with the same options."""
        return Engines(parse_url(":memory:"), busy_timeout_secs=self._busy_timeout_secs, mounts_file=self._mounts_file)

    def exclusive(self) -> AbstractContextManager[object]:
        """Held during a transaction: all threads share the single connection of a catalog in memory."""
        return self._memory_lock if self.is_memory else nullcontext()

    def dispose(self) -> None:
        """Close this process's connections; the next use opens new ones."""
        with self._lock:
            self._detach_from_parent()
            for engine in (self._writer, self._reader):
                if engine is not None:
                    engine.dispose()
            self._writer = self._reader = None

    def _detach_from_parent(self) -> None:
        if self._pid == os.getpid():
            return
        if self.is_memory:
            raise CatalogUnavailableError("a catalog in memory can't be used in a forked process: use a path or a URL")
        for engine in (self._writer, self._reader):
            if engine is not None:
                engine.dispose(close=False)
        self._writer = self._reader = None
        self._pid = os.getpid()

    def _make(self, *, read_only: bool) -> Engine:
        if not self.is_sqlite:
            return _postgresql_engine(self.url, read_only=read_only, timeout_secs=self._busy_timeout_secs)
        return _sqlite_engine(self.url, read_only=read_only, busy_timeout_secs=self._busy_timeout_secs)


def _postgresql_engine(url: URL, *, read_only: bool, timeout_secs: float) -> Engine:
    try:
        engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=2,
            max_overflow=14,
            pool_timeout=timeout_secs,
            # No prepared statements: with a transaction pooler (PgBouncer, RDS Proxy), the next transaction may use a
            # connection that does not know them.
            connect_args={"connect_timeout": max(2, int(timeout_secs)), "prepare_threshold": None},
            execution_options={"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"} if read_only else {},
        )
        from recorder.catalog.postgres_times import read_any_time  # lazy: loads psycopg
    except ModuleNotFoundError as error:
        raise MissingExtraError("A catalog on PostgreSQL", "postgres") from error
    event.listen(engine, "connect", read_any_time)
    return engine


def _sqlite_engine(url: URL, *, read_only: bool, busy_timeout_secs: float) -> Engine:
    path = None if url.database is None else Path(url.database)
    is_protected = path is not None and path.is_file() and not _can_write(path)
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False, "timeout": busy_timeout_secs}}
    if path is None:
        options["poolclass"] = StaticPool
    elif is_protected:
        # A new connection per transaction: its mode changes when another user starts or stops writing.
        options |= {"poolclass": NullPool, "creator": partial(_connect_read_only, path, busy_timeout_secs)}
    else:
        # One write connection per process: threads then queue fairly instead of polling SQLite's lock.
        size = {"pool_size": 2, "max_overflow": 14} if read_only else {"pool_size": 1, "max_overflow": 0}
        options |= {"pool_timeout": busy_timeout_secs, **size}
    engine = create_engine(url, **options)
    engine.dialect.statement_compiler = _HintingCompiler

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.text_factory = _READABLE_TEXT
        connection.isolation_level = None  # we send BEGIN below; the driver would send it too late
        if url.database is not None and not is_protected and not _is_other_database(connection):
            _switch_to_wal(connection, url.database, busy_timeout_secs)
            connection.execute(f"PRAGMA wal_autocheckpoint = {_SQLITE_CHECKPOINT_PAGES}")
        # With a write-ahead log, NORMAL keeps consistency; a power cut can lose only the last commits.
        for pragma in ("synchronous = NORMAL", "foreign_keys = ON", f"cache_size = -{_SQLITE_CACHE_KIB}"):
            connection.execute(f"PRAGMA {pragma}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
            connection.execute(f"PRAGMA mmap_size = {_SQLITE_MAPPED_BYTES}")

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def _is_other_database(connection: sqlite3.Connection) -> bool:
    """Whether the database has tables but is no catalog. Then nothing is changed, including its journal mode."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "alembic_version" not in tables:
        return bool(tables)
    versions = [str(version) for (version,) in connection.execute("SELECT version_num FROM alembic_version")]
    return not all(map(is_own_version, versions))


def _can_write(path: Path) -> bool:
    """Whether this user may write the catalog and the files that SQLite creates beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _connect_read_only(path: Path, busy_timeout_secs: float) -> sqlite3.Connection:
    """Connect to a catalog that this user can't write, as on a read-only mount.

    While others have it open, its write-ahead log exists and is read. Otherwise SQLite would have to create the log;
    the file is then complete, and is opened as immutable.

    Raises:
        CatalogError: the log has changes that can't be written to a read-only mount.
    """
    log = path.with_name(f"{path.name}-wal")
    has_changes = log.exists() and log.stat().st_size > 0
    is_on_read_only_mount = is_mounted_read_only(path)
    if is_on_read_only_mount and has_changes:
        raise CatalogError(
            "the catalog is on a read-only file system, but its write-ahead log has changes: open it once where it can be "
            f"written, then copy it: {path}"
        )
    how = "mode=ro" if log.exists() and not is_on_read_only_mount else "immutable=1"
    place = f"file:{quote(str(path.resolve()))}?{how}"
    return sqlite3.connect(place, uri=True, check_same_thread=False, timeout=busy_timeout_secs)


def _switch_to_wal(connection: sqlite3.Connection, path: str, busy_timeout_secs: float) -> None:
    """Enable write-ahead logging and check it. SQLite ignores the busy timeout here, so this function waits."""
    deadline, mode = time.monotonic() + busy_timeout_secs, ""
    while not mode:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise CatalogError(
            f"SQLite can't use a write-ahead log here (journal mode {mode!r}): put the catalog on a local disk, "
            f"or give the URL of a PostgreSQL database: {path}"
        )
