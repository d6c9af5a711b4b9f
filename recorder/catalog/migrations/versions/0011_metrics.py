"""The numbers in the ``info`` of episodes; ``reindex`` fills in those of files that are there already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("episodes", sa.Column("metrics", sa.Text(), nullable=True))
