"""Reads times of PostgreSQL that Python's datetime cannot hold, such as ``infinity``, as unknown.

psycopg raises an error for them: one such value would keep all other rows from being read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.types.datetime import TimestamptzBinaryLoader, TimestamptzLoader

from recorder.catalog.column_types import log_unreadable

__all__ = ["read_any_time"]


def read_any_time(connection: psycopg.Connection[Any], _record: object) -> None:
    """Register the loaders with a new connection."""
    for loader in (_TextLoader, _BinaryLoader):
        connection.adapters.register_loader("timestamptz", loader)


class _TextLoader(TimestamptzLoader):
    def load(self, data: Buffer) -> datetime | None:  # type: ignore[override]
        try:
            return super().load(data)
        except psycopg.DataError:
            log_unreadable("time")
            return None


class _BinaryLoader(TimestamptzBinaryLoader):
    def load(self, data: Buffer) -> datetime | None:  # type: ignore[override]
        try:
            return super().load(data)
        except psycopg.DataError:
            log_unreadable("time")
            return None
