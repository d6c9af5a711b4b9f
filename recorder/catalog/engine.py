"""Connections: URLs, SQLAlchemy engines for writing and for reading, one pair a process.

SQLite: write transactions begin with ``BEGIN IMMEDIATE``, because a transaction that reads first and writes later fails
at once when another one has written in between, whatever the busy timeout; reads go through an engine of their own that
can't write, and never wait.
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

__all__ = ["Engines", "check_place", "parse_url", "refuse_missing_folder"]

_SQLITE_CACHE_KIB = 32 * 1024
"""Page cache of a connection: with SQLite's own 2 MiB, inserts slow down threefold once the indexes have outgrown it."""

_SQLITE_CHECKPOINT_PAGES = 4000
"""16 MiB of write-ahead log before it is carried over into the database. A commit of thousands of episodes fills SQLite's own
4 MiB, so that each would be followed by a sync; pages that many commits change are carried over once."""

_SQLITE_MAPPED_BYTES = 2**31 - 2**16
"""The most that SQLite maps. Readers share the system's page cache then, and read a page without a call for each."""


_READABLE_TEXT = partial(str, encoding="utf-8", errors="replace")
"""SQLite takes any bytes for text: those of another program must not keep the other rows from being read."""


def parse_url(url_or_path: str | Path) -> URL:
    """The URL of a catalog: a path is a SQLite file, ``:memory:`` and ``sqlite://`` one in memory, the rest is a
    database URL.

    Raises:
        UsageError: the database is neither SQLite nor PostgreSQL, or the URL can't be read.
    """
    if isinstance(url_or_path, Path) or "://" not in url_or_path:
        # URL.create takes the path as it is; in a URL text, "?" and "%" in a path would be read as syntax.
        return URL.create("sqlite", database=None if str(url_or_path) == ":memory:" else str(url_or_path))
    try:
        url = make_url(with_encoded_password(url_or_path))
    except (ArgumentError, ValueError):  # its words may hold a part of the password
        raise UsageError(
            "the catalog's URL can't be read: expected postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE, with a number "
            f"for the port, and with the signs / ? # @ of the password encoded as %2F %3F %23 %40: {redact(url_or_path)}"
        ) from None
    if url.drivername == "sqlite":
        return url.set(database=None) if url.database in (":memory:", "") else url
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    shown = url.render_as_string(hide_password=True)
    raise UsageError(f"a catalog is a path, sqlite:///PATH or postgresql://USER@HOST/DATABASE, not {shown}")


def refuse_missing_folder(path: Path) -> None:
    """Raises CatalogError when there is no folder for a catalog at ``path``."""
    if not path.parent.is_dir():
        raise CatalogError(f"the catalog's folder doesn't exist; make it first: {path.parent}")


def _file_of(url: URL) -> Path | None:
    """The absolute path of an SQLite file; None of a catalog that is none."""
    return Path(url.database).absolute() if url.drivername == "sqlite" and url.database is not None else None


def check_place(url: URL, *, mounts_file: Path = MOUNTS_FILE) -> None:
    """Check that a SQLite file can lie where it is to lie; a database of another kind says so itself.

    Raises:
        CatalogError: it would lie on a network filesystem, or its folder is missing.
    """
    path = _file_of(url)
    if path is not None:
        refuse_network_filesystem(path, mounts_file)
        refuse_missing_folder(path)


class _HintingCompiler(SQLiteCompiler):
    """Writes hints behind a table's name, where ``INDEXED BY`` stands; by itself SQLAlchemy leaves them out."""

    def get_from_hint_text(self, _table: FromClause, text: str | None) -> str | None:
        """Return what to write behind the table."""
        return text


class Engines:
    """The pair of engines of one catalog, made anew in a process that was forked from the one that made them.

    Args:
        url: from ``parse_url``.
        busy_timeout_secs: how long a call waits for SQLite's write lock, or for a free connection.
        mounts_file: the system's mount table.

    Raises:
        CatalogError: the SQLite file would lie on a network filesystem, or its folder is missing.
    """

    def __init__(self, url: URL, *, busy_timeout_secs: float, mounts_file: Path) -> None:
        self.is_sqlite = url.drivername == "sqlite"
        self.is_memory = self.is_sqlite and url.database is None
        self.path = _file_of(url)
        # The process may change its folder later.
        self.url = url if self.path is None else url.set(database=str(self.path))
        self._memory_turn = Lock()
        self._busy_timeout_secs = busy_timeout_secs
        self._mounts_file = mounts_file
        self._lock = Lock()
        self._pid = os.getpid()
        self._writer: Engine | None = None
        self._reader: Engine | None = None
        check_place(url, mounts_file=mounts_file)

    @property
    def writer(self) -> Engine:
        """The engine for transactions that write."""
        with self._lock:
            self._leave_the_parent_its_engines()
            if self._writer is None:
                self._writer = self._make(read_only=False)
            return self._writer

    @property
    def reader(self) -> Engine:
        """The engine for transactions that only read; of a catalog in memory, its one and only engine."""
        if self.is_memory:
            return self.writer
        with self._lock:
            self._leave_the_parent_its_engines()
            if self._reader is None:
                self._reader = self._make(read_only=True)
            return self._reader

    def in_memory(self) -> Engines:
        """Engines of a database in memory, with what else holds for these."""
        return Engines(parse_url(":memory:"), busy_timeout_secs=self._busy_timeout_secs, mounts_file=self._mounts_file)

    def turn(self) -> AbstractContextManager[object]:
        """Held during a transaction: a catalog in memory has one connection, which its threads take in turns."""
        return self._memory_turn if self.is_memory else nullcontext()

    def dispose(self) -> None:
        """Close this process's connections; the next use makes new ones."""
        with self._lock:
            self._leave_the_parent_its_engines()
            for engine in (self._writer, self._reader):
                if engine is not None:
                    engine.dispose()
            self._writer = self._reader = None

    def _leave_the_parent_its_engines(self) -> None:
        if self._pid == os.getpid():
            return
        if self.is_memory:
            raise CatalogUnavailableError(
                "a catalog in memory can't be used in another process: give it a path or a URL"
            )
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
        return create_engine(
            url,
            pool_pre_ping=True,
            pool_size=2,
            max_overflow=14,
            pool_timeout=timeout_secs,
            # No statement is prepared: behind a pooler that shares connections by transaction (PgBouncer, RDS Proxy) its name
            # would be known to a connection of the server that the next transaction may not get.
            connect_args={"connect_timeout": max(2, int(timeout_secs)), "prepare_threshold": None},
            execution_options={"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"} if read_only else {},
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError("A catalog on PostgreSQL", "postgres") from error


def _sqlite_engine(url: URL, *, read_only: bool, busy_timeout_secs: float) -> Engine:
    path = None if url.database is None else Path(url.database)
    is_foreign = path is not None and path.is_file() and not _can_write(path)
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False, "timeout": busy_timeout_secs}}
    if path is None:
        options["poolclass"] = StaticPool
    elif is_foreign:
        # A connection a transaction: which kind it must be changes when another user begins or ends to write.
        options |= {"poolclass": NullPool, "creator": partial(_connect_to_foreign, path, busy_timeout_secs)}
    else:
        # One writing connection a process: its threads then queue fairly instead of polling SQLite's lock.
        size = {"pool_size": 2, "max_overflow": 14} if read_only else {"pool_size": 1, "max_overflow": 0}
        options |= {"pool_timeout": busy_timeout_secs, **size}
    engine = create_engine(url, **options)
    engine.dialect.statement_compiler = _HintingCompiler

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.text_factory = _READABLE_TEXT
        connection.isolation_level = None  # BEGIN is ours, below: the driver's own would come too late
        if url.database is not None and not is_foreign and not _is_another_programs(connection):
            _switch_to_wal(connection, url.database, busy_timeout_secs)
            connection.execute(f"PRAGMA wal_autocheckpoint = {_SQLITE_CHECKPOINT_PAGES}")
        # In write-ahead mode NORMAL loses no consistency, and no commit but the last ones before a power cut.
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


def _is_another_programs(connection: sqlite3.Connection) -> bool:
    """Whether the database has tables and is no catalog: nothing of it is changed then, its journal neither."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "alembic_version" not in tables:
        return bool(tables)
    versions = [str(version) for (version,) in connection.execute("SELECT version_num FROM alembic_version")]
    return not all(map(is_own_version, versions))


def _can_write(path: Path) -> bool:
    """Whether this user may change the catalog, and make the files that SQLite keeps beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _connect_to_foreign(path: Path, busy_timeout_secs: float) -> sqlite3.Connection:
    """A connection to a catalog that this user can't write, as on a read-only mount or in another user's folder.

    While somebody has it open, its write-ahead log and the log's shared memory are there, to be read as always. When nobody
    has, SQLite would have to make them; then the file itself is whole, and is read as one that doesn't change.

    Raises:
        CatalogError: its log holds changes, and lies on a mount where they can't be carried over.
    """
    log = path.with_name(f"{path.name}-wal")
    has_changes = log.exists() and log.stat().st_size > 0
    is_mounted_so = is_mounted_read_only(path)
    if is_mounted_so and has_changes:
        raise CatalogError(
            "the catalog lies on a file system that is mounted read-only, with changes in its write-ahead log: open it once "
            f"where it can be written, then copy it: {path}"
        )
    how = "mode=ro" if log.exists() and not is_mounted_so else "immutable=1"
    place = f"file:{quote(str(path.resolve()))}?{how}"
    return sqlite3.connect(place, uri=True, check_same_thread=False, timeout=busy_timeout_secs)


def _switch_to_wal(connection: sqlite3.Connection, path: str, busy_timeout_secs: float) -> None:
    """Set write-ahead logging and read it back. The switch doesn't heed the busy timeout, so we wait for it here."""
    deadline = time.monotonic() + busy_timeout_secs
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise CatalogError(
            f"SQLite can't keep a write-ahead log here (journal mode {mode!r}): put the catalog on a local disk, "
            f"or give the URL of a PostgreSQL database: {path}"
        )
