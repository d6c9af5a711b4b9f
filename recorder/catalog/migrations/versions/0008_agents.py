"""The agents of recordings; ``reindex`` fills in those of files that are there already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "recording_agents",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("agent_group", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("first_step", sa.BigInteger(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("total_reward", sa.Double(), nullable=False),
        sa.Column("n_steps", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "episode_id", "agent_id", name="pk_recording_agents"),
        sa.ForeignKeyConstraint(
            ["run_id", "episode_id"],
            ["recordings.run_id", "recordings.episode_id"],
            name="fk_recording_agents_run_id_episode_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_recording_agents_agent", "recording_agents", ["agent_id", "run_id", "episode_id"])
