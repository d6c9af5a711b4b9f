"""Globs in SQL: ``*`` matches any characters, ``?`` any single one. Case-sensitive."""

from __future__ import annotations

import re

from sqlalchemy import ColumnElement

__all__ = ["matches_glob"]


def matches_glob(column: ColumnElement[str], glob: str, dialect_name: str) -> ColumnElement[bool]:
    """Condition that ``column`` matches ``glob``."""
    if "*" not in glob and "?" not in glob:
        return column == glob
    if dialect_name == "sqlite":
        return column.op("GLOB", is_comparison=True)(glob.replace("[", "[[]"))
    pattern = re.sub(r"([\\%_])", r"\\\1", glob).replace("*", "%").replace("?", "_")
    return column.like(pattern, escape="\\")
