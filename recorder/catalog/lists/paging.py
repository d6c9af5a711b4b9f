"""Keyset paging: a cursor holds the last row's place in the order, so rows added meanwhile repeat and hide none."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnClause, ColumnElement, Select, literal, tuple_

from recorder.errors import UsageError

__all__ = ["Order", "parse_order"]


@dataclass(frozen=True, slots=True)
class Order:
    """An order over columns that together are unique."""

    name: str
    columns: Sequence[ColumnClause[Any]]
    descending: bool

    def sort(self, query: Select[Any]) -> Select[Any]:
        """The query, sorted."""
        return query.order_by(*((column.desc() if self.descending else column.asc()) for column in self.columns))

    def after(self, cursor: str) -> ColumnElement[bool]:
        """The condition that a row comes after the cursor's.

        Raises:
            UsageError: the cursor was not made by ``cursor_of`` in this order.
        """
        try:
            name, *values = json.loads(urlsafe_b64decode(cursor))
        except (ValueError, TypeError, RecursionError, binascii.Error) as error:
            raise UsageError(f"not a cursor of this catalog: {cursor!r:.100}") from error
        if not isinstance(name, str) or any(isinstance(value, int) and abs(value) >= 2**63 for value in values):
            raise UsageError(f"not a cursor of this catalog: {cursor!r:.100}")
        if name != self.name or len(values) != len(self.columns):
            raise UsageError(
                f"the cursor belongs to the order {name!r:.40}, not to {self.name!r}: start again without a cursor"
            )
        if any(type(value) is not column.type.python_type for value, column in zip(values, self.columns, strict=True)):
            raise UsageError(f"not a cursor of this catalog: {cursor!r:.100}")
        last = tuple_(*(literal(value, column.type) for value, column in zip(values, self.columns, strict=True)))
        place = tuple_(*self.columns)
        return place < last if self.descending else place > last

    def cursor_of(self, row: object) -> str:
        """The cursor that asks for what comes after ``row``."""
        values = [getattr(row, column.name) for column in self.columns]
        return urlsafe_b64encode(json.dumps([self.name, *values]).encode()).decode()


def parse_order(name: str, orders: Mapping[str, Sequence[ColumnClause[Any]]]) -> Order:
    """The order that ``name`` asks for; a ``-`` in front means greatest first.

    Raises:
        UsageError: there is no such order.
    """
    columns = orders.get(name.removeprefix("-"))
    if columns is None:
        raise UsageError(
            f"unknown order {name!r:.40}: expected one of {', '.join(orders)}, with or without '-' in front"
        )
    return Order(name, columns, name.startswith("-"))
