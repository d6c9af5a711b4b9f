"""Unknown values, such as an episode's stage, are NULL. Existing values stay."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_NULLABLE = {
    "episodes": ("curriculum_stage", "epsilon", "intrinsic_weight", "env_steps", "started_unix_nanos"),
    "recordings": ("curriculum_stage", "epsilon", "env_steps"),
}
_STAGE_INDEXES = {
    "ix_episodes_stage": (
        "episodes",
        "finished_unix_nanos, run_id, episode_id, total_reward, survival_steps, lane, status, decision",
    ),
    "ix_recordings_stage": ("recordings", '"timestamp"'),
}


def upgrade() -> None:
    """Allow NULL in the columns."""
    if op.get_bind().dialect.name == "postgresql":
        for table, columns in _NULLABLE.items():
            op.execute(f"ALTER TABLE {table} " + ", ".join(f"ALTER {column} DROP NOT NULL" for column in columns))
        for index, (table, others) in _STAGE_INDEXES.items():
            # NULL comes first, as on SQLite.
            op.execute(f"DROP INDEX {index}")
            op.execute(f"CREATE INDEX {index} ON {table} (curriculum_stage int8_ops NULLS FIRST, {others})")
        return
    # SQLite changes a table by copying it, and dropping the old one deletes the tags.
    op.execute("CREATE TEMPORARY TABLE kept_tags AS SELECT * FROM episode_tags")
    op.execute("DELETE FROM episode_tags")
    for table, columns in _NULLABLE.items():
        with op.batch_alter_table(table, recreate="always") as batch:
            for column in columns:
                batch.alter_column(column, existing_type=sa.Integer(), nullable=True)
    op.execute("INSERT INTO episode_tags SELECT * FROM kept_tags")
    op.execute("DROP TABLE kept_tags")
