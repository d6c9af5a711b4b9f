"""The seeds of recordings; ``reindex`` fills in those of files that are there already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column and its index."""
    op.add_column("recordings", sa.Column("seed", sa.Text(), nullable=True))
    op.create_index("ix_recordings_seed", "recordings", ["seed", "run_id", "episode_id"])
