"""Keyset paging: a cursor holds the last row's place in the order, so rows added meanwhile repeat and hide none."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnClause, ColumnElement, Select, and_, literal, or_, tuple_

from recorder.errors import UsageError

__all__ = ["Order", "parse_order"]


@dataclass(frozen=True, slots=True)
class Order:
    """An order over columns that together are unique; values of the first one may be unknown."""

    name: str
    columns: Sequence[ColumnClause[Any]]
    descending: bool

    def sort(self, query: Select[Any]) -> Select[Any]:
        """The query, sorted; unknown values come before all others, in descending order after them."""
        return query.order_by(*map(self._sorted, self.columns))

    def _sorted(self, column: ColumnClause[Any]) -> ColumnElement[Any]:
        # Said of the columns alone that can be unknown: PostgreSQL would not take its indexes for the others.
        if self.descending:
            return column.desc().nulls_last() if _can_be_unknown(column) else column.desc()
        return column.asc().nulls_first() if _can_be_unknown(column) else column.asc()

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
        if not all(_can_hold(column, value) for value, column in zip(values, self.columns, strict=True)):
            raise UsageError(f"not a cursor of this catalog: {cursor!r:.100}")
        first = self.columns[0]
        if values[0] is None:
            behind = and_(first.is_(None), self._behind(self.columns[1:], values[1:]))
            return behind if self.descending else or_(behind, first.is_not(None))
        behind = self._behind(self.columns, values)
        return or_(behind, first.is_(None)) if self.descending and _can_be_unknown(first) else behind

    def _behind(self, columns: Sequence[ColumnClause[Any]], values: Sequence[Any]) -> ColumnElement[bool]:
        """The condition that a row's known values come after these."""
        last = tuple_(*(literal(value, column.type) for value, column in zip(values, columns, strict=True)))
        place = tuple_(*columns)
        return place < last if self.descending else place > last

    def cursor_of(self, row: object) -> str:
        """The cursor that asks for what comes after ``row``."""
        values = [getattr(row, column.name) for column in self.columns]
        return urlsafe_b64encode(json.dumps([self.name, *values]).encode()).decode()


def _can_be_unknown(column: ColumnClause[Any]) -> bool:
    return bool(getattr(column, "nullable", False))


def _can_hold(column: ColumnClause[Any], value: Any) -> bool:
    return _can_be_unknown(column) if value is None else type(value) is column.type.python_type


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
