"""Base class of the catalog's operations: transactions and translated errors."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from operator import attrgetter
from typing import Any, TypeVar, cast

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from recorder.catalog.engine import Engines
from recorder.errors import CatalogError, CatalogUnavailableError, UsageError

__all__ = ["BulkUpsert", "CatalogBase", "insert_or", "write_transaction"]

Upsert = sqlite.Insert | postgresql.Insert

Operation = TypeVar("Operation", bound=Callable[..., Any])

_OUT_OF_RANGE = "22003"
"""PostgreSQL's SQLSTATE for a number out of range."""
_BEYOND_64_BITS = "the database holds integers from -2**63 to 2**63 - 1"

_CONFLICTS = ("40001", "40P01")
"""PostgreSQL's SQLSTATEs for a transaction that was rolled back: serialisation failure, deadlock."""

_MAX_ATTEMPTS = 6
"""With each conflict, one of the conflicting transactions has succeeded."""

_PAUSE_SECS = 0.02
"""Longest pause before the second attempt, doubled for each later one. Pauses are random, so that conflicts don't
repeat.
"""

_Prepared = tuple[str, list[tuple[int, Callable[[Any], Any]]]]


class _ConflictError(CatalogUnavailableError):
    """The database rolled the transaction back because of another one."""


def write_transaction(operation: Operation) -> Operation:
    """Retry an operation whose transaction the database rolls back because of another one.

    The operation must use a single ``_writing`` block, and have no other effects.
    """

    @wraps(operation)
    def retry(*args: Any, **kwargs: Any) -> Any:
        # Iterators would be empty on the second attempt.
        args = tuple(list(value) if isinstance(value, Iterator) else value for value in args)
        for n_conflicts in range(_MAX_ATTEMPTS - 1):
            try:
                return operation(*args, **kwargs)
            except _ConflictError:
                time.sleep(random.uniform(0, _PAUSE_SECS * 2**n_conflicts))
        return operation(*args, **kwargs)

    return cast(Operation, retry)


class CatalogBase:
    """Read and write transactions; all groups of operations derive from it."""

    _engines: Engines
    _read_only: bool
    url: str

    def _follow_file(self) -> None:
        """Called before each transaction: reopen the catalog if its file was replaced."""
        raise NotImplementedError

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A read-only transaction on a consistent snapshot."""
        self._follow_file()
        with self._errors_translated(), self._engines.exclusive(), self._engines.reader.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that holds SQLite's write lock from its start; an exception rolls it back."""
        if self._read_only:
            raise UsageError(
                f"the catalog was opened with read_only=True: open it without read_only to change it: {self.url}"
            )
        self._follow_file()
        with (
            self._errors_translated(writes=True),
            self._engines.exclusive(),
            self._engines.writer.begin() as connection,
        ):
            yield connection

    @contextmanager
    def _errors_translated(self, *, writes: bool = False) -> Iterator[None]:
        try:
            yield
        except PoolTimeoutError as error:
            raise CatalogUnavailableError(f"no connection to the catalog became free in time: {self.url}") from error
        except DataError as error:
            if getattr(error.orig, "sqlstate", None) == _OUT_OF_RANGE:
                raise UsageError(f"{_BEYOND_64_BITS}: {self.url}") from error
            raise UsageError(f"the database refuses a value: {_first_line(error)}: {self.url}") from error
        except OverflowError as error:
            raise UsageError(f"{_BEYOND_64_BITS}: {self.url}") from error
        except UnicodeEncodeError as error:
            raise UsageError(
                f"the database can't hold a lone surrogate, as in {error.object!r:.80}: {self.url}"
            ) from error
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) in _CONFLICTS:
                raise _ConflictError(
                    f"the transaction conflicts with others, try again: {_first_line(error)}: {self.url}"
                ) from error
            if _is_temporary(error):
                raise CatalogUnavailableError(
                    f"the catalog is locked or can't be reached, try again: {_first_line(error)}: {self.url}"
                ) from error
            if writes and _sqlite_code(error) == sqlite3.SQLITE_READONLY:
                raise CatalogError(f"the catalog can't be written by this user: {self.url}") from error
            match _sqlite_code(error):
                case sqlite3.SQLITE_NOTADB:
                    raise CatalogError(f"not a catalog ({_first_line(error)}): {self.url}") from error
                case sqlite3.SQLITE_CORRUPT:
                    raise CatalogError(
                        f"the catalog is damaged ({_first_line(error)}): move it away, and rebuild it from the files with"
                        f" 'hamlet-recorder reindex': {self.url}"
                    ) from error
            raise CatalogError(f"the database refused the operation: {_first_line(error)}: {self.url}") from error
        except SQLAlchemyError as error:
            raise CatalogError(f"{_first_line(error)}: {self.url}") from error


class BulkUpsert:
    """An upsert of whole rows, compiled once: for thousands of rows, SQLAlchemy takes longer than SQLite.

    Args:
        update: as for ``insert_or``.
    """

    def __init__(self, table: Table, *, update: Mapping[str, Any] | None = None) -> None:
        self._table = table
        self._update = update
        self._names = [column.key for column in table.columns]
        self._values_of = attrgetter(*self._names)
        self._prepared: dict[str, _Prepared] = {}

    def __call__(self, connection: Connection, rows: Sequence[object]) -> None:
        """Write the rows; their attributes are named like the columns."""
        if not rows:
            return
        dialect = connection.dialect
        if dialect.name not in self._prepared:
            self._prepared[dialect.name] = self._prepare(dialect)
        statement, processors = self._prepared[dialect.name]
        columns = list(zip(*map(self._values_of, rows), strict=True))
        for index, process in processors:
            if columns[index].count(None) < len(rows):
                columns[index] = tuple(map(process, columns[index]))
        values = zip(*columns, strict=True)
        if dialect.positional:
            connection.exec_driver_sql(statement, list(values))
        else:
            connection.exec_driver_sql(statement, [dict(zip(self._names, row, strict=True)) for row in values])

    def _prepare(self, dialect: Dialect) -> _Prepared:
        statement = insert_or(dialect, self._table, update=self._update)
        compiled = statement.compile(dialect=dialect, column_keys=self._names)
        processors: list[tuple[int, Callable[[Any], Any]]] = []
        for index, column in enumerate(self._table.columns):
            process = column.type.dialect_impl(dialect).bind_processor(dialect)
            if process is not None:
                processors.append((index, process))
        return str(compiled), processors


def insert_or(dialect: Dialect, table: Table, *, update: Mapping[str, Any] | None = None) -> Upsert:
    """An insert that updates the other columns if the key exists.

    Args:
        update: expressions for columns that don't take the new value; an empty map keeps the existing row.
    """
    insert: Upsert = postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)
    keys = list(table.primary_key.columns)
    if update is not None and not update:
        return insert.on_conflict_do_nothing(index_elements=keys)
    others = {column.key: insert.excluded[column.key] for column in table.columns if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=keys, set_={**others, **(update or {})})


def _first_line(error: SQLAlchemyError) -> str:
    original = getattr(error, "orig", None) or error
    return str(original).strip().split("\n", 1)[0]


def _sqlite_code(error: DBAPIError) -> int:
    """SQLite's primary result code; 0 for other databases."""
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF


def _is_temporary(error: DBAPIError) -> bool:
    """Whether a retry may succeed."""
    if error.connection_invalidated:
        return True
    message = str(error.orig).lower()
    if type(error.orig).__module__.startswith("sqlite3"):
        return "locked" in message or "busy" in message or "unable to open" in message
    state = getattr(error.orig, "sqlstate", None)
    # Without an SQLSTATE the server was not reached. Classes: 08 connection, 40 conflict, 53 resources, 55 lock, 57
    # shutdown.
    return any(kind.__name__ == "OperationalError" for kind in type(error.orig).__mro__) and (
        state is None or state[:2] in {"08", "40", "53", "55", "57"}
    )
