"""Runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from recorder.catalog import Catalog, RunState
from recorder.errors import RecordingNotFoundError
from tests.catalog.samples import NOW, commit, episode, recording


def test_an_unknown_run_has_the_initial_state_and_is_not_created(catalog: Catalog) -> None:
    assert catalog.load_run_state("nobody") == RunState(cursor="0-0", criteria_state_json="{}", ended_at=None)
    assert catalog.list_runs() == []
    with pytest.raises(RecordingNotFoundError, match="'nobody'"):
        catalog.get_run("nobody")


def test_ensure_run_sets_the_given_fields_and_keeps_the_others(catalog: Catalog) -> None:
    catalog.ensure_run("run-a", host="box")
    catalog.ensure_run("run-a", config={"lr": 0.1, "ü": [1, None]}, started_unix_nanos=2**62)
    run = catalog.get_run("run-a")
    assert (run.host, run.config, run.started_unix_nanos) == ("box", {"lr": 0.1, "ü": [1, None]}, 2**62)


def test_runs_are_listed_newest_activity_first_with_their_counts(catalog: Catalog) -> None:
    commit(catalog, [episode(n, "old") for n in range(3)], at=NOW)
    commit(catalog, [episode(n, "new") for n in range(2)], at=NOW + timedelta(seconds=1))
    catalog.upsert_recordings([recording(1, "old")])
    counts = [(run.run_id, run.n_episodes, run.n_recordings) for run in catalog.list_runs()]
    assert counts == [("new", 2, 0), ("old", 3, 1)]
    assert [run.run_id for run in catalog.list_runs(limit=1)] == ["new"]
    assert catalog.get_run("new").last_activity_at == NOW + timedelta(seconds=1)


def test_a_summary_counts_by_decision_status_and_reason(catalog: Catalog) -> None:
    commit(
        catalog,
        [
            episode(0, decision="kept", reasons=("a", "b"), n_steps=5, n_bytes=10),
            episode(1, decision="held", reasons=("a",), n_steps=7, n_missing_steps=2),
            episode(2, status="salvaged", n_steps=1),
        ],
    )
    summary = catalog.summarise_run("run-a")
    assert summary.by_decision == {"kept": 1, "held": 1, "skipped": 1}
    assert summary.by_status == {"complete": 2, "salvaged": 1}
    assert summary.by_reason == {"a": 2, "b": 1}
    assert (summary.n_episodes, summary.n_steps, summary.n_missing_steps, summary.n_bytes) == (3, 13, 2, 10)


def test_the_summary_of_an_empty_run_is_all_zero(catalog: Catalog) -> None:
    summary = catalog.summarise_run("nobody")
    assert (summary.n_episodes, summary.n_steps, summary.by_decision, summary.by_reason) == (0, 0, {}, {})


def test_deleting_a_run_removes_all_its_rows_and_no_others(catalog: Catalog) -> None:
    for run_id in ("run-a", "run-b"):
        commit(catalog, [episode(0, run_id, decision="kept", reasons=("x",))])
        catalog.tag_episode(run_id, 0, "nice")
        catalog.finish_writes([recording(0, run_id)], at=NOW)
        catalog.add_annotation(run_id, 0, step=1)
        video, _ = catalog.enqueue_video(run_id, 0, {}, at=NOW)
        catalog.plan_segments(video.video_id, [(0, 10)])
    gone = catalog.list_videos(run="run-a")[0].video_id
    assert catalog.delete_run("run-a")
    assert not catalog.delete_run("run-a")
    assert [run.run_id for run in catalog.list_runs()] == ["run-b"]
    assert catalog.list_episodes(run="run-a").episodes == []
    assert catalog.query_recordings(run="run-a") == []
    assert catalog.summarise_run("run-a").by_reason == {}
    assert catalog.list_annotations("run-a", 0) == []
    assert catalog.list_videos(run="run-a") == []
    assert catalog.list_segments(gone) == []
    assert catalog.list_tags() == ["nice"]
    assert len(catalog.list_annotations("run-b", 0)) == 1


def test_lists_leave_out_the_configuration_which_may_be_large(catalog: Catalog) -> None:
    catalog.ensure_run("run-a", config={"lr": 0.1})
    (run,) = catalog.list_runs()
    assert (run.config, catalog.get_run("run-a").config, catalog.count_runs()) == (None, {"lr": 0.1}, 1)


def test_ended_runs_have_their_highest_episode_id(catalog: Catalog) -> None:
    commit(catalog, [episode(n, "goes on") for n in range(2)])
    commit(catalog, [episode(n, "ended") for n in (3, 7)], ended=True)
    commit(catalog, [episode(0, "ended too")], at=NOW + timedelta(seconds=1), ended=True)
    assert catalog.ended_runs(limit=10) == [("ended too", 1, 0), ("ended", 2, 7)]
    assert catalog.ended_runs(limit=1) == [("ended too", 1, 0)]
