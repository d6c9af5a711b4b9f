"""Keeps the first and the last episodes of the run at each curriculum stage."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recorder.settings.criteria import StageBoundariesSettings
from worker.criteria.base import (
    Claim,
    Criterion,
    EpisodeSummary,
    Explanation,
    Observation,
    checked_count,
    checked_setting,
)

__all__ = ["StageBoundariesCriterion"]

_DEFAULTS = StageBoundariesSettings()


@dataclass(slots=True)
class _FirstEpisodes:
    """The number of finished episodes at a stage, and the positions of its first episodes by id."""

    n_finished: int = 0
    places: dict[int, int] = field(default_factory=dict)


class StageBoundariesCriterion(Criterion):
    """Keeps the first and the last episodes that the run, over all lanes, finishes at each stage.

    An episode of unknown stage is ignored: its lane stays in its last stage.

    *First*: the first ``record_first_n`` episodes finished at a stage get ``stage_<s>_first_<k>`` with ``k`` from 1.
    They are counted once: returning to a stage does not restart the count. A later play of an episode takes over its
    number.

    *Last*: a lane is in the stage of its last finished episode. When the last lane leaves a stage, or the run ends, the
    last ``record_last_n`` episodes finished there get ``stage_<s>_last_<k>``, counted from the end: ``last_1`` is the
    very last. If a stage is entered and left again, it gets new last episodes.

    It holds the last ``record_last_n`` episodes of each stage that a lane is in. It remembers the stages of at most
    ``max_lanes`` lanes (the lane not seen for longest is forgotten), and ``record_first_n`` ids of the first
    ``max_stages`` stages; later stages get last episodes, but no first ones.

    Example, ``record_first_n=1, record_last_n=2``, one lane, stages 1 1 1 2, then the run ends: ``stage_1_first_1``;
    ``stage_1_last_2``; ``stage_1_last_1``; ``stage_2_first_1`` and ``stage_2_last_1``.

    Args:
        record_first_n: episodes at a stage's beginning, 0 for none.
        record_last_n: episodes at a stage's end, 0 for none.
        max_lanes: lanes remembered at once.
        max_stages: stages remembered for the whole run.

    Raises:
        UsageError: an argument is not an integer within its limits.
    """

    name = "stage_boundaries"

    def __init__(
        self,
        record_first_n: int = _DEFAULTS.record_first_n,
        record_last_n: int = _DEFAULTS.record_last_n,
        *,
        max_lanes: int = 4096,
        max_stages: int = 1000,
    ) -> None:
        self._first_n = checked_setting(self.name, StageBoundariesSettings, "record_first_n", record_first_n)
        self._last_n = checked_setting(self.name, StageBoundariesSettings, "record_last_n", record_last_n)
        self._max_lanes = checked_count(self.name, "max_lanes", max_lanes, minimum=1, maximum=1_000_000)
        self._max_stages = checked_count(self.name, "max_stages", max_stages, minimum=1, maximum=1_000_000)
        self._first_episodes: dict[int, _FirstEpisodes] = {}
        self._stage_of_lane: dict[int, int] = {}  # the lane not seen for longest is first
        self._n_lanes: Counter[int] = Counter()  # stage -> lanes in it
        self._last: dict[int, deque[int]] = {}  # stage with lanes in it -> its last episodes
        self._stage_of: dict[int, int] = {}  # held episode -> the stage that holds it
        self._detail = (
            f"value: number within its stage; the first {self._first_n} are kept, "
            f"and the last {self._last_n} when all lanes have left the stage"
        )

    def observe(self, episode: EpisodeSummary) -> Observation:
        """Count the episode at its stage. If its lane was the last one in another stage, decide that stage's last
        episodes."""
        episode_id, stage = episode.episode_id, episode.curriculum_stage
        self._forget_earlier_play(episode_id)
        if stage is None:
            return Observation((), Explanation(self.name, False, None, None, "its stage is unknown"))
        claims = self._move_lane(episode.lane, stage)
        released = [claim.episode_id for claim in claims]
        place = self._count(episode_id, stage)
        is_first = place is not None and place <= self._first_n
        if is_first:
            claims.append(Claim(episode_id, f"stage_{stage}_first_{place}"))
        if self._last_n:
            last = self._last.setdefault(stage, deque())
            last.append(episode_id)
            self._stage_of[episode_id] = stage
            if len(last) > self._last_n:
                oldest = last.popleft()
                del self._stage_of[oldest]
                released.append(oldest)
        keep = True if is_first else None if self._last_n else False
        explanation = Explanation(self.name, keep, place, self._first_n, self._detail)
        return Observation(tuple(claims), explanation, tuple(released))

    def held(self) -> Collection[int]:
        """Return the last ``record_last_n`` episodes of each stage that a lane is in."""
        return self._stage_of.keys()

    def end_run(self) -> Sequence[Claim]:
        """Take all lanes out of their stages; the counts of first episodes stay."""
        claims = [claim for stage in list(self._last) for claim in self._claim_last(stage)]
        self._stage_of_lane.clear()
        self._n_lanes.clear()
        return claims

    def state(self) -> dict[str, Any]:
        """Return rows ``[stage, n_finished, [[first id, number] …]]``, ``[lane, stage]`` and ``[stage, last ids]``."""
        return {
            "stages": [
                [stage, it.n_finished, [[*pair] for pair in it.places.items()]]
                for stage, it in self._first_episodes.items()
            ],
            "lanes": [[lane, stage] for lane, stage in self._stage_of_lane.items()],
            "last": [[stage, list(ids)] for stage, ids in self._last.items()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the state; lanes and last episodes beyond the current settings are dropped."""
        self._first_episodes = {
            stage: _FirstEpisodes(n, dict(places)) for stage, n, places in state["stages"][: self._max_stages]
        }
        self._stage_of_lane = dict(state["lanes"][-self._max_lanes :])
        self._n_lanes = Counter(self._stage_of_lane.values())
        self._last = {
            stage: deque(ids[-self._last_n :]) for stage, ids in state["last"] if self._last_n and self._n_lanes[stage]
        }
        self._stage_of = {episode_id: stage for stage, ids in self._last.items() for episode_id in ids}

    def _count(self, episode_id: int, stage: int) -> int | None:
        """Return the episode's number within its stage, from 1; None if there are too many stages to remember."""
        beginning = self._first_episodes.get(stage)
        if beginning is None:
            if len(self._first_episodes) >= self._max_stages:
                return None
            beginning = self._first_episodes[stage] = _FirstEpisodes()
        if episode_id in beginning.places:
            return beginning.places[episode_id]
        beginning.n_finished += 1
        if beginning.n_finished <= self._first_n:
            beginning.places[episode_id] = beginning.n_finished
        return beginning.n_finished

    def _move_lane(self, lane: int, stage: int) -> list[Claim]:
        """Move the lane to the stage; return claims for stages that are empty now."""
        left = [self._stage_of_lane.pop(lane, None)]
        self._stage_of_lane[lane] = stage
        if left == [stage]:
            return []
        self._n_lanes[stage] += 1
        if len(self._stage_of_lane) > self._max_lanes:
            left.append(self._stage_of_lane.pop(next(iter(self._stage_of_lane))))
        claims: list[Claim] = []
        for old in left:
            if old is None:
                continue
            self._n_lanes[old] -= 1
            if not self._n_lanes[old]:
                del self._n_lanes[old]
                claims += self._claim_last(old)
        return claims

    def _claim_last(self, stage: int) -> list[Claim]:
        ids = self._last.pop(stage, deque())
        for episode_id in ids:
            del self._stage_of[episode_id]
        return [Claim(episode_id, f"stage_{stage}_last_{len(ids) - i}") for i, episode_id in enumerate(ids)]

    def _forget_earlier_play(self, episode_id: int) -> None:
        stage = self._stage_of.pop(episode_id, None)
        if stage is not None:
            self._last[stage].remove(episode_id)
