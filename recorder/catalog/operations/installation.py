"""Operations on ``installation``: the catalog's identity, and its location when that was stored."""

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
"""Prefixes of hosts in a URL that mean this machine."""


class InstallationOperations(CatalogBase):
    """The catalog's identity."""

    def installation(self) -> Installation:
        """The catalog's identity. The id is empty if no worker has joined it, or if it is a copy."""
        with self._reading() as connection:
            place = self._place(connection)
            row = connection.execute(select(installation)).one_or_none()
        if row is None or was_copied(_noted(row), place):
            return Installation("", self._location(place))
        return self._installation(row, place)

    @write_transaction
    def join_installation(self) -> Installation:
        """As ``installation``, but store the location, and give a new id to a catalog without one or to a copy."""
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
            # Two workers may do this at once on PostgreSQL; the second one gets the first one's id.
            update: dict[str, Any] | None = {} if row is None else None
            connection.execute(insert_or(connection.dialect, installation, update=update), values)
            row = connection.execute(select(installation)).one()
        return self._installation(row, place)

    def _installation(self, row: Any, place: Place) -> Installation:
        return Installation(
            row.installation_id, self._location(place), was_founded_there=row.founded_path == place.path
        )

    def _place(self, connection: Connection) -> Place:
        path = self._engines.path
        if path is not None:
            return Place.of(path)
        if connection.dialect.name != "postgresql":
            return Place(self.url, 0)
        is_local = (self._engines.url.host or "localhost").startswith(_LOCAL_HOSTS)
        return Place(self.url, _number_of_database(connection), socket.gethostname() if is_local else "")

    def _location(self, place: Place) -> str:
        if self._engines.path is not None:
            return file_on_this_host(place.path)
        return f"{place.path} on {place.host}" if place.host else place.path


def _noted(row: Any) -> Place:
    return Place(row.path, row.file_number, row.host or "")


def _number_of_database(connection: Connection) -> int:
    """Number that differs after a restore elsewhere. The oid alone is the same in new servers."""
    oid = connection.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()")).scalar_one()
    may_ask = connection.execute(text("SELECT has_function_privilege('pg_control_system()', 'execute')")).scalar_one()
    server = (
        connection.execute(text("SELECT system_identifier FROM pg_control_system()")).scalar_one() if may_ask else 0
    )
    return (int(server) ^ int(oid)) & (2**63 - 1)
