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
from worker.criteria import Evaluator, PerformanceCriterion


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


def test_rising_returns_use_the_whole_top_share_and_one_place_of_the_bottom() -> None:
    by_reason = kept(PerformanceCriterion(), [float(i) for i in range(1000)])
    top = sorted(by_reason["top_10.0pct"])
    assert 90 <= len(top) <= 110
    assert all(later - earlier < 20 for earlier, later in pairwise(top))
    assert top[-1] == 999
    assert by_reason["bottom_10.0pct"] == [0]


NOISE = {
    "noise": lambda rng, _: rng.gauss(0, 1),
    "rising": lambda rng, i: i / 50 + rng.gauss(0, 1),
    "falling": lambda rng, i: -i / 50 + rng.gauss(0, 1),
    "heavy tails": lambda rng, _: math.tan(math.pi * (rng.random() - 0.5)),
    "few values": lambda rng, _: float(rng.randrange(5)),
    "half and half": lambda rng, _: float(rng.random() < 0.5),
    "not always finite": lambda rng, _: rng.choice([math.nan, math.inf, -math.inf, rng.gauss(0, 1), rng.gauss(0, 1)]),
}


@pytest.mark.parametrize("name", NOISE)
def test_the_best_and_the_worst_of_a_run_are_kept_within_the_share(name: str) -> None:
    for seed in range(20):
        rng = random.Random(seed)
        returns = [NOISE[name](rng, i) for i in range(1000)]
        by_reason = kept(PerformanceCriterion(), returns)
        known = [value for value in returns if not math.isnan(value)]
        assert max(known) in {returns[i] for i in by_reason["top_10.0pct"]}, f"seed {seed}"
        assert min(known) in {returns[i] for i in by_reason["bottom_10.0pct"]}, f"seed {seed}"
        for ids in by_reason.values():
            assert largest_share(ids, 1000, 100) <= 0.11, f"seed {seed}"


@pytest.mark.parametrize("n_infinite", [1, 10, 900])
def test_the_best_finite_return_is_kept_beside_infinite_ones(n_infinite: int) -> None:
    for seed in range(20):
        rng = random.Random(seed)
        returns = [rng.gauss(0, 1) for _ in range(1000)]
        for i in rng.sample(range(1000), n_infinite):
            returns[i] = rng.choice([math.inf, -math.inf])
        by_reason = kept(PerformanceCriterion(), returns)
        finite = [value for value in returns if math.isfinite(value)]
        for ids, best in ((by_reason["top_10.0pct"], max), (by_reason["bottom_10.0pct"], min)):
            values = {returns[i] for i in ids}
            assert {best(finite), best(returns)} <= values, f"seed {seed}"
            assert largest_share(ids, 1000, 100) <= 0.11, f"seed {seed}"


def test_of_infinite_returns_alone_one_in_a_window_is_kept() -> None:
    assert kept(PerformanceCriterion(), [math.inf] * 250) == {"top_10.0pct": [0, 100, 200], "bottom_10.0pct": []}
    assert kept(PerformanceCriterion(top_percentile=0), [math.inf] * 250) == {"top_10.0pct": [], "bottom_10.0pct": []}


@pytest.mark.parametrize("successes", [0.05, 0.3, 0.5, 0.7, 0.95])
def test_some_of_both_are_kept_when_returns_are_0_or_1(successes: float) -> None:
    rng = random.Random(11)
    returns = [float(rng.random() < successes) for _ in range(1000)]
    by_reason = kept(PerformanceCriterion(), returns)
    assert {returns[i] for i in by_reason["top_10.0pct"]} == {1.0}
    assert {returns[i] for i in by_reason["bottom_10.0pct"]} == {0.0}
    assert all(20 <= len(ids) <= 110 for ids in by_reason.values())


def test_a_new_best_replaces_the_last_one_taken_while_the_share_is_used_up() -> None:
    criterion = PerformanceCriterion()
    evaluator = Evaluator([criterion])
    decided = [it for i in range(19) for it in evaluator.observe(episode(i, reward=float(i)))]
    assert set(evaluator.pending()) == {0, 18}, "the worst and the best so far"
    displaced = next(it for it in decided if it.episode_id == 17)
    assert (displaced.decision, displaced.why[0]["keep"]) == ("skipped", False)
    assert "unless the quota is full and a new best return takes its place" in displaced.why[0]["detail"]


def test_an_episode_that_is_replayed_while_held_gives_its_place_back() -> None:
    criterion = PerformanceCriterion()
    for i in range(12):
        criterion.observe(episode(i, reward=float(i)))
    assert set(criterion.held()) == {0, 11}
    criterion.observe(episode(11, reward=5.0, play_id=2))
    assert set(criterion.held()) == {0}
    assert [claim.episode_id for claim in criterion.end_run()] == [0]


def test_the_best_of_a_run_that_continues_after_its_end_is_kept() -> None:
    criterion = PerformanceCriterion()
    for i in range(100):
        criterion.observe(episode(i, reward=float(i)))
    assert {claim.episode_id for claim in criterion.end_run()} == {0, 99}
    criterion.observe(episode(100, reward=100.0))
    assert [claim.episode_id for claim in criterion.end_run()] == [100]


def test_random_returns_keep_about_the_configured_share_on_either_side() -> None:
    rng = random.Random(7)
    by_reason = kept(PerformanceCriterion(), [rng.gauss(0, 1) for _ in range(5000)])
    assert 0.07 <= len(by_reason["top_10.0pct"]) / 5000 <= 0.11
    assert 0.07 <= len(by_reason["bottom_10.0pct"]) / 5000 <= 0.11


@pytest.mark.parametrize(
    ("value", "reason"), [(91.0, ["top_10.0pct"]), (90.0, []), (10.0, ["bottom_10.0pct"]), (11.0, [])]
)
def test_a_return_must_be_strictly_beyond_the_share_of_earlier_returns(value: float, reason: list[str]) -> None:
    criterion = PerformanceCriterion()
    history = [float(i) for i in range(1, 101)]
    random.Random(3).shuffle(history)
    for i, known in enumerate(history):
        criterion.observe(episode(i, reward=known))
    # The shuffled history may have used up the shares, and this is about the threshold alone.
    unused = {"kept_at": [], "held": None, "early": None}
    criterion.restore({**criterion.state(), "top": unused, "bottom": unused})
    observation = criterion.observe(episode(100, reward=value))
    assert [claim.reason for claim in criterion.end_run() if claim.episode_id == 100] == reason
    assert observation.explanation.keep is (None if reason else False)
    assert observation.explanation.threshold == (90.0 if value > 50 else 11.0)


@pytest.mark.parametrize(("window", "n_needed"), [(10, 10), (100, 10), (500, 50)])
def test_nothing_is_judged_before_enough_history(window: int, n_needed: int) -> None:
    criterion = PerformanceCriterion(history_window=window)
    explanations = [criterion.observe(episode(i, reward=math.sin(i))).explanation for i in range(n_needed + 1)]
    assert [it.threshold is None for it in explanations] == [True] * n_needed + [False]
    (best,) = kept(PerformanceCriterion(history_window=window), [float(i) for i in range(n_needed)])["top_10.0pct"]
    assert best == n_needed - 1, "the best of those that had to be known"
    nothing = {"top_10.0pct": [], "bottom_10.0pct": []}
    assert kept(PerformanceCriterion(history_window=window), [float(i) for i in range(n_needed - 1)]) == nothing


def test_the_cap_starts_with_the_share_of_the_episodes_judged_so_far() -> None:
    ids = kept(PerformanceCriterion(), [float(i) for i in range(100)])["top_10.0pct"]
    assert all(sum(i < n for i in ids) <= max(1, n // 10) for n in range(10, 101))
    assert len(ids) == 10


@given(
    st.lists(st.one_of(st.integers(-5, 5).map(float), st.floats(allow_nan=False, allow_infinity=False)), max_size=200),
    st.sampled_from([0.0, 1.0, 5.0, 10.0, 33.3, 50.0, 100.0]),
    st.sampled_from([10, 20, 50]),
)
def test_no_window_keeps_more_than_the_share(returns: list[float], percentile: float, window: int) -> None:
    criterion = PerformanceCriterion(percentile, percentile, window)
    by_reason = kept(criterion, returns)
    top, bottom = by_reason.get(f"top_{percentile}pct", []), by_reason.get(f"bottom_{percentile}pct", [])
    for sign, ids in ((1, top), (-1, bottom)):
        better = [sign * value for value in returns]
        for i in ids:
            history = better[max(0, i - window) : i] if i >= 10 else better[:10]
            share = sum(h < better[i] for h in history) / len(history)
            is_one_of_the_best = share > 0 and max(history) <= better[i]
            assert share >= 1 - percentile / 100 - 1e-9 or is_one_of_the_best
        # A share of less than one episode a window can't be kept to within the window, but over a longer one.
        span = max(window, math.ceil(100 / percentile)) if percentile else window
        one_more = 0.01 if span >= 100 else 0.0
        assert largest_share(ids, len(returns), span) <= percentile / 100 + one_more + 1e-9
        if ids and len(returns) > 10:
            assert max(better) in {better[i] for i in ids}


def test_a_share_below_one_episode_a_window_keeps_one_in_many_episodes() -> None:
    criterion = PerformanceCriterion(top_percentile=1.0, bottom_percentile=0.0, history_window=20)
    ids = kept(criterion, [float(i) for i in range(1000)])["top_1.0pct"]
    assert 10 <= len(ids) <= 11
    assert max(ids) == 999
    assert largest_share(ids, 1000, 100) <= 0.02, "one more, which is a percent"


def test_a_percentile_of_0_switches_its_side_off() -> None:
    by_reason = kept(PerformanceCriterion(0, 10), [math.sin(i) * i for i in range(500)])
    assert set(by_reason) == {"top_10.0pct", "bottom_10.0pct"}
    assert by_reason["top_10.0pct"] == []
    assert by_reason["bottom_10.0pct"]


def test_an_early_explanation_names_the_sides_that_want_the_episode() -> None:
    criterion = PerformanceCriterion()
    details = [criterion.observe(episode(i, reward=reward)).explanation.detail for i, reward in enumerate([5, 7, 3, 4])]
    assert [detail.partition(" of the first")[0] for detail in details[:3]] == [
        "the best and the worst",
        "the best",
        "the worst",
    ]
    assert details[3].startswith("not judged")


def test_the_explanation_says_when_the_share_not_the_threshold_decided() -> None:
    criterion = PerformanceCriterion()
    rng = random.Random(5)
    explanations = [criterion.observe(episode(i, reward=rng.gauss(i / 20, 1))).explanation for i in range(300)]
    rejected = [it for it in explanations if "quota was already full" in it.detail]
    assert rejected
    for it in rejected:
        assert it.keep is False
        assert isinstance(it.value, float)
        assert isinstance(it.threshold, float)
        assert it.value > it.threshold
    assert criterion.observe(episode(300, reward=-1e9)).explanation.keep is None
    assert "quota was already full" not in criterion.observe(episode(301, reward=14.0)).explanation.detail


def test_a_side_that_is_off_is_not_explained() -> None:
    criterion = PerformanceCriterion(top_percentile=0)
    explanations = [criterion.observe(episode(i, reward=float(i))).explanation for i in range(20)]
    assert all("bottom 10 %" in it.detail for it in explanations[10:])


@pytest.mark.parametrize("status", [EpisodeStatus.TRUNCATED, EpisodeStatus.SALVAGED])
def test_a_partial_return_is_not_judged_and_not_remembered(status: EpisodeStatus) -> None:
    criterion = PerformanceCriterion()
    for i in range(50):
        criterion.observe(episode(i, reward=float(i)))
    before = criterion.state()
    observation = criterion.observe(episode(50, reward=1e9, status=status))
    assert not observation.claims
    assert f"is partial in a {status} episode" in observation.explanation.detail
    assert criterion.state() == before


def test_a_nan_return_is_not_kept_and_not_remembered() -> None:
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
    assert criterion.observe(episode(20, reward=math.inf)).explanation.value == math.inf
    state = criterion.state()
    restored = PerformanceCriterion()
    restored.restore(json.loads(json.dumps(state, allow_nan=False)))
    assert restored.state() == state


def test_a_smaller_window_after_a_restart_drops_older_returns() -> None:
    before = PerformanceCriterion(history_window=100)
    for i in range(100):
        before.observe(episode(i, reward=float(-i)))
    after = PerformanceCriterion(history_window=10)
    after.restore(json.loads(json.dumps(before.state())))
    assert after.state()["history"] == [float(-i) for i in range(90, 100)]


@pytest.mark.parametrize("argument", ["top_percentile", "bottom_percentile"])
@pytest.mark.parametrize("value", [-0.1, 100.1, math.nan, math.inf, 1e-9, "10", True, None])
def test_a_percentile_outside_0_to_100_is_refused(argument: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"performance: {argument} must be a percentage, 0 .* 100 .*got"):
        PerformanceCriterion(**{argument: value})


@pytest.mark.parametrize("window", [0, 9, -1, 50.0, 10**9])
def test_a_window_that_is_too_small_or_too_large_is_refused(window: Any) -> None:
    with pytest.raises(UsageError, match="history_window must be a whole number from 10 to 100000"):
        PerformanceCriterion(history_window=window)
