"""The catalog's identity, which folder and Redis share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table; a worker fills it."""
    op.create_table(
        "installation",
        sa.Column("row_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("installation_id", sa.Text(), nullable=False),
        sa.Column("founded_path", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("file_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("row_id", name="pk_installation"),
    )
