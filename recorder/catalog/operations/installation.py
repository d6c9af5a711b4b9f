"""Operations on ``installation``: what this catalog is called, and where it was when that was noted."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.engine import Connection

from recorder.catalog.base import CatalogBase, insert_or, write_transaction
from recorder.catalog.models import installation
from recorder.installation.record import Installation, Place, file_on_this_host, was_copied

__all__ = ["InstallationOperations"]

_THE_ROW = 1


class InstallationOperations(CatalogBase):
    """The catalog's own name."""

    def installation(self) -> Installation:
        """What this catalog is; without an id while no worker has joined it, and where it is the copy of another."""
        with self._reading() as connection:
            place = self._place(connection)
            row = connection.execute(select(installation)).one_or_none()
        if row is None or was_copied(Place(row.path, row.file_number), place):
            return Installation("", self._told(place))
        return self._installation(row, place)

    @write_transaction
    def join_installation(self) -> Installation:
        """The same; a catalog without an id, be it the copy of another, gets one of its own, and its place is noted."""
        with self._reading() as connection:
            place = self._place(connection)
            row = connection.execute(select(installation)).one_or_none()
        if row is not None and Place(row.path, row.file_number) == place:
            return self._installation(row, place)
        with self._writing() as connection:
            row = connection.execute(select(installation)).one_or_none()
            is_new = row is None or was_copied(Place(row.path, row.file_number), place)
            values: dict[str, Any] = {
                "row_id": _THE_ROW,
                "installation_id": secrets.token_hex(8) if row is None or is_new else row.installation_id,
                "founded_path": place.path if row is None or is_new else row.founded_path,
                "path": place.path,
                "file_number": place.number,
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
        number = connection.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()")).scalar()
        return Place(self.url, int(number or 0))

    def _told(self, place: Place) -> str:
        return place.path if self._engines.path is None else file_on_this_host(place.path)
