"""What all operations stand on: a transaction to read or to write in, and the driver's errors in our words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from recorder.catalog.engine import Engines
from recorder.errors import CatalogError, CatalogUnavailableError, UsageError

__all__ = ["CatalogBase", "RowMaker", "insert_or"]

Upsert = sqlite.Insert | postgresql.Insert


class CatalogBase:
    """The two kinds of transactions; every group of operations derives from it."""

    _engines: Engines
    _read_only: bool
    url: str

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment of the catalog and can't write."""
        with self._errors_translated(), self._engines.turn(), self._engines.reader.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that holds SQLite's write lock from its start; leaving it by an exception undoes it."""
        if self._read_only:
            raise UsageError(f"the catalog was opened with read_only=True: open it again without: {self.url}")
        with self._errors_translated(), self._engines.turn(), self._engines.writer.begin() as connection:
            yield connection

    @contextmanager
    def _errors_translated(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeoutError as error:
            raise CatalogUnavailableError(f"no connection to the catalog became free in time: {self.url}") from error
        except DataError as error:
            raise UsageError(f"the database refuses a value: {_first_line(error)}: {self.url}") from error
        except (OverflowError, UnicodeEncodeError) as error:
            raise UsageError(f"the database can't hold a value: {error}: {self.url}") from error
        except DBAPIError as error:
            if _is_passing(error):
                raise CatalogUnavailableError(
                    f"the catalog is locked or can't be reached, try again: {_first_line(error)}: {self.url}"
                ) from error
            raise CatalogError(f"the database refuses: {_first_line(error)}: {self.url}") from error
        except SQLAlchemyError as error:
            raise CatalogError(f"{_first_line(error)}: {self.url}") from error


class RowMaker:
    """Rows as the dictionaries that an insert takes: fast, because batches have thousands of them."""

    def __init__(self, table: Table) -> None:
        self._names = [column.name for column in table.columns]
        self._get = attrgetter(*self._names)

    def __call__(self, row: object) -> dict[str, Any]:
        """The row's values by column name."""
        return dict(zip(self._names, self._get(row), strict=True))


def insert_or(connection: Connection, table: Table, *, update: Mapping[str, Any] | None = None) -> Upsert:
    """An insert that meets an existing key with an update of the other columns.

    Args:
        update: expressions for columns that don't simply take the new value; an empty map leaves the existing row as it
            is.
    """
    insert: Upsert = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    keys = list(table.primary_key.columns)
    if update is not None and not update:
        return insert.on_conflict_do_nothing(index_elements=keys)
    others = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=keys, set_={**others, **(update or {})})


def _first_line(error: SQLAlchemyError) -> str:
    original = getattr(error, "orig", None) or error
    return str(original).strip().split("\n", 1)[0]


def _is_passing(error: DBAPIError) -> bool:
    """Whether the same call may work in a moment."""
    if error.connection_invalidated:
        return True
    message = str(error.orig).lower()
    if type(error.orig).__module__.startswith("sqlite3"):
        return "locked" in message or "busy" in message or "unable to open" in message
    state = getattr(error.orig, "sqlstate", None)
    # No SQLSTATE: the server was never reached. 08 connection, 40 serialisation and deadlock, 53 resources, 55 lock, 57
    # shutdown.
    return type(error.orig).__name__ == "OperationalError" and (
        state is None or state[:2] in {"08", "40", "53", "55", "57"}
    )
