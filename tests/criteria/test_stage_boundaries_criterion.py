from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import UsageError
from tests.criteria.episodes import claimed, episode
from worker.criteria import EpisodeSummary, StageBoundariesCriterion


def one_lane(stages: list[int | None]) -> list[EpisodeSummary]:
    return [episode(i, stage=stage) for i, stage in enumerate(stages)]


def expected(episodes: list[EpisodeSummary], first_n: int, last_n: int) -> dict[int, set[str]]:
    """The rule applied with the whole run at hand: the visits of each stage, from its first lane in to its last out."""
    reasons: dict[int, set[str]] = defaultdict(set)
    at_stage: dict[int, list[int]] = defaultdict(list)
    visit: dict[int, list[int]] = defaultdict(list)
    lanes: dict[int, int] = {}

    def decide(stage: int) -> None:
        for k, episode_id in enumerate(reversed(visit.pop(stage)), 1):
            if k <= last_n:
                reasons[episode_id].add(f"stage_{stage}_last_{k}")

    for it in episodes:
        if it.curriculum_stage is None:
            continue
        old = lanes.get(it.lane)
        lanes[it.lane] = it.curriculum_stage
        if old is not None and old not in lanes.values():
            decide(old)
        at_stage[it.curriculum_stage].append(it.episode_id)
        visit[it.curriculum_stage].append(it.episode_id)
    for stage in list(visit):
        decide(stage)
    for stage, ids in at_stage.items():
        for k, episode_id in enumerate(ids[:first_n], 1):
            reasons[episode_id].add(f"stage_{stage}_first_{k}")
    return {n: those for n, those in reasons.items() if those}


def test_the_first_five_and_the_last_five_of_each_stage_are_kept() -> None:
    reasons = claimed(StageBoundariesCriterion(record_first_n=5, record_last_n=5), one_lane([1] * 20 + [2] * 20))
    assert reasons == {
        **{n: [f"stage_1_first_{n + 1}"] for n in range(5)},
        **{n: [f"stage_1_last_{20 - n}"] for n in range(15, 20)},
        **{n: [f"stage_2_first_{n - 19}"] for n in range(20, 25)},
        **{n: [f"stage_2_last_{40 - n}"] for n in range(35, 40)},
    }


def test_the_example_of_the_documentation_holds() -> None:
    assert claimed(StageBoundariesCriterion(1, 2), one_lane([1, 1, 1, 2])) == {
        0: ["stage_1_first_1"],
        1: ["stage_1_last_2"],
        2: ["stage_1_last_1"],
        3: ["stage_2_first_1", "stage_2_last_1"],
    }


def test_a_stage_is_left_when_its_last_lane_leaves_it() -> None:
    criterion = StageBoundariesCriterion(record_first_n=0, record_last_n=2)
    for n in range(6):
        criterion.observe(episode(n, lane=n % 2))
    assert not criterion.observe(episode(6, lane=0, stage=2)).claims
    criterion.observe(episode(7, lane=1))
    claims = criterion.observe(episode(8, lane=1, stage=2)).claims
    assert [tuple(claim) for claim in claims] == [(5, "stage_1_last_2"), (7, "stage_1_last_1")]


def test_a_return_to_a_stage_keeps_no_new_first_episodes_but_new_last_ones() -> None:
    assert claimed(StageBoundariesCriterion(1, 1), one_lane([1, 1, 2, 1, 1, 2])) == {
        0: ["stage_1_first_1"],
        1: ["stage_1_last_1"],
        2: ["stage_2_first_1", "stage_2_last_1"],
        4: ["stage_1_last_1"],
        5: ["stage_2_last_1"],
    }


def test_a_later_play_of_one_of_the_first_keeps_its_place() -> None:
    criterion = StageBoundariesCriterion(record_first_n=3, record_last_n=1)
    for it in one_lane([1] * 10):
        criterion.observe(it)
    assert [claim.reason for claim in criterion.observe(episode(1, play_id=2)).claims] == ["stage_1_first_2"]
    assert not criterion.observe(episode(5, play_id=2)).claims


def test_a_later_play_of_one_of_the_last_is_counted_once() -> None:
    criterion = StageBoundariesCriterion(record_first_n=0, record_last_n=3)
    for episode_id, play_id in [(0, 1), (1, 1), (2, 1), (1, 2)]:
        criterion.observe(episode(episode_id, play_id=play_id))
    claims = criterion.end_run()
    assert [tuple(claim) for claim in claims] == [(0, "stage_1_last_3"), (2, "stage_1_last_2"), (1, "stage_1_last_1")]


def test_the_firsts_stay_counted_when_a_run_is_resumed_after_its_end() -> None:
    criterion = StageBoundariesCriterion(1, 1)
    assert claimed(criterion, one_lane([1, 1])) == {0: ["stage_1_first_1"], 1: ["stage_1_last_1"]}
    assert not criterion.observe(episode(2)).claims
    claims = criterion.observe(episode(3, stage=2)).claims
    assert [tuple(claim) for claim in claims] == [(2, "stage_1_last_1"), (3, "stage_2_first_1")]


def test_a_stage_that_was_left_releases_its_episodes() -> None:
    criterion = StageBoundariesCriterion(record_first_n=0, record_last_n=2)
    for it in one_lane([1, 1, 1]):
        criterion.observe(it)
    assert criterion.observe(episode(3, stage=2)).released == (1, 2)
    assert set(criterion.held()) == {3}


def test_a_forgotten_stage_keeps_its_last_episodes_but_no_first() -> None:
    reasons = claimed(StageBoundariesCriterion(1, 1, max_stages=2), one_lane([1, 2, 3, 1, 3]))
    assert reasons[2] == ["stage_3_last_1"]
    assert "stage_1_first_1" in reasons[0]
    assert 3 in reasons
    assert reasons[3] == ["stage_1_last_1"]


def test_the_longest_idle_lane_counts_as_having_left_its_stage() -> None:
    criterion = StageBoundariesCriterion(record_first_n=0, record_last_n=1, max_lanes=2)
    criterion.observe(episode(0, lane=0, stage=1))
    criterion.observe(episode(1, lane=1, stage=2))
    claims = criterion.observe(episode(2, lane=2, stage=2)).claims
    assert [tuple(claim) for claim in claims] == [(0, "stage_1_last_1")]


def test_an_episode_without_a_stage_counts_for_no_stage() -> None:
    reasons = claimed(StageBoundariesCriterion(1, 1), one_lane([None, 1, None, 1, None]))
    assert reasons == {1: ["stage_1_first_1"], 3: ["stage_1_last_1"]}


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([None, 1, 2, 3])), max_size=60),
    st.integers(0, 4),
    st.integers(0, 4),
)
def test_claims_equal_those_of_the_rule_applied_to_the_whole_run(
    plays: list[tuple[int, int | None]], first_n: int, last_n: int
) -> None:
    episodes = [episode(i, lane=lane, stage=stage) for i, (lane, stage) in enumerate(plays)]
    reasons = claimed(StageBoundariesCriterion(first_n, last_n), episodes)
    assert {n: set(those) for n, those in reasons.items()} == expected(episodes, first_n, last_n)


def test_a_smaller_record_last_n_after_a_restart_releases_older_episodes() -> None:
    before = StageBoundariesCriterion(record_last_n=5)
    for it in one_lane([1] * 8):
        before.observe(it)
    after = StageBoundariesCriterion(record_last_n=1)
    after.restore(json.loads(json.dumps(before.state())))
    assert set(after.held()) == {7}
    assert [tuple(claim) for claim in after.end_run()] == [(7, "stage_1_last_1")]


@pytest.mark.parametrize("argument", ["record_first_n", "record_last_n", "max_lanes", "max_stages"])
@pytest.mark.parametrize("value", [-1, 1.5, "5", True, 10**9])
def test_an_invalid_count_is_refused(argument: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"stage_boundaries: {argument} must be a whole number from . to"):
        StageBoundariesCriterion(**{argument: value})
