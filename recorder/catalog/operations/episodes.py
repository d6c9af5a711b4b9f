"""Operations on ``episodes``: find, list, learning curve."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any

from sqlalchemy import CTE, func, or_, select

from recorder.catalog.base import CatalogBase
from recorder.catalog.lists.episode_query import IS_KEPT, EpisodeFilter, page_of_episodes
from recorder.catalog.lists.episode_rows import fetch_episodes, select_episodes
from recorder.catalog.locks import in_batches
from recorder.catalog.models import episodes, runs
from recorder.catalog.rows import CurvePoint, EpisodePage, EpisodeRow, duration_of
from recorder.errors import RecordingNotFoundError

__all__ = ["EpisodeOperations"]


class EpisodeOperations(CatalogBase):
    """Episodes, whether kept or not."""

    def get_episode(self, run_id: str, episode_id: int) -> EpisodeRow:
        """Get an episode.

        Raises:
            RecordingNotFoundError: no such episode.
        """
        return self.find_episode(episode_id, run_id)

    def find_episode(self, episode_id: int, run_id: str | None = None) -> EpisodeRow:
        """Find an episode; without ``run_id``, in the newest run that has it.

        Raises:
            RecordingNotFoundError: no such episode.
        """
        query = select_episodes().where(episodes.c.episode_id == episode_id)
        if run_id is not None:
            query = query.where(episodes.c.run_id == run_id)
        query = query.order_by(episodes.c.finished_unix_nanos.desc(), episodes.c.run_id.desc()).limit(1)
        with self._reading() as connection:
            found = fetch_episodes(connection, query)
        if not found:
            place = "" if run_id is None else f" in run {run_id!r}"
            raise RecordingNotFoundError(f"there is no episode {episode_id}{place} in the catalog: {self.url}")
        return found[0]

    def list_episodes(
        self,
        *,
        run: str | None = None,
        stage: int | None = None,
        reason: str | None = None,
        status: str | None = None,
        decision: str | None = None,
        lane: int | None = None,
        min_reward: float | None = None,
        max_reward: float | None = None,
        tag: str | None = None,
        recorded: bool | None = None,
        min_episode: int | None = None,
        max_episode: int | None = None,
        complete: bool | None = None,
        agent: str | None = None,
        seed: str | None = None,
        order: str = "-finished",
        cursor: str | None = None,
        limit: int = 50,
    ) -> EpisodePage:
        """A page of the episodes that match all filters.

        Args:
            reason: one of the episode's reasons; ``*`` and ``?`` are wildcards.
            min_reward, max_reward: inclusive bounds of the return; they exclude NaN.
            recorded: whether the episode has a file.
            min_episode, max_episode: inclusive bounds of the id.
            complete: whether the trainer finished the episode.
            agent: id of one of the agents in the episode's recording.
            seed: what its environment was reset with, in digits; of recorded episodes.
            order: ``finished``, ``episode_id``, ``reward``, ``length`` or ``stage``; a ``-`` prefix sorts descending.
            cursor: ``next_cursor`` of the previous page, with the same filters and order.

        Raises:
            UsageError: the order is unknown, the cursor belongs to another order, or the limit is not positive.
        """
        wanted = EpisodeFilter(
            run,
            stage,
            reason,
            status,
            decision,
            lane,
            min_reward,
            max_reward,
            tag,
            recorded,
            min_episode,
            max_episode,
            complete,
            agent,
            seed,
        )
        with self._reading() as connection:
            return page_of_episodes(connection, wanted, order=order, cursor=cursor, limit=limit)

    def held_episode_ids(self, run_id: str) -> list[int]:
        """Ids of the run's held episodes, in ascending order."""
        query = select(episodes.c.episode_id).where(episodes.c.run_id == run_id, episodes.c.decision == "held")
        with self._reading() as connection:
            # Sorted here: in SQL, SQLite would scan the whole run.
            return sorted(connection.execute(query).scalars())

    def has_held_episodes(self, run_id: str) -> bool:
        """Whether the run has held episodes."""
        query = select(episodes.c.episode_id).where(episodes.c.run_id == run_id, episodes.c.decision == "held").limit(1)
        with self._reading() as connection:
            return connection.execute(query).first() is not None

    def play_states(self, run_id: str, episode_ids: Iterable[int]) -> dict[int, tuple[int, bool, str]]:
        """Of those of the episodes that the catalog has: their ``play_id``, whether nobody needs its stream any more, and their
        status."""
        is_settled = or_(episodes.c.decision.in_(("skipped", "deleted")), episodes.c.written_at.is_not(None))
        query = select(episodes.c.episode_id, episodes.c.play_id, is_settled, episodes.c.status).where(
            episodes.c.run_id == run_id
        )
        found: dict[int, tuple[int, bool, str]] = {}
        with self._reading() as connection:
            for ids in in_batches(episode_ids):
                rows = connection.execute(query.where(episodes.c.episode_id.in_(ids)))
                found.update((id_, (play_id, bool(settled), status)) for id_, play_id, settled, status in rows)
        return found

    def learning_curve(self, run_id: str, max_points: int = 2000) -> list[CurvePoint]:
        """The run's episodes by id, thinned evenly to at most ``max_points``."""
        with self._reading() as connection:
            n_episodes = connection.execute(select(runs.c.n_episodes).where(runs.c.run_id == run_id)).scalar() or 0
            chosen = _every_nth(run_id, stride=-(-n_episodes // max(1, max_points)) or 1)
            query = (
                select(
                    episodes.c.episode_id,
                    episodes.c.env_steps,
                    episodes.c.total_reward,
                    episodes.c.survival_steps,
                    episodes.c.curriculum_stage,
                    episodes.c.written_at.is_not(None),
                    episodes.c.status,
                    episodes.c.extrinsic_reward,
                    episodes.c.intrinsic_reward,
                    episodes.c.intrinsic_weight,
                    episodes.c.epsilon,
                    episodes.c.n_missing_steps,
                    episodes.c.metrics,
                    episodes.c.started_unix_nanos,
                    episodes.c.finished_unix_nanos,
                )
                .join(chosen, chosen.c.episode_id == episodes.c.episode_id)
                .where(episodes.c.run_id == run_id)
                .order_by(episodes.c.episode_id)
            )
            return [_curve_point(*row) for row in connection.execute(query)]

    def extreme_recording(self, run_id: str, column: str, *, lowest: bool = False) -> EpisodeRow | None:
        """The recorded, complete episode with the highest or lowest finite value of a column, by the kept episodes' index.

        Args:
            column: ``extrinsic_reward``, ``intrinsic_reward``, ``epsilon`` or ``n_missing_steps``.
        """
        value = episodes.c[column]
        query = select_episodes().where(
            episodes.c.run_id == run_id,
            IS_KEPT,
            episodes.c.written_at.is_not(None),
            episodes.c.status == "complete",
            value.is_not(None),
            value < inf,
            value > -inf,
        )
        query = query.order_by(value.asc() if lowest else value.desc(), episodes.c.episode_id).limit(1)
        with self._reading() as connection:
            found = fetch_episodes(connection, query.with_hint(episodes, "INDEXED BY ix_episodes_kept", "sqlite"))
        return found[0] if found else None

    def extreme_metric(self, run_id: str, metric: str, *, lowest: bool = False) -> EpisodeRow | None:
        """The recorded, complete episode with the highest or lowest value of a number in its ``info``."""
        query = select(episodes.c.episode_id, episodes.c.metrics).where(
            episodes.c.run_id == run_id,
            IS_KEPT,
            episodes.c.written_at.is_not(None),
            episodes.c.status == "complete",
            episodes.c.metrics.is_not(None),
        )
        sign = 1 if lowest else -1
        with self._reading() as connection:
            rows = connection.execute(query.with_hint(episodes, "INDEXED BY ix_episodes_kept", "sqlite"))
            values = ((sign * metrics[metric], id_) for id_, metrics in rows if metrics and metric in metrics)
            first = min(values, default=None)
        return None if first is None else self.get_episode(run_id, first[1])


def _curve_point(*row: Any) -> CurvePoint:
    *values, started, finished = row
    return CurvePoint(*[*values, duration_of(started, finished)])


def _every_nth(run_id: str, *, stride: int) -> CTE:
    """Ids of every ``stride``-th episode of a run, found in the primary key's index alone."""
    of_run = episodes.alias()
    first = select(func.min(of_run.c.episode_id).label("episode_id")).where(of_run.c.run_id == run_id)
    chosen = first.cte("chosen", recursive=True)
    following = (
        select(of_run.c.episode_id)
        .where(of_run.c.run_id == run_id, of_run.c.episode_id > chosen.c.episode_id)
        .order_by(of_run.c.episode_id)
        .offset(stride - 1)
        .limit(1)
        .scalar_subquery()
    )
    return chosen.union_all(select(following).where(chosen.c.episode_id.is_not(None)))
