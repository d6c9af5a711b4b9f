from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from recorder.episode import EpisodeStatus
from recorder.errors import UsageError
from tests.criteria.episodes import decide_all, episode
from worker.criteria import (
    Claim,
    Criterion,
    EpisodeSummary,
    Evaluator,
    Explanation,
    Observation,
    PerformanceCriterion,
    PeriodicCriterion,
    StageBoundariesCriterion,
    StageTransitionCriterion,
    build_criteria,
)

ALL = {"periodic": {}, "stage_transitions": {}, "performance": {}, "stage_boundaries": {}}


class HoldsForEver(Criterion):
    """Never lets an episode go before the run's end, and claims the oldest then."""

    name = "holds_for_ever"

    def __init__(self) -> None:
        self._ids: list[int] = []

    def observe(self, episode: EpisodeSummary) -> Observation:
        self._ids.append(episode.episode_id)
        return Observation((), Explanation(self.name, None))

    def held(self) -> Collection[int]:
        return self._ids

    def end_run(self) -> Sequence[Claim]:
        first, self._ids = self._ids[0], []
        return [Claim(first, "oldest")]

    def state(self) -> dict[str, Any]:
        return {"ids": list(self._ids)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._ids = list(state["ids"])


def test_an_episode_that_no_criterion_holds_is_decided_at_once() -> None:
    evaluator = Evaluator([PeriodicCriterion(2)])
    (kept,) = evaluator.observe(episode(0, play_id=77))
    (skipped,) = evaluator.observe(episode(1))
    assert (kept.episode_id, kept.play_id, kept.decision, kept.reasons) == (0, 77, "kept", ("periodic_2",))
    assert (skipped.decision, skipped.reasons) == ("skipped", ())
    assert not evaluator.is_held(0)


def test_a_held_episode_is_decided_when_the_last_criterion_releases_it() -> None:
    evaluator = Evaluator([StageTransitionCriterion(lookback=1), StageBoundariesCriterion(0, 3)])
    decided = {n: [it.episode_id for it in evaluator.observe(episode(n))] for n in range(6)}
    assert decided == {0: [], 1: [], 2: [], 3: [0], 4: [1], 5: [2]}
    assert [n for n in range(6) if evaluator.is_held(n)] == [3, 4, 5]
    assert [it.episode_id for it in evaluator.end_run()] == [3, 4, 5]


def test_an_episode_that_is_kept_already_stays_held_until_its_reasons_are_final() -> None:
    evaluator = Evaluator([PeriodicCriterion(1), StageTransitionCriterion(lookback=5)])
    evaluator.observe(episode(0))
    assert evaluator.is_held(0)
    assert evaluator.pending()[0].reasons == ("periodic_1",)
    decided = decide_all(evaluator, [episode(1, stage=2)])
    assert decided[0].reasons == ("periodic_1", "stage_1_pre_transition")


def test_five_episodes_before_a_transition_are_kept_in_each_of_64_lanes() -> None:
    evaluator = Evaluator(build_criteria({"stage_transitions": {"lookback": 5, "lookahead": 5}}))
    episodes = [episode(n, lane=n * 7 % 64, stage=1 if n < 640 else 2) for n in range(1280)]
    reasons = [reason for it in decide_all(evaluator, episodes) for reason in it.reasons]
    assert reasons.count("stage_1_pre_transition") == 5 * 64
    assert reasons.count("stage_2_post_transition") == 5 * 64


def test_reasons_are_listed_in_the_documented_order_whenever_they_were_found() -> None:
    evaluator = Evaluator(
        [PeriodicCriterion(1), StageTransitionCriterion(), PerformanceCriterion(), StageBoundariesCriterion(5, 1)]
    )
    for n in range(20):
        evaluator.observe(episode(n, reward=n % 3))
    evaluator.observe(episode(20, reward=100.0, manual=("odd",)))
    evaluator.observe(episode(21, stage=2, status=EpisodeStatus.SALVAGED, manual=("odd", "crash")))
    decided = {it.episode_id: it.reasons for it in evaluator.end_run()}
    assert decided[20] == (
        "periodic_1",
        "stage_1_pre_transition",
        "top_10.0pct",
        "stage_1_last_1",
        "manual_odd",
    )
    assert decided[21] == (
        "periodic_1",
        "stage_2_post_transition",
        "stage_2_first_1",
        "stage_2_last_1",
        "manual_odd",
        "manual_crash",
        "salvaged",
    )


def test_why_explains_every_criterion_of_a_skipped_episode() -> None:
    evaluator = Evaluator(build_criteria(ALL))
    decided = {it.episode_id: it for it in decide_all(evaluator, [episode(n) for n in range(1, 40)])}
    why = decided[20].why
    assert decided[20].decision == "skipped"
    assert [it["criterion"] for it in why] == list(ALL)
    assert [it["keep"] for it in why] == [False] * 4
    assert all(it["detail"] and it["reasons"] == [] for it in why)


def test_why_includes_reasons_that_came_later() -> None:
    evaluator = Evaluator([StageTransitionCriterion()])
    evaluator.observe(episode(0))
    assert evaluator.pending()[0].explanations[0].keep is None
    evaluator.observe(episode(1, stage=2))
    why = evaluator.end_run()[0].why
    assert (why[0]["keep"], why[0]["reasons"]) == (True, ["stage_1_pre_transition"])


def test_a_manual_reason_counts_while_the_episode_is_held_not_later() -> None:
    evaluator = Evaluator([StageTransitionCriterion(lookback=1)])
    evaluator.observe(episode(0))
    assert evaluator.add_manual_reason(0, "interesting")
    assert evaluator.add_manual_reason(0, "interesting")
    (decided,) = evaluator.observe(episode(1))
    assert decided.reasons == ("manual_interesting",)
    assert decided.why[-1]["criterion"] == "manual"
    assert not evaluator.add_manual_reason(0, "again")
    assert not evaluator.add_manual_reason(99, "never seen")


def test_manual_reasons_are_bounded() -> None:
    evaluator = Evaluator([StageTransitionCriterion()])
    evaluator.observe(episode(0))
    assert all(evaluator.add_manual_reason(0, "again") for _ in range(1000))
    assert all(evaluator.add_manual_reason(0, f"loss_{n}") for n in range(1000))
    reasons = evaluator.end_run()[0].reasons
    assert reasons == ("manual_again", *(f"manual_loss_{n}" for n in range(63)))


def test_a_reason_that_two_criteria_give_is_listed_once() -> None:
    twin = PeriodicCriterion(1)
    twin.name = "twin"
    (decided,) = Evaluator([PeriodicCriterion(1), twin]).observe(episode(0))
    assert decided.reasons == ("periodic_1",)
    assert [line["reasons"] for line in decided.why] == [["periodic_1"], ["periodic_1"]]


def test_a_salvaged_episode_is_kept_with_the_reason_salvaged() -> None:
    (decided,) = Evaluator([]).observe(episode(3, status=EpisodeStatus.SALVAGED))
    assert (decided.decision, decided.reasons) == ("kept", ("salvaged",))
    assert decided.why[0]["criterion"] == "salvaged"


def test_an_aborted_episode_is_skipped_at_once_without_asking_a_criterion() -> None:
    evaluator = Evaluator([HoldsForEver()])
    (decided,) = evaluator.observe(episode(0, status=EpisodeStatus.ABORTED, manual=("odd",)))
    assert decided.decision == "skipped"
    assert (decided.why[0]["value"], decided.why[0]["keep"]) == ("aborted", False)
    assert evaluator.state()["criteria"]["holds_for_ever"] == {"ids": []}


def test_a_later_play_replaces_the_one_that_is_held_and_the_earlier_is_never_decided() -> None:
    evaluator = Evaluator([PeriodicCriterion(1), StageTransitionCriterion(), StageBoundariesCriterion()])
    episodes = [
        episode(0, play_id=10, manual=("of the first play",)),
        episode(1, play_id=11),
        episode(0, play_id=20, lane=3),
        episode(1, play_id=21, lane=3),
        episode(2, play_id=22, lane=3, stage=2),
    ]
    for it in episodes[:3]:
        evaluator.observe(it)
    assert [(n, pending.play_id) for n, pending in evaluator.pending().items()] == [(1, 11), (0, 20)]
    decided = decide_all(evaluator, episodes[3:])
    assert sorted((it.episode_id, it.play_id) for it in decided) == [(0, 20), (1, 21), (2, 22)]
    reasons = {it.episode_id: it.reasons for it in decided}
    assert reasons[0] == ("periodic_1", "stage_1_pre_transition", "stage_1_first_1", "stage_1_last_2")
    assert reasons[1] == ("periodic_1", "stage_1_pre_transition", "stage_1_first_2", "stage_1_last_1")


@pytest.mark.parametrize("play_id", [4, 5])
def test_a_play_that_is_not_later_than_the_held_one_is_ignored(play_id: int) -> None:
    evaluator = Evaluator([StageTransitionCriterion()])
    evaluator.observe(episode(0, play_id=5))
    before = evaluator.state()
    assert evaluator.observe(episode(0, play_id=play_id, lane=9, stage=3)) == []
    assert evaluator.state() == before


def test_an_aborted_later_play_replaces_the_held_one() -> None:
    evaluator = Evaluator([StageTransitionCriterion()])
    evaluator.observe(episode(0, play_id=1))
    (decided,) = evaluator.observe(episode(0, play_id=2, status=EpisodeStatus.ABORTED))
    assert (decided.play_id, decided.decision) == (2, "skipped")
    assert [it.episode_id for it in decide_all(evaluator, [episode(1, stage=2)])] == [1]


def test_the_oldest_is_decided_when_more_are_held_than_allowed() -> None:
    evaluator = Evaluator([PeriodicCriterion(2), HoldsForEver()], max_held=3)
    decided = [it for n in range(5) for it in evaluator.observe(episode(n))]
    assert [(it.episode_id, it.reasons) for it in decided] == [(0, ("periodic_2",)), (1, ())]
    assert decided[0].why[-1]["criterion"] == "max_held"
    assert len(evaluator.pending()) == 3
    assert [it.episode_id for it in evaluator.end_run()] == [2, 3, 4]


def test_a_run_may_continue_after_its_end() -> None:
    evaluator = Evaluator(build_criteria(ALL))
    decide_all(evaluator, [episode(n) for n in range(10)])
    decided = {it.episode_id: it.reasons for it in decide_all(evaluator, [episode(n, stage=2) for n in range(10, 20)])}
    assert decided[10] == ("stage_2_post_transition", "stage_2_first_1")
    assert decided[19] == ("stage_2_last_1",)


def test_nan_in_the_state_of_a_held_episode_survives_strict_json() -> None:
    evaluator = Evaluator(build_criteria(ALL))
    evaluator.observe(episode(1, reward=math.nan))
    restored = Evaluator(build_criteria(ALL))
    restored.restore(json.loads(json.dumps(evaluator.state(), allow_nan=False)))
    decided = restored.end_run()
    assert decided == evaluator.end_run()
    assert {it["criterion"]: it["value"] for it in decided[0].why}["performance"] == "nan"


@pytest.mark.parametrize("value", [None, 0, -3, True, 0.1 + 0.2, 5e-324, 1e22, math.inf, "läuft", np.float64(2.5)])
def test_why_is_strict_json_for_any_explanation(value: float | str | None) -> None:
    class Talks(Criterion):
        name = 'says "läuft" \\ \u2028'

        def observe(self, episode: EpisodeSummary) -> Observation:
            explanation = Explanation(self.name, None, value, value, f"{self.name}\n")
            return Observation((Claim(episode.episode_id, self.name),), explanation)

    (decided,) = Evaluator([Talks()]).observe(episode(0))
    said = "inf" if value == math.inf else value
    assert json.loads(decided.why_json, parse_constant=pytest.fail) == [
        {
            "criterion": Talks.name,
            "keep": True,
            "value": said,
            "threshold": said,
            "detail": f"{Talks.name}\n",
            "reasons": [Talks.name],
        }
    ]
    assert decided.why_json.isascii()


def test_the_state_of_sixty_four_lanes_is_some_tens_of_kilobytes() -> None:
    evaluator = Evaluator(build_criteria(ALL))
    for n in range(5000):
        evaluator.observe(
            episode(n, lane=n % 64, stage=1 + n // 1000, reward=math.sin(n), play_id=1_732_292_670_123 + n)
        )
    assert len(json.dumps(evaluator.state())) < 64_000


def test_episodes_that_the_new_criteria_do_not_hold_are_decided_after_a_restart() -> None:
    before = Evaluator([PeriodicCriterion(1), StageTransitionCriterion()])
    for n in range(3):
        before.observe(episode(n))
    after = Evaluator([StageBoundariesCriterion(1, 0)])
    after.restore(json.loads(json.dumps(before.state())))
    decided = after.observe(episode(3, manual=("odd",)))
    assert [it.episode_id for it in decided] == [0, 1, 2, 3]
    assert decided[0].reasons == ("periodic_1",)
    assert [it["criterion"] for it in decided[0].why] == ["periodic", "stage_transitions"]
    assert decided[3].reasons == ("stage_1_first_1", "manual_odd")


def test_pending_episodes_cannot_be_changed_from_outside() -> None:
    evaluator = Evaluator([StageTransitionCriterion()])
    evaluator.observe(episode(0))
    with pytest.raises(TypeError):
        del evaluator.pending()[0]  # type: ignore[attr-defined]


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(UsageError, match="expected version 1, found 2"):
        Evaluator([]).restore({"version": 2})


@pytest.mark.parametrize("names", [("periodic", "periodic"), ("manual",), ("salvaged",)])
def test_two_criteria_with_one_name_are_refused(names: tuple[str, ...]) -> None:
    criteria = [PeriodicCriterion() for _ in names]
    for criterion, name in zip(criteria, names, strict=True):
        criterion.name = name
    with pytest.raises(UsageError, match=f"need different names, other than 'manual' and 'salvaged': '{names[0]}'"):
        Evaluator(criteria)
