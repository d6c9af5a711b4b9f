"""What a worker found when it made a video, such as how much the drawn pictures differ from the recorded ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("videos", sa.Column("note", sa.Text(), nullable=True))
