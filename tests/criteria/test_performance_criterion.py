from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.episode import EpisodeStatus
from recorder.errors import UsageError
from tests.criteria.episodes import claimed, episode
from worker.criteria import PerformanceCriterion


def kept(criterion: PerformanceCriterion, returns: Sequence[float]) -> dict[str, list[int]]:
    """Numbers of the kept episodes, by reason."""
    by_reason: dict[str, list[int]] = {"top_10.0pct": [], "bottom_10.0pct": []}
    episodes = (episode(i, reward=value) for i, value in enumerate(returns))
    for episode_id, reasons in claimed(criterion, episodes).items():
        for reason in reasons:
            by_reason.setdefault(reason, []).append(episode_id)
    return by_reason


def largest_share(kept_ids: list[int], n_episodes: int, window: int) -> float:
    """The largest share of kept ones among any ``window`` episodes in a row."""
    flags = [0] * n_episodes
    for i in kept_ids:
        flags[i] = 1
    return max(sum(flags[i : i + window]) / window for i in range(max(1, n_episodes - window + 1)))


@pytest.mark.parametrize(
    "returns",
    [
        pytest.param([1.0] * 1000, id="constant"),
        pytest.param([float(i) for i in range(1000)], id="rising"),
        pytest.param([float(-i) for i in range(1000)], id="falling"),
        pytest.param([random.Random(1).gauss(0, 1) for _ in range(1000)], id="random"),
        pytest.param([float(i // 50) for i in range(1000)], id="rising in steps"),
        pytest.param([float(i % 2 * i) for i in range(1000)], id="widening"),
    ],
)
def test_at_most_eleven_percent_are_kept_for_the_top_and_for_the_bottom(returns: list[float]) -> None:
    by_reason = kept(PerformanceCriterion(top_percentile=10.0, bottom_percentile=10.0, history_window=100), returns)
    for ids in by_reason.values():
        assert len(ids) <= 110
        assert largest_share(ids, 1000, 100) <= 0.11


def test_constant_returns_never_stand_out() -> None:
    assert claimed(PerformanceCriterion(), [episode(i, reward=5.0) for i in range(1000)]) == {}


def test_steadily_rising_returns_use_the_whole_share_of_the_top_and_none_of_the_bottom() -> None:
    by_reason = kept(PerformanceCriterion(), [float(i) for i in range(1000)])
    assert 90 <= len(by_reason["top_10.0pct"]) <= 110
    assert by_reason["bottom_10.0pct"] == []


def test_random_returns_keep_about_the_configured_share_on_either_side() -> None:
    rng = random.Random(7)
    by_reason = kept(PerformanceCriterion(), [rng.gauss(0, 1) for _ in range(5000)])
    assert 0.07 <= len(by_reason["top_10.0pct"]) / 5000 <= 0.11
    assert 0.07 <= len(by_reason["bottom_10.0pct"]) / 5000 <= 0.11


@pytest.mark.parametrize(
    ("value", "reason"), [(91.0, ["top_10.0pct"]), (90.0, []), (10.0, ["bottom_10.0pct"]), (11.0, [])]
)
def test_a_return_must_lie_strictly_beyond_the_share_of_the_returns_before_it(value: float, reason: list[str]) -> None:
    criterion = PerformanceCriterion()
    history = [float(i) for i in range(1, 101)]
    random.Random(3).shuffle(history)
    for i, known in enumerate(history):
        criterion.observe(episode(i, reward=known))
    # The shuffled history may have used up the shares, and this is about the threshold alone.
    criterion.restore({**criterion.state(), "top_kept_at": [], "bottom_kept_at": []})
    observation = criterion.observe(episode(100, reward=value))
    assert [claim.reason for claim in observation.claims] == reason
    assert observation.explanation.keep is bool(reason)
    assert observation.explanation.threshold == (90.0 if value > 50 else 11.0)


@pytest.mark.parametrize(("window", "n_needed"), [(10, 10), (100, 10), (500, 50)])
def test_nothing_is_judged_before_enough_history(window: int, n_needed: int) -> None:
    by_reason = kept(PerformanceCriterion(history_window=window), [float(i) for i in range(n_needed + 1)])
    assert by_reason["top_10.0pct"] == [n_needed]


def test_the_cap_starts_with_the_share_of_the_episodes_judged_so_far() -> None:
    ids = kept(PerformanceCriterion(), [float(i) for i in range(100)])["top_10.0pct"]
    assert all(sum(i < n for i in ids) <= max(1, n // 10) for n in range(10, 101))
    assert len(ids) == 10


@given(
    st.lists(st.one_of(st.integers(-5, 5).map(float), st.floats(allow_nan=False)), max_size=200),
    st.sampled_from([0.0, 1.0, 5.0, 10.0, 33.3, 50.0, 100.0]),
    st.sampled_from([10, 20, 50]),
)
def test_a_kept_return_is_strictly_beyond_the_share_and_no_window_keeps_more_than_the_share(
    returns: list[float], percentile: float, window: int
) -> None:
    criterion = PerformanceCriterion(percentile, percentile, window)
    by_reason = kept(criterion, returns)
    top, bottom = by_reason.get(f"top_{percentile}pct", []), by_reason.get(f"bottom_{percentile}pct", [])
    for i in [*top, *bottom]:
        assert i >= 10
    for i in top:
        history = returns[max(0, i - window) : i]
        assert sum(h < returns[i] for h in history) / len(history) >= 1 - percentile / 100 - 1e-9
    for i in bottom:
        history = returns[max(0, i - window) : i]
        assert sum(h > returns[i] for h in history) / len(history) >= 1 - percentile / 100 - 1e-9
    for ids in (top, bottom):
        # A share of less than one episode a window can't be kept to within the window, but over a longer one.
        span = max(window, math.ceil(100 / percentile)) if percentile else window
        assert largest_share(ids, len(returns), span) <= percentile / 100 + 1e-9


def test_a_share_of_less_than_one_episode_a_window_is_one_in_so_many_episodes() -> None:
    criterion = PerformanceCriterion(top_percentile=1.0, bottom_percentile=0.0, history_window=20)
    ids = kept(criterion, [float(i) for i in range(1000)])["top_1.0pct"]
    assert len(ids) == 10
    assert all(later - earlier >= 100 for earlier, later in pairwise(ids))


def test_a_percentile_of_zero_switches_its_side_off() -> None:
    by_reason = kept(PerformanceCriterion(0, 10), [math.sin(i) * i for i in range(500)])
    assert set(by_reason) == {"top_10.0pct", "bottom_10.0pct"}
    assert by_reason["top_10.0pct"] == []
    assert by_reason["bottom_10.0pct"]


def test_the_explanation_tells_when_the_cap_and_not_the_threshold_said_no() -> None:
    criterion = PerformanceCriterion()
    explanations = [criterion.observe(episode(i, reward=float(i))).explanation for i in range(200)]
    rejected = [it for it in explanations[20:] if not it.keep]
    assert rejected
    for it in rejected:
        assert isinstance(it.value, float)
        assert isinstance(it.threshold, float)
        assert it.value > it.threshold
        assert "used up the share" in it.detail
    assert criterion.observe(episode(200, reward=-1e9)).explanation.keep
    assert "used up" not in criterion.observe(episode(201, reward=150.0)).explanation.detail


def test_a_side_that_is_switched_off_is_not_the_one_explained() -> None:
    criterion = PerformanceCriterion(top_percentile=0)
    explanations = [criterion.observe(episode(i, reward=float(i))).explanation for i in range(20)]
    assert all("bottom 10.0 %" in it.detail for it in explanations[10:])


@pytest.mark.parametrize("status", [EpisodeStatus.TRUNCATED, EpisodeStatus.SALVAGED])
def test_a_partial_return_is_neither_judged_nor_remembered(status: EpisodeStatus) -> None:
    criterion = PerformanceCriterion()
    for i in range(50):
        criterion.observe(episode(i, reward=float(i)))
    before = criterion.state()
    observation = criterion.observe(episode(50, reward=1e9, status=status))
    assert not observation.claims
    assert f"that is {status} is partial" in observation.explanation.detail
    assert criterion.state() == before


def test_a_return_that_is_not_a_number_is_neither_kept_nor_remembered() -> None:
    criterion = PerformanceCriterion(100.0, 100.0)
    for i in range(50):
        criterion.observe(episode(i, reward=float(i)))
    before = criterion.state()
    observation = criterion.observe(episode(50, reward=math.nan))
    assert not observation.claims
    assert math.isnan(observation.explanation.value)
    assert criterion.state() == before


def test_infinite_returns_are_judged_and_survive_strict_json() -> None:
    criterion = PerformanceCriterion()
    for i in range(20):
        criterion.observe(episode(i, reward=-math.inf if i % 2 else math.inf))
    assert not criterion.observe(episode(20, reward=math.inf)).claims
    state = criterion.state()
    restored = PerformanceCriterion()
    restored.restore(json.loads(json.dumps(state, allow_nan=False)))
    assert restored.state() == state


def test_a_smaller_window_after_a_restart_forgets_the_older_returns() -> None:
    before = PerformanceCriterion(history_window=100)
    for i in range(100):
        before.observe(episode(i, reward=float(-i)))
    after = PerformanceCriterion(history_window=10)
    after.restore(json.loads(json.dumps(before.state())))
    assert after.state()["history"] == [float(-i) for i in range(90, 100)]


@pytest.mark.parametrize("argument", ["top_percentile", "bottom_percentile"])
@pytest.mark.parametrize("value", [-0.1, 100.1, math.nan, math.inf, 1e-9, "10", True, None])
def test_a_percentile_outside_zero_to_one_hundred_is_refused(argument: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"performance: {argument} must be a percentage, 0 .* 100 .*got"):
        PerformanceCriterion(**{argument: value})


@pytest.mark.parametrize("window", [0, 9, -1, 50.0, 10**9])
def test_a_window_too_small_for_a_judgement_or_too_large_is_refused(window: Any) -> None:
    with pytest.raises(UsageError, match="history_window must be a whole number from 10 to 100000"):
        PerformanceCriterion(history_window=window)
