"""Alembic's entry point: runs the migrations on the connection from ``recorder.catalog.schema.migrate``."""

from __future__ import annotations

from alembic import context

from recorder.catalog.models import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=False,  # the caller's transaction holds the lock and commits
)
context.run_migrations()
