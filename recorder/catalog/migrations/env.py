"""Alembic's entry: runs the migrations on the connection that ``recorder.catalog.schema.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from recorder.catalog.models import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=False,  # the caller's transaction holds the lock, begins and commits
)
context.run_migrations()
