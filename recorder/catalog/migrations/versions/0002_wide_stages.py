"""64-bit stages and lanes on PostgreSQL; SQLite's integers always have 64 bits."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Widen the columns, two at once, since PostgreSQL rewrites the table."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in ("episodes", "recordings"):
        op.execute(f"ALTER TABLE {table} ALTER lane TYPE BIGINT, ALTER curriculum_stage TYPE BIGINT")
