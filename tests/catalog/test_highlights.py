"""What happened in a run, found in the catalog."""

from __future__ import annotations

import math
from typing import Any

import pytest

from recorder.catalog import Catalog, EpisodeRow
from recorder.errors import RecordingNotFoundError
from recorder.highlights import find_highlights
from tests.catalog.samples import NOW, commit


def kept(episode_id: int, total_reward: float, **more: Any) -> EpisodeRow:
    values = {
        "decision": "kept",
        "total_reward": total_reward,
        "finished_unix_nanos": (1000 + episode_id) * 10**9,
        "written_at": NOW,
        "survival_steps": 10,
        "curriculum_stage": 1,
        **more,
    }
    return EpisodeRow("run", episode_id, **values)


def by_kind(catalog: Catalog, measure: str | None = None) -> dict[str, int]:
    return {each.kind: each.episode.episode_id for each in find_highlights(catalog, "run", measure).highlights}


def test_the_best_worst_longest_and_latest_are_complete_and_recorded(catalog: Catalog) -> None:
    skipped = EpisodeRow("run", 6, decision="skipped", total_reward=500.0, finished_unix_nanos=5 * 10**12)
    rows = [
        kept(0, 1.0),
        kept(1, 9.0, extrinsic_reward=-1.0),
        kept(2, -4.0, survival_steps=30),
        kept(3, math.nan),
        kept(4, math.inf),
        kept(5, 100.0, status="truncated"),
        skipped,
    ]
    commit(catalog, rows)
    assert by_kind(catalog) == {"best": 1, "worst": 2, "longest": 2, "latest": 4}
    assert by_kind(catalog, "task")["worst"] == 1
    assert by_kind(catalog, "steps")["best"] == 2
    sentence = find_highlights(catalog, "run").sentence
    assert sentence == "7 episodes; 0 kept. Best return: 9.00 (episode 1)."


def test_a_run_of_broken_off_episodes_has_highlights_too(catalog: Catalog) -> None:
    commit(catalog, [kept(0, 1.0, status="truncated"), kept(1, 2.0, status="salvaged")])
    assert by_kind(catalog)["best"] == 1


def test_of_equally_long_lives_the_one_with_the_higher_return_is_best(catalog: Catalog) -> None:
    commit(catalog, [kept(number, float(number == 3), survival_steps=200) for number in range(6)])
    assert by_kind(catalog, "steps")["best"] == 3


def test_the_turning_point_is_where_the_mean_changes_most(catalog: Catalog) -> None:
    commit(catalog, [kept(number, float(number % 3) + (50 if number >= 60 else 0)) for number in range(100)])
    (turn,) = [each for each in find_highlights(catalog, "run").highlights if each.kind == "turn"]
    assert abs(turn.episode.episode_id - 60) <= 3
    assert turn.text.startswith("Return rose from ")
    assert "means of 5 episodes" in turn.text


def test_noise_has_no_turning_point(catalog: Catalog) -> None:
    commit(catalog, [kept(number, float(number % 2)) for number in range(100)])
    assert "turn" not in by_kind(catalog)


def test_a_run_opens_with_steps_if_the_intrinsic_weight_changed(catalog: Catalog) -> None:
    commit(catalog, [kept(number, 1.0 + number, intrinsic_weight=0.1, survival_steps=number) for number in range(4)])
    assert find_highlights(catalog, "run").measure == "return"
    commit(catalog, [kept(4, 1.0, intrinsic_weight=0.02, survival_steps=4)])
    assert find_highlights(catalog, "run").measure == "steps"
    catalog.ensure_run("run", config={"measure": "task"})
    assert find_highlights(catalog, "run").measure == "task"


def test_an_empty_run_has_a_sentence_and_an_unknown_one_is_an_error(catalog: Catalog) -> None:
    catalog.ensure_run("run")
    assert find_highlights(catalog, "run").sentence == "0 episodes; 0 kept."
    with pytest.raises(RecordingNotFoundError):
        find_highlights(catalog, "another")
