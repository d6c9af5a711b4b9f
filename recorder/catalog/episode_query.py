"""The query behind ``list_episodes``: filters, order, paging."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import nan

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.engine import Connection

from recorder.catalog.episode_rows import fetch_episodes, select_episodes
from recorder.catalog.models import episode_tags, episodes, recording_reasons
from recorder.catalog.paging import parse_order
from recorder.catalog.rows import EpisodePage
from recorder.catalog.sql_glob import matches_glob
from recorder.errors import UsageError

__all__ = ["EpisodeFilter", "page_of_episodes"]

_key = (episodes.c.run_id, episodes.c.episode_id)
_time = (episodes.c.finished_unix_nanos, *_key)

ORDERS = {
    "finished": _time,
    "episode_id": (episodes.c.episode_id, episodes.c.run_id),
    "reward": (episodes.c.total_reward, *_time),
    "length": (episodes.c.survival_steps, *_time),
    "stage": (episodes.c.curriculum_stage, *_time),
}


@dataclass(frozen=True, slots=True)
class EpisodeFilter:
    """Which episodes; None filters nothing. ``EpisodeOperations.list_episodes`` describes the fields."""

    run: str | None = None
    stage: int | None = None
    reason: str | None = None
    status: str | None = None
    decision: str | None = None
    lane: int | None = None
    min_reward: float | None = None
    max_reward: float | None = None
    tag: str | None = None
    recorded: bool | None = None

    def conditions(self, dialect_name: str) -> Iterator[ColumnElement[bool]]:
        """The filters as conditions on ``episodes``."""
        for column, value in (
            (episodes.c.run_id, self.run),
            (episodes.c.curriculum_stage, self.stage),
            (episodes.c.status, self.status),
            (episodes.c.decision, self.decision),
            (episodes.c.lane, self.lane),
        ):
            if value is not None:
                yield column == value
        if self.min_reward is not None:
            # NaN sorts above all numbers, so a lower bound alone would let it in.
            yield episodes.c.total_reward >= self.min_reward
            yield episodes.c.total_reward < nan
        if self.max_reward is not None:
            yield episodes.c.total_reward <= self.max_reward
        if self.recorded is not None:
            yield episodes.c.written_at.is_not(None) if self.recorded else episodes.c.written_at.is_(None)
        if self.reason is not None:
            reasons = select(recording_reasons.c.run_id, recording_reasons.c.episode_id)
            yield tuple_(*_key).in_(reasons.where(matches_glob(recording_reasons.c.reason, self.reason, dialect_name)))
        if self.tag is not None:
            tags = select(episode_tags.c.run_id, episode_tags.c.episode_id).where(episode_tags.c.tag == self.tag)
            yield tuple_(*_key).in_(tags)


def page_of_episodes(
    connection: Connection, wanted: EpisodeFilter, *, order: str, cursor: str | None, limit: int
) -> EpisodePage:
    """One page; the arguments are those of ``EpisodeOperations.list_episodes``.

    Raises:
        UsageError: the order is unknown, the cursor is not of this order, or the limit is not positive.
    """
    if limit < 1:
        raise UsageError(f"limit must be 1 or more, got {limit}")
    in_order = parse_order(order, ORDERS)
    query = select_episodes().where(*wanted.conditions(connection.dialect.name))
    if cursor is not None:
        query = query.where(in_order.after(cursor))
    # One more than asked for tells whether there is a next page.
    found = fetch_episodes(connection, in_order.sort(query).limit(limit + 1))
    page = found[:limit]
    return EpisodePage(page, in_order.cursor_of(page[-1]) if len(found) > limit else None)
