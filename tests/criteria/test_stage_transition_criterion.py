from __future__ import annotations

import json
import random
from collections import defaultdict
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import UsageError
from tests.criteria.episodes import claimed, episode
from worker.criteria import EpisodeSummary, StageTransitionCriterion


def one_lane(stages: list[int | None]) -> list[EpisodeSummary]:
    return [episode(i, stage=stage) for i, stage in enumerate(stages)]


def expected(episodes: list[EpisodeSummary], lookback: int, lookahead: int) -> dict[int, set[str]]:
    """The rule applied with the whole run at hand, lane by lane."""
    lanes: dict[int, list[EpisodeSummary]] = defaultdict(list)
    for it in episodes:
        lanes[it.lane].append(it)
    reasons: dict[int, set[str]] = defaultdict(set)
    for lane in lanes.values():
        # An unknown stage is that of the episode before.
        stages = list(accumulate((it.curriculum_stage for it in lane), lambda old, new: old if new is None else new))
        changes = [i for i in range(1, len(lane)) if None not in stages[i - 1 : i + 1] and stages[i] != stages[i - 1]]
        for at, following in pairwise([*changes, len(lane)]):
            for it in lane[max(0, at - lookback) : at]:
                reasons[it.episode_id].add(f"stage_{stages[at - 1]}_pre_transition")
            for it in lane[at : min(at + lookahead, following)]:
                reasons[it.episode_id].add(f"stage_{stages[at]}_post_transition")
    return dict(reasons)


def test_the_five_episodes_before_a_transition_and_the_five_after_it_are_kept() -> None:
    reasons = claimed(StageTransitionCriterion(lookback=5, lookahead=5), one_lane([1] * 20 + [2] * 20))
    assert reasons == {
        **{n: ["stage_1_pre_transition"] for n in range(15, 20)},
        **{n: ["stage_2_post_transition"] for n in range(20, 25)},
    }


@pytest.mark.parametrize("n_lanes", [2, 7, 64])
def test_transitions_are_found_in_every_lane_when_lanes_finish_out_of_order(n_lanes: int) -> None:
    rng = random.Random(n_lanes)
    order = [lane for lane in range(n_lanes) for _ in range(30)]
    rng.shuffle(order)
    ids = rng.sample(range(10_000), len(order))
    turn = dict.fromkeys(range(n_lanes), 0)
    change_at = {lane: rng.randrange(5, 25) for lane in range(n_lanes)}
    episodes = []
    for episode_id, lane in zip(ids, order, strict=True):
        episodes.append(episode(episode_id, lane=lane, stage=1 if turn[lane] < change_at[lane] else 2))
        turn[lane] += 1
    reasons = claimed(StageTransitionCriterion(), episodes)
    for lane in range(n_lanes):
        played = [it.episode_id for it in episodes if it.lane == lane]
        before, after = played[: change_at[lane]], played[change_at[lane] :]
        assert [n for n in before if n in reasons] == before[-5:]
        assert [n for n in after if n in reasons] == after[:5]


def test_a_retreat_is_a_transition_and_ends_the_one_before_it() -> None:
    reasons = claimed(StageTransitionCriterion(2, 3), one_lane([1, 1, 1, 2, 1, 1, 1, 1]))
    assert reasons == {
        1: ["stage_1_pre_transition"],
        2: ["stage_1_pre_transition", "stage_2_pre_transition"],
        3: ["stage_2_post_transition", "stage_2_pre_transition"],
        4: ["stage_1_post_transition"],
        5: ["stage_1_post_transition"],
        6: ["stage_1_post_transition"],
    }


def test_the_first_episode_of_a_lane_makes_no_transition() -> None:
    assert claimed(StageTransitionCriterion(), [episode(0, lane=0, stage=1), episode(1, lane=1, stage=2)]) == {}


@pytest.mark.parametrize(("lookback", "lookahead", "kept"), [(0, 2, {3, 4}), (2, 0, {1, 2}), (0, 0, set())])
def test_lookback_and_lookahead_can_be_switched_off(lookback: int, lookahead: int, kept: set[int]) -> None:
    criterion = StageTransitionCriterion(lookback, lookahead)
    assert set(claimed(criterion, one_lane([1, 1, 1, 2, 2, 2]))) == kept


def test_a_later_play_of_a_held_episode_takes_its_place_also_in_another_lane() -> None:
    criterion = StageTransitionCriterion(lookback=2, lookahead=0)
    episodes = [
        episode(0, lane=0),
        episode(1, lane=0),
        episode(1, lane=1, play_id=2),
        episode(2, lane=0, stage=2),
        episode(3, lane=1, stage=2),
    ]
    by_episode = {it.episode_id: [claim.episode_id for claim in criterion.observe(it).claims] for it in episodes}
    assert by_episode == {0: [], 1: [], 2: [0], 3: [1]}


def test_the_longest_idle_lane_is_forgotten_and_its_episodes_are_released() -> None:
    criterion = StageTransitionCriterion(max_lanes=2)
    for episode_id, lane in enumerate([0, 1, 0]):
        criterion.observe(episode(episode_id, lane=lane))
    assert criterion.observe(episode(3, lane=2)).released == (1,)
    assert set(criterion.held()) == {0, 2, 3}
    assert not criterion.observe(episode(4, lane=1, stage=2)).claims


def test_a_smaller_lookback_after_a_restart_releases_older_episodes() -> None:
    before = StageTransitionCriterion(lookback=5)
    for it in one_lane([1] * 8):
        before.observe(it)
    after = StageTransitionCriterion(lookback=2)
    after.restore(json.loads(json.dumps(before.state())))
    assert set(after.held()) == {6, 7}
    assert {claim.episode_id for claim in after.observe(episode(8, stage=2)).claims} == {6, 7, 8}


def test_an_unknown_stage_makes_no_transition() -> None:
    assert claimed(StageTransitionCriterion(1, 1), one_lane([None, 1, None, 1, None])) == {}
    assert claimed(StageTransitionCriterion(1, 1), one_lane([2, None, 3, None])) == {
        1: ["stage_2_pre_transition"],  # whatever its own stage, the lane played it just before
        2: ["stage_3_post_transition"],
    }


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([None, 1, 2, 3])), max_size=60),
    st.integers(0, 4),
    st.integers(0, 4),
)
def test_claims_equal_those_of_the_rule_applied_to_the_whole_run(
    plays: list[tuple[int, int | None]], lookback: int, lookahead: int
) -> None:
    episodes = [episode(i, lane=lane, stage=stage) for i, (lane, stage) in enumerate(plays)]
    reasons = claimed(StageTransitionCriterion(lookback, lookahead), episodes)
    assert {n: set(those) for n, those in reasons.items()} == expected(episodes, lookback, lookahead)


@pytest.mark.parametrize("argument", ["lookback", "lookahead", "max_lanes"])
@pytest.mark.parametrize("value", [-1, 1.5, "5", True, 10**9])
def test_an_invalid_count_is_refused(argument: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"stage_transitions: {argument} must be a whole number from . to"):
        StageTransitionCriterion(**{argument: value})
