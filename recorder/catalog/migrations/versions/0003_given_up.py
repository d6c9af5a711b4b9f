"""The time a run was last seen in Redis, and an index of parked episodes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column and the index."""
    op.add_column("runs", sa.Column("seen_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_episodes_given_up",
        "episodes",
        ["run_id", "episode_id"],
        sqlite_where=sa.text("parked"),
        postgresql_where=sa.text("parked"),
    )
