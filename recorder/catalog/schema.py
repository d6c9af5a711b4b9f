"""The schema's version: bring an older catalog up to date, refuse a newer one.

A version is an Alembic revision with a number for a name (``0001``), so that later ones compare greater.
"""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from recorder.errors import CatalogError, CatalogVersionError

__all__ = [
    "SCHEMA_VERSION",
    "check_version",
    "is_own_version",
    "migrate",
    "read_version",
    "refuse_foreign_version",
]

SCHEMA_VERSION = "0007"
"""The version that this code works with: the last revision in ``migrations/versions``."""

_VERSION = re.compile(r"\d{4}")

_MIGRATION_LOCK = 0x68616D6C6574
"""Key of the PostgreSQL advisory lock under which one process migrates."""


def read_version(connection: Connection) -> str | None:
    """The version of the catalog, or None when the database holds none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def is_own_version(version: str) -> bool:
    """Whether this project names versions so."""
    return _VERSION.fullmatch(version) is not None


def refuse_foreign_version(version: str | None, url: str) -> None:
    """Check that a version is one of this project's.

    Raises:
        CatalogError: another program that uses Alembic has made the database.
    """
    if version is not None and not is_own_version(version):
        raise CatalogError(
            f"this is another program's database (its schema has version {version!r}): give --database another place: {url}"
        )


def check_version(version: str | None, url: str) -> None:
    """Check that the catalog has the version that this code works with.

    Raises:
        CatalogError: there is no catalog.
        CatalogVersionError: it is newer, or older and not migrated.
    """
    if version == SCHEMA_VERSION:
        return
    if version is None:
        raise CatalogError(f"there is no catalog here yet: record an episode, or run 'hamlet-recorder reindex': {url}")
    if version > SCHEMA_VERSION:
        raise CatalogVersionError(
            f"the catalog has schema {version}, newer than the {SCHEMA_VERSION} that is known here: "
            f"upgrade hamlet-recorder: {url}"
        )
    raise CatalogVersionError(
        f"the catalog has the older schema {version}, expected {SCHEMA_VERSION}: "
        f"open it for writing once to migrate it: {url}"
    )


def migrate(connection: Connection, url: str) -> None:
    """Make the tables, or bring them up to date, within the transaction of ``connection``.

    On SQLite that transaction holds the write lock from its start; on PostgreSQL an advisory lock does the same, so
    that of several processes one migrates and the others find the work done.

    Raises:
        CatalogVersionError: the catalog is newer than this code.
    """
    # Lazy: Alembic is needed once in a catalog's life, and costs a fifth of a second.
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    version = read_version(connection)
    if version is not None and version >= SCHEMA_VERSION:
        check_version(version, url)
        return
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, SCHEMA_VERSION)
