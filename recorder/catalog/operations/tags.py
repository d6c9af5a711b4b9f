"""Operations on ``episode_tags``."""

from __future__ import annotations

from sqlalchemy import delete, func, select
from sqlalchemy.engine import Connection

from recorder.catalog.base import CatalogBase, insert_or, write_transaction
from recorder.catalog.lists.keys import plays_of
from recorder.catalog.models import episode_tags
from recorder.errors import QuotaError, RecordingNotFoundError, UsageError

__all__ = ["TagOperations"]


class TagOperations(CatalogBase):
    """Tags of episodes."""

    @write_transaction
    def tag_episode(self, run_id: str, episode_id: int, tag: str, *, max_tags: int | None = None) -> None:
        """Add a tag; an existing one stays.

        Args:
            max_tags: limit on tags of all episodes of the run; None sets none.

        Raises:
            QuotaError: the run has ``max_tags`` tags.
            UsageError: the tag is empty or has a control character.
            RecordingNotFoundError: no such episode.
        """
        if not tag or not tag.isprintable():
            raise UsageError(f"a tag is one or more printable characters, got {tag!r}")
        with self._writing() as connection:
            if not plays_of(connection, run_id, [episode_id]):
                raise RecordingNotFoundError(f"there is no episode {episode_id} in run {run_id!r} to tag: {self.url}")
            if max_tags is not None and _count(connection, run_id) >= max_tags:
                raise QuotaError(f"the episodes of run {run_id!r:.100} already have {max_tags} tags: remove some first")
            row = {"run_id": run_id, "episode_id": episode_id, "tag": tag}
            connection.execute(insert_or(connection.dialect, episode_tags, update={}), row)

    @write_transaction
    def untag_episode(self, run_id: str, episode_id: int, tag: str) -> bool:
        """Remove a tag; returns whether it existed."""
        t = episode_tags.c
        with self._writing() as connection:
            gone = delete(episode_tags).where(t.run_id == run_id, t.episode_id == episode_id, t.tag == tag)
            return connection.execute(gone).rowcount > 0

    def list_tags(self, run_id: str | None = None) -> list[str]:
        """All tags in use, sorted."""
        query = select(episode_tags.c.tag).distinct()
        if run_id is not None:
            query = query.where(episode_tags.c.run_id == run_id)
        with self._reading() as connection:
            return sorted(connection.execute(query).scalars())


def _count(connection: Connection, run_id: str) -> int:
    of_run = select(func.count()).select_from(episode_tags).where(episode_tags.c.run_id == run_id)
    return connection.execute(of_run).scalar_one()
