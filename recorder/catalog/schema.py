"""The schema's version: migrates older catalogs, refuses newer ones.

Versions are Alembic revisions with numeric names (``0001``), so that later ones compare greater.
"""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from recorder.catalog.models import METADATA
from recorder.errors import CatalogError, CatalogVersionError

__all__ = [
    "SCHEMA_VERSION",
    "check_version",
    "is_own_version",
    "migrate",
    "read_version",
    "refuse_foreign_version",
]

SCHEMA_VERSION = "0011"
"""The last revision in ``migrations/versions``."""

_VERSION = re.compile(r"\d{4}")

_MIGRATION_LOCK = 0x68616D6C6574
"""Key of the PostgreSQL advisory lock for migrations."""


def read_version(connection: Connection) -> str | None:
    """Version of the catalog; None if the database has no catalog."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def is_own_version(version: str) -> bool:
    """Whether a version has this project's format."""
    return _VERSION.fullmatch(version) is not None


def refuse_foreign_version(version: str | None, url: str) -> None:
    """Check that a version belongs to this project.

    Raises:
        CatalogError: the database belongs to another program that uses Alembic.
    """
    if version is not None and not is_own_version(version):
        raise CatalogError(
            f"the database belongs to another program (its schema has version {version!r}): give another --database: {url}"
        )


def check_version(version: str | None, url: str) -> None:
    """Check that the catalog has the current version.

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
            f"the catalog has schema {version}, newer than {SCHEMA_VERSION}, which this program knows: "
            f"upgrade hamlet-recorder: {url}"
        )
    raise CatalogVersionError(
        f"the catalog has the older schema {version}, expected {SCHEMA_VERSION}: "
        f"open it for writing once to migrate it: {url}"
    )


def migrate(connection: Connection, url: str) -> None:
    """Create or migrate the tables within the transaction of ``connection``.

    SQLite's write lock, or an advisory lock on PostgreSQL, lets only one process migrate.

    Raises:
        CatalogVersionError: the catalog is newer than this program.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    version = read_version(connection)
    if version is not None and version >= SCHEMA_VERSION:
        check_version(version, url)
    elif version is None:
        _create(connection)
    else:
        _upgrade(connection)


def _create(connection: Connection) -> None:
    """Create the tables of the current version at once: Alembic would take 0.5 s for its steps.

    Source: Alembic, ``MigrationContext``: the table of its version.
    """
    METADATA.create_all(connection, checkfirst=False)
    connection.execute(
        text(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": SCHEMA_VERSION})


def _upgrade(connection: Connection) -> None:
    # Lazy: Alembic is rarely needed, and takes 0.2 s to import.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, SCHEMA_VERSION)
