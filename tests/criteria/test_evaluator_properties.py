from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from recorder.episode import EpisodeStatus
from tests.criteria.episodes import episode
from worker.criteria import Decided, EpisodeSummary, Evaluator, build_criteria

LOOKBACK, LAST_N = 3, 2
CONFIG = {
    "periodic": {"interval": 7},
    "stage_transitions": {"lookback": LOOKBACK, "lookahead": 2},
    "performance": {"history_window": 20, "top_percentile": 20.0},
    "stage_boundaries": {"record_first_n": 2, "record_last_n": LAST_N},
}
TABLE = ["periodic", "stage_transitions", "performance", "stage_boundaries", "manual", "salvaged"]

PLAYS = st.lists(
    st.builds(
        dict,
        episode_id=st.integers(0, 30),  # so few that a run plays many of them again
        lane=st.integers(0, 3),
        stage=st.sampled_from([None, 1, 2, 3]),
        reward=st.one_of(st.integers(-3, 3).map(float), st.floats()),
        status=st.sampled_from([EpisodeStatus.COMPLETE] * 5 + list(EpisodeStatus)),
        manual=st.sampled_from([(), (), (), ("odd",), ("odd", "even")]),
    ),
    max_size=80,
)


def numbered(plays: list[dict[str, object]]) -> list[EpisodeSummary]:
    return [episode(play_id=play_id, **play) for play_id, play in enumerate(plays, 1)]  # type: ignore[arg-type]


def new_evaluator() -> Evaluator:
    return Evaluator(build_criteria(CONFIG))


def finish(evaluator: Evaluator, episodes: list[EpisodeSummary]) -> list[Decided]:
    return [*(it for e in episodes for it in evaluator.observe(e)), *evaluator.end_run()]


@given(PLAYS, st.integers(0, 80))
def test_a_restart_in_the_middle_of_a_run_changes_nothing(plays: list[dict[str, object]], cut: int) -> None:
    episodes = numbered(plays)
    unbroken = new_evaluator()
    for it in episodes[:cut]:
        unbroken.observe(it)
    restarted = new_evaluator()
    restarted.restore(json.loads(json.dumps(unbroken.state(), allow_nan=False)))
    assert restarted.state() == unbroken.state()
    assert finish(restarted, episodes[cut:]) == finish(unbroken, episodes[cut:])
    assert restarted.state() == unbroken.state()


@given(PLAYS)
def test_each_play_is_decided_once_or_replaced(
    plays: list[dict[str, object]],
) -> None:
    criteria = build_criteria(CONFIG)
    evaluator = Evaluator(criteria)
    decided: list[Decided] = []
    replaced: set[int] = set()
    for it in numbered(plays):
        if evaluator.is_held(it.episode_id):
            replaced.add(evaluator.pending()[it.episode_id].play_id)
        now = evaluator.observe(it)
        decided += now
        assert (it.play_id in {s.play_id for s in now}) != evaluator.is_held(it.episode_id)
        assert all(any(n in criterion.held() for criterion in criteria) for n in evaluator.pending())
    decided += evaluator.end_run()
    assert not evaluator.pending()
    assert sorted([it.play_id for it in decided] + sorted(replaced)) == list(range(1, len(plays) + 1))
    for it in decided:
        assert (it.decision == "kept") == bool(it.reasons)
        assert sorted(it.reasons) == sorted({reason for line in it.why for reason in line["reasons"]})
        json.dumps(it.why, allow_nan=False)


@given(PLAYS)
def test_only_lookback_and_last_episodes_are_held(
    plays: list[dict[str, object]],
) -> None:
    evaluator = new_evaluator()
    for it in numbered(plays):
        evaluator.observe(it)
        assert len(evaluator.pending()) <= 4 * LOOKBACK + 3 * LAST_N


@given(PLAYS)
def test_reasons_are_always_in_the_documented_order(plays: list[dict[str, object]]) -> None:
    for it in finish(new_evaluator(), numbered(plays)):
        giver = {reason: line["criterion"] for line in it.why for reason in line["reasons"]}
        ranks = [TABLE.index(giver[reason]) for reason in it.reasons]
        assert ranks == sorted(ranks)


@given(PLAYS)
def test_performance_never_keeps_a_partial_return(plays: list[dict[str, object]]) -> None:
    episodes = {it.play_id: it for it in numbered(plays)}
    for it in finish(new_evaluator(), list(episodes.values())):
        if any(reason.endswith("pct") for reason in it.reasons):
            assert episodes[it.play_id].status is EpisodeStatus.COMPLETE
            assert not math.isnan(episodes[it.play_id].total_reward)
