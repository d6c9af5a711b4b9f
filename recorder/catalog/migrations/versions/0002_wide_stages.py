"""Stages and lanes of 64 bits on PostgreSQL too; SQLite's integers have as many whatever a column says."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the columns, both of a table at once because PostgreSQL writes it anew."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in ("episodes", "recordings"):
        op.execute(f"ALTER TABLE {table} ALTER lane TYPE BIGINT, ALTER curriculum_stage TYPE BIGINT")
