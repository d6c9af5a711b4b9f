"""Who requested a video, and how many of their videos were waiting, for a fair order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("videos", sa.Column("asked_by", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("videos", sa.Column("turn", sa.Integer(), nullable=False, server_default="0"))
