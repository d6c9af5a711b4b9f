"""Selects whole rows of ``episodes``, with tags."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.engine import Connection

from recorder.catalog.models import episode_tags, episodes
from recorder.catalog.rows import EpisodeRow

__all__ = ["TAG_SEPARATOR", "fetch_episodes", "select_episodes"]

TAG_SEPARATOR = "\x1f"
"""Separates tags that the database joins; no tag may contain it."""


def select_episodes() -> Select[Any]:
    """A query for ``fetch_episodes``."""
    tags = (
        select(func.aggregate_strings(episode_tags.c.tag, TAG_SEPARATOR))
        .where(episode_tags.c.run_id == episodes.c.run_id, episode_tags.c.episode_id == episodes.c.episode_id)
        .scalar_subquery()
    )
    return select(episodes, tags.label("joined_tags"))


def fetch_episodes(connection: Connection, query: Select[Any]) -> list[EpisodeRow]:
    """Run a query made with ``select_episodes``."""
    fields = [column.key for column in episodes.columns]
    rows = []
    for row in connection.execute(query):
        *values, joined_tags = row
        tags = tuple(sorted(joined_tags.split(TAG_SEPARATOR))) if joined_tags else ()
        rows.append(EpisodeRow(**dict(zip(fields, values, strict=True)), tags=tags))
    return rows
