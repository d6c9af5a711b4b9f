"""Keeps the episodes around each change of a lane's curriculum stage."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recorder.settings.criteria import StageTransitionsSettings
from worker.criteria.base import (
    Claim,
    Criterion,
    EpisodeSummary,
    Explanation,
    Observation,
    checked_count,
    checked_setting,
)

__all__ = ["StageTransitionCriterion"]

_DEFAULTS = StageTransitionsSettings()

_THRESHOLD = "; threshold: the lane's previous stage"


@dataclass(slots=True)
class _Lane:
    stage: int | None
    n_post_left: int = 0
    recent: deque[int] = field(default_factory=deque)


class StageTransitionCriterion(Criterion):
    """Keeps a lane's episodes just before and just after its stage changes.

    There is a transition if a lane's finished episode has another stage than the lane's previous one, in either
    direction. The lane's last ``lookback`` episodes before it get ``stage_<old>_pre_transition``, whatever their stage.
    This episode and the next ones of the lane, ``lookahead`` in all, get ``stage_<new>_post_transition``; the next
    transition starts a new count. Lanes are independent, and only the order within a lane counts: ids need not ascend.
    An episode of unknown stage makes no transition: its lane stays in its last stage.

    It holds the last ``lookback`` episodes of each lane. It remembers at most ``max_lanes`` lanes (``lookback`` ids, a
    stage and a count each); if there are more, the lane not seen for longest is forgotten.

    Example, ``lookback=2, lookahead=2``, one lane, stages 1 1 1 2 2 2: the second and third episode are kept as
    ``stage_1_pre_transition``, the fourth and fifth as ``stage_2_post_transition``.

    Args:
        lookback: episodes before a transition, 0 for none.
        lookahead: episodes from a transition on, 0 for none.
        max_lanes: lanes remembered at once.

    Raises:
        UsageError: an argument is not an integer within its limits.
    """

    name = "stage_transitions"

    def __init__(
        self, lookback: int = _DEFAULTS.lookback, lookahead: int = _DEFAULTS.lookahead, *, max_lanes: int = 4096
    ) -> None:
        self._lookback = checked_setting(self.name, StageTransitionsSettings, "lookback", lookback)
        self._lookahead = checked_setting(self.name, StageTransitionsSettings, "lookahead", lookahead)
        self._max_lanes = checked_count(self.name, "max_lanes", max_lanes, minimum=1, maximum=1_000_000)
        first = "the first episode" if lookahead == 1 else f"among the first {lookahead} episodes"
        self._when_after = f"{first} of its lane from a transition on{_THRESHOLD}"
        self._when_not = f"not {self._when_after}"
        following = "with the next episode" if lookback == 1 else f"within the next {lookback} episodes"
        self._when_open = f"kept if its lane changes stage {following}{_THRESHOLD}"
        self._lanes: dict[int, _Lane] = {}  # the lane not seen for longest is first
        self._lane_of: dict[int, int] = {}  # held episode -> its lane

    def observe(self, episode: EpisodeSummary) -> Observation:
        """Judge the episode against its lane's previous one."""
        self._forget_earlier_play(episode.episode_id)
        lane = self._lanes.pop(episode.lane, None)
        previous_stage = None if lane is None else lane.stage
        released: list[int] = []
        if lane is None:
            lane = _Lane(None)
            if len(self._lanes) >= self._max_lanes:
                released += self._forget_lane(next(iter(self._lanes)))
        self._lanes[episode.lane] = lane
        claims: list[Claim] = []
        stage = lane.stage if episode.curriculum_stage is None else episode.curriculum_stage
        if lane.stage is not None and lane.stage != stage:
            claims += [Claim(earlier, f"stage_{lane.stage}_pre_transition") for earlier in lane.recent]
            lane.n_post_left = self._lookahead
        lane.stage = stage
        is_after_transition = lane.n_post_left > 0
        if is_after_transition:
            lane.n_post_left -= 1
            claims.append(Claim(episode.episode_id, f"stage_{lane.stage}_post_transition"))
        released += self._hold(episode, lane)
        explanation = self._explain(is_after_transition, episode.curriculum_stage, previous_stage)
        return Observation(tuple(claims), explanation, tuple(released))

    def held(self) -> Collection[int]:
        """Return the last ``lookback`` episodes of each lane."""
        return self._lane_of.keys()

    def end_run(self) -> Sequence[Claim]:
        """Release all episodes; the lanes' stages stay, because the run may be resumed."""
        self._lane_of.clear()
        for lane in self._lanes.values():
            lane.recent.clear()
        return ()

    def state(self) -> dict[str, Any]:
        """Return one row per lane: ``[lane, stage, n_post_left, held ids]``."""
        return {
            "lanes": [[index, lane.stage, lane.n_post_left, list(lane.recent)] for index, lane in self._lanes.items()]
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the lanes; lanes and episodes beyond the current settings are dropped."""
        self._lanes.clear()
        self._lane_of.clear()
        for index, stage, n_post_left, recent in state["lanes"][-self._max_lanes :]:
            kept = recent[-self._lookback :] if self._lookback else []
            self._lanes[index] = _Lane(stage, n_post_left, deque(kept))
            self._lane_of.update(dict.fromkeys(kept, index))

    def _hold(self, episode: EpisodeSummary, lane: _Lane) -> list[int]:
        if not self._lookback:
            return []
        lane.recent.append(episode.episode_id)
        self._lane_of[episode.episode_id] = episode.lane
        if len(lane.recent) <= self._lookback:
            return []
        oldest = lane.recent.popleft()
        del self._lane_of[oldest]
        return [oldest]

    def _forget_earlier_play(self, episode_id: int) -> None:
        index = self._lane_of.pop(episode_id, None)
        if index is not None:
            self._lanes[index].recent.remove(episode_id)

    def _forget_lane(self, index: int) -> list[int]:
        lane = self._lanes.pop(index)
        for episode_id in lane.recent:
            del self._lane_of[episode_id]
        return list(lane.recent)

    def _explain(self, is_after_transition: bool, stage: int | None, previous_stage: int | None) -> Explanation:
        if is_after_transition:
            return Explanation(self.name, True, stage, previous_stage, self._when_after)
        if self._lookback:
            return Explanation(self.name, None, stage, previous_stage, self._when_open)
        return Explanation(self.name, False, stage, previous_stage, self._when_not)
