"""The machine that the catalog's file is on: a copy may have the same path on another machine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; it is NULL until a worker opens the catalog."""
    op.add_column("installation", sa.Column("host", sa.Text(), nullable=True))
