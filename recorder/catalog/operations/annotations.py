"""Operations on what people add to episodes: ``annotations`` and ``episode_tags``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Connection

from recorder.catalog.base import CatalogBase, insert_or, write_transaction
from recorder.catalog.lists.keys import plays_of
from recorder.catalog.models import episode_annotations, episode_tags
from recorder.catalog.operations.runs import add_missing_run
from recorder.catalog.rows import AnnotationRow
from recorder.errors import QuotaError, RecordingNotFoundError, UsageError
from recorder.runtime.python_versions import UTC

__all__ = ["AnnotationOperations", "TagOperations"]

_CHANGEABLE = ("step", "end_step", "label", "text", "author", "color")


class AnnotationOperations(CatalogBase):
    """Annotations of episodes."""

    @write_transaction
    def add_annotation(
        self,
        run_id: str,
        episode_id: int,
        *,
        step: int,
        end_step: int | None = None,
        label: str = "",
        text: str = "",
        author: str = "",
        color: str = "",
        max_letters: int | None = None,
    ) -> AnnotationRow:
        """Annotate ``step``, or ``step <= s < end_step``.

        Args:
            max_letters: limit on all annotations of the run, in characters; None sets none.

        Raises:
            UsageError: the span is empty or starts before step 0.
            QuotaError: the run's annotations would exceed ``max_letters``.
        """
        _check_span(step, end_step)
        now = datetime.now(UTC)
        values: dict[str, Any] = {
            "run_id": run_id,
            "episode_id": episode_id,
            "step": step,
            "end_step": end_step,
            "label": label,
            "text": text,
            "author": author,
            "color": color,
            "created_at": now,
            "updated_at": now,
        }
        with self._writing() as connection:
            _check_letters(connection, run_id, len(label + text + author + color), max_letters)
            add_missing_run(connection, run_id, at=now)
            row = connection.execute(
                insert(episode_annotations).values(**values).returning(*episode_annotations.columns)
            ).mappings()
            return AnnotationRow(**row.one())

    def list_annotations(self, run_id: str, episode_id: int) -> list[AnnotationRow]:
        """The episode's annotations in step order."""
        a = episode_annotations.c
        query = select(episode_annotations).where(a.run_id == run_id, a.episode_id == episode_id)
        with self._reading() as connection:
            return [
                AnnotationRow(**row) for row in connection.execute(query.order_by(a.step, a.annotation_id)).mappings()
            ]

    @write_transaction
    def update_annotation(self, annotation_id: int, *, max_letters: int | None = None, **changes: Any) -> AnnotationRow:
        """Change ``step``, ``end_step``, ``label``, ``text``, ``author`` or ``color``; returns the changed row.

        Raises:
            UsageError: another name, or an empty span.
            QuotaError: as ``add_annotation``.
            RecordingNotFoundError: no such annotation.
        """
        unknown = sorted(set(changes) - set(_CHANGEABLE))
        if unknown:
            raise UsageError(f"an annotation has no field {unknown[0]!r}: expected one of {', '.join(_CHANGEABLE)}")
        with self._writing() as connection:
            row = (
                connection.execute(
                    update(episode_annotations)
                    .where(episode_annotations.c.annotation_id == annotation_id)
                    .values(**changes, updated_at=datetime.now(UTC))
                    .returning(*episode_annotations.columns)
                )
                .mappings()
                .one_or_none()
            )
            if row is None:
                raise RecordingNotFoundError(f"there is no annotation {annotation_id}: {self.url}")
            changed = AnnotationRow(**row)
            _check_span(changed.step, changed.end_step)
            _check_letters(connection, changed.run_id, 0, max_letters)
        return changed

    @write_transaction
    def delete_annotation(self, annotation_id: int) -> bool:
        """Delete an annotation; returns whether it existed."""
        with self._writing() as connection:
            gone = delete(episode_annotations).where(episode_annotations.c.annotation_id == annotation_id)
            return connection.execute(gone).rowcount > 0


def _check_letters(connection: Connection, run_id: str, n_more: int, most: int | None) -> None:
    """Refuse annotations beyond the run's limit."""
    if most is None:
        return
    a = episode_annotations.c
    letters = func.sum(func.length(a.label) + func.length(a.text) + func.length(a.author) + func.length(a.color))
    n_letters = connection.execute(select(func.coalesce(letters, 0)).where(a.run_id == run_id)).scalar_one()
    if n_letters + n_more > most:
        raise QuotaError(f"the annotations of run {run_id!r:.100} would exceed {most} characters: remove some first")


def _check_span(step: int, end_step: int | None) -> None:
    if step < 0 or (end_step is not None and end_step <= step):
        raise UsageError(f"an annotation spans step 0 or later up to a later end_step, got {step} to {end_step}")


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
