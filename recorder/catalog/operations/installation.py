"""Operations on ``installation``: what this catalog is called, and where it was when that was noted."""

from __future__ import annotations

import secrets
import socket
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.engine import Connection

from recorder.catalog.base import CatalogBase, insert_or, write_transaction
from recorder.catalog.models import installation
from recorder.installation.record import Installation, Place, file_on_this_host, was_copied

__all__ = ["InstallationOperations"]

_THE_ROW = 1

_LOCAL_HOSTS = ("localhost", "127.", "::1", "/")
"""How the host of a URL begins that is another machine's for each machine."""


class InstallationOperations(CatalogBase):
    """The catalog's own name."""

    def installation(self) -> Installation:
        """Return this catalog's installation. It has no id before a worker has joined, or if the catalog is a copy."""
        with self._reading() as connection:
            place = self._place(connection)
            row = connection.execute(select(installation)).one_or_none()
        if row is None or was_copied(_noted(row), place):
            return Installation("", self._told(place))
        return self._installation(row, place)

    @write_transaction
    def join_installation(self) -> Installation:
        """Return the same. A catalog without an id, or a copy, gets a new one; its place is noted."""
        with self._reading() as connection:
            place = self._place(connection)
            row = connection.execute(select(installation)).one_or_none()
        # Not the host: processes in several containers share a catalog, and each has a host name.
        if row is not None and row.host is not None and (row.path, row.file_number) == (place.path, place.number):
            return self._installation(row, place)
        with self._writing() as connection:
            row = connection.execute(select(installation)).one_or_none()
            is_new = row is None or was_copied(_noted(row), place)
            values: dict[str, Any] = {
                "row_id": _THE_ROW,
                "installation_id": secrets.token_hex(8) if row is None or is_new else row.installation_id,
                "founded_path": place.path if row is None or is_new else row.founded_path,
                "path": place.path,
                "file_number": place.number,
                "host": place.host,
            }
            # Of two that come at once to a new PostgreSQL catalog, the second finds the first one's id.
            update: dict[str, Any] | None = {} if row is None else None
            connection.execute(insert_or(connection.dialect, installation, update=update), values)
            row = connection.execute(select(installation)).one()
        return self._installation(row, place)

    def _installation(self, row: Any, place: Place) -> Installation:
        return Installation(row.installation_id, self._told(place), was_founded_there=row.founded_path == place.path)

    def _place(self, connection: Connection) -> Place:
        path = self._engines.path
        if path is not None:
            return Place.of(path)
        if connection.dialect.name != "postgresql":
            return Place(self.url, 0)
        is_local = (self._engines.url.host or "localhost").startswith(_LOCAL_HOSTS)
        return Place(self.url, _number_of_database(connection), socket.gethostname() if is_local else "")

    def _told(self, place: Place) -> str:
        if self._engines.path is not None:
            return file_on_this_host(place.path)
        return f"{place.path} on {place.host}" if place.host else place.path


def _noted(row: Any) -> Place:
    return Place(row.path, row.file_number, row.host or "")


def _number_of_database(connection: Connection) -> int:
    """Return a number that a database restored elsewhere does not have: databases of two new servers have the same oid."""
    oid = connection.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()")).scalar_one()
    may_ask = connection.execute(text("SELECT has_function_privilege('pg_control_system()', 'execute')")).scalar_one()
    server = (
        connection.execute(text("SELECT system_identifier FROM pg_control_system()")).scalar_one() if may_ask else 0
    )
    return (int(server) ^ int(oid)) & (2**63 - 1)
