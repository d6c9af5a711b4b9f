"""Episodes for the tests of the criteria, and the two ways in which these run them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from recorder.episode import EpisodeStatus
from worker.criteria import Criterion, Decided, EpisodeSummary, Evaluator


def episode(
    episode_id: int,
    *,
    lane: int = 0,
    stage: int | None = 1,
    reward: float = 0.0,
    status: EpisodeStatus = EpisodeStatus.COMPLETE,
    play_id: int = 1,
    manual: tuple[str, ...] = (),
) -> EpisodeSummary:
    """A finished episode of 10 steps."""
    return EpisodeSummary(episode_id, play_id, lane, stage, reward, 10, 10, status, manual)


def claimed(criterion: Criterion, episodes: Iterable[EpisodeSummary]) -> dict[int, list[str]]:
    """The reasons of each episode that the criterion alone claims in a whole run, in the order of the claims."""
    reasons: dict[int, list[str]] = defaultdict(list)
    for it in episodes:
        for claim in criterion.observe(it).claims:
            reasons[claim.episode_id].append(claim.reason)
    for claim in criterion.end_run():
        reasons[claim.episode_id].append(claim.reason)
    assert not criterion.held()
    return dict(reasons)


def decide_all(evaluator: Evaluator, episodes: Iterable[EpisodeSummary]) -> list[Decided]:
    """Everything that a whole run decides, in order."""
    decided = [decision for it in episodes for decision in evaluator.observe(it)]
    decided += evaluator.end_run()
    assert not evaluator.pending()
    return decided
