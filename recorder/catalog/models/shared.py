"""What all tables share."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Text

__all__ = ["METADATA", "UNKNOWN_FIRST", "WholeNumber", "run_key"]

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

WholeNumber = Integer().with_variant(BigInteger(), "postgresql")
"""64 bits on both databases; SQLite's INTEGER has 64."""

UNKNOWN_FIRST = {"curriculum_stage": "int8_ops NULLS FIRST"}
"""PostgreSQL sorts NULL last unless the index says otherwise; SQLite sorts it first."""


def run_key() -> Column[str]:
    """A part of the primary key that is deleted with the run."""
    return Column("run_id", Text, ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True)
