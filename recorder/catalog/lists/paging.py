"""Keyset paging: a cursor holds the last row's sort key, so rows added meanwhile neither repeat nor hide others."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnClause, ColumnElement, Select, and_, literal, true, tuple_

from recorder.errors import UsageError

__all__ = ["Order", "parse_order"]


@dataclass(frozen=True, slots=True)
class Order:
    """An order by columns that are unique together; the first may be NULL."""

    name: str
    columns: Sequence[ColumnClause[Any]]
    descending: bool

    def sort(self, query: Select[Any]) -> Select[Any]:
        """Sort the query. NULL comes first in ascending order, last in descending order."""
        return query.order_by(*map(self._sorted, self.columns))

    def _sorted(self, column: ColumnClause[Any]) -> ColumnElement[Any]:
        # Only for nullable columns: PostgreSQL would not use its indexes for the others.
        if self.descending:
            return column.desc().nulls_last() if _can_be_unknown(column) else column.desc()
        return column.asc().nulls_first() if _can_be_unknown(column) else column.asc()

    def parts(self, cursor: str | None) -> list[ColumnElement[bool]]:
        """Conditions for the rows after the cursor, in this order: all rows of one come before those of the next.

        Each is one range of an index. With OR in a single condition, databases would read the index from its beginning.

        Raises:
            UsageError: the cursor was not made by ``cursor_of`` in this order.
        """
        if cursor is None:
            return [true()]
        values = self._values_of(cursor)
        first = self.columns[0]
        if values[0] is None:
            following = and_(first.is_(None), self._follows(self.columns[1:], values[1:]))
            return [following] if self.descending else [following, first.is_not(None)]
        following = self._follows(self.columns, values)
        return [following, first.is_(None)] if self.descending and _can_be_unknown(first) else [following]

    def _values_of(self, cursor: str) -> list[Any]:
        """Values of the columns in the row of a cursor."""
        try:
            name, *given = json.loads(urlsafe_b64decode(cursor))
        except (ValueError, TypeError, RecursionError, binascii.Error) as error:
            raise UsageError(f"not a cursor of this catalog: {cursor!r:.100}") from error
        values: list[Any] = given
        if not isinstance(name, str) or any(isinstance(value, int) and abs(value) >= 2**63 for value in values):
            raise UsageError(f"not a cursor of this catalog: {cursor!r:.100}")
        if name != self.name or len(values) != len(self.columns):
            raise UsageError(
                f"the cursor belongs to the order {name!r:.40}, not {self.name!r}: start again without a cursor"
            )
        if not all(_can_hold(column, value) for value, column in zip(values, self.columns, strict=True)):
            raise UsageError(f"not a cursor of this catalog: {cursor!r:.100}")
        return values

    def _follows(self, columns: Sequence[ColumnClause[Any]], values: Sequence[Any]) -> ColumnElement[bool]:
        """Condition for rows whose values follow these, none of them NULL."""
        last = tuple_(*(literal(value, column.type) for value, column in zip(values, columns, strict=True)))
        place = tuple_(*columns)
        return place < last if self.descending else place > last

    def cursor_of(self, row: object) -> str:
        """Cursor for the rows after ``row``."""
        values = [getattr(row, column.name) for column in self.columns]
        return urlsafe_b64encode(json.dumps([self.name, *values]).encode()).decode()


def _can_be_unknown(column: ColumnClause[Any]) -> bool:
    return bool(getattr(column, "nullable", False))


def _can_hold(column: ColumnClause[Any], value: Any) -> bool:
    return _can_be_unknown(column) if value is None else type(value) is column.type.python_type


def parse_order(name: str, orders: Mapping[str, Sequence[ColumnClause[Any]]]) -> Order:
    """The order with this name; a ``-`` prefix sorts descending.

    Raises:
        UsageError: unknown order.
    """
    columns = orders.get(name.removeprefix("-"))
    if columns is None:
        raise UsageError(
            f"unknown order {name!r:.40}: expected one of {', '.join(orders)}, with an optional prefix '-'"
        )
    return Order(name, columns, name.startswith("-"))
