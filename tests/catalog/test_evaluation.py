"""The commit of an evaluation."""

from __future__ import annotations

import json
import math
import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest

from recorder.catalog import Catalog, Decision
from recorder.errors import RecordingNotFoundError, UsageError
from tests.catalog.samples import NOW, commit, episode, recording
from tests.waiting import DEADLINE_SECS


def test_a_commit_moves_the_cursor_and_keeps_the_state(catalog: Catalog) -> None:
    state = {"performance": {"returns": [1.5, math.inf, -2.0]}, "reason": "ü"}
    done = catalog.commit_evaluation(
        "run-a",
        old_cursor="0-0",
        new_cursor="17-3",
        criteria_state=state,
        new_episodes=[episode(0)],
        decided=[],
        n_refused=2,
        n_late_keeps=1,
        at=NOW,
    )
    assert done
    loaded = catalog.load_run_state("run-a")
    assert (loaded.cursor, loaded.criteria_state, loaded.n_refused, loaded.n_late_keeps) == ("17-3", state, 2, 1)


def test_counters_add_up_over_commits(catalog: Catalog) -> None:
    commit(catalog, [episode(0)], n_refused=2, n_late_keeps=1)
    commit(catalog, [episode(1)], n_refused=3)
    state = catalog.load_run_state("run-a")
    assert (state.n_refused, state.n_late_keeps) == (5, 1)


def test_a_commit_from_an_old_cursor_changes_nothing(catalog: Catalog) -> None:
    commit(catalog, [episode(0, decision="held")], new_cursor="5-0")
    lost = catalog.commit_evaluation(
        "run-a",
        old_cursor="0-0",
        new_cursor="9-0",
        criteria_state={"x": 1},
        new_episodes=[episode(1)],
        decided=[Decision(0, "kept", ("x",), "[]")],
        n_refused=1,
        at=NOW + timedelta(hours=1),
    )
    assert not lost
    assert catalog.load_run_state("run-a").cursor == "5-0"
    assert catalog.load_run_state("run-a").n_refused == 0
    assert catalog.held_episode_ids("run-a") == [0]
    assert catalog.get_run("run-a").n_episodes == 1
    commit(catalog, [episode(1)])  # the connection is fit for the next transaction


def test_a_rejected_commit_does_not_create_the_run(catalog: Catalog) -> None:
    lost = catalog.commit_evaluation(
        "run-a", old_cursor="5-0", new_cursor="6-0", criteria_state={}, new_episodes=[], decided=[], at=NOW
    )
    assert not lost
    assert catalog.list_runs() == []


def test_an_error_in_the_middle_undoes_the_whole_commit(catalog: Catalog) -> None:
    with pytest.raises(UsageError):
        commit(catalog, [episode(0), episode(1, lane="\ud800")])
    assert catalog.list_runs() == []


def test_the_end_of_a_run_is_set_cleared_and_kept(catalog: Catalog) -> None:
    commit(catalog, [episode(0)], ended=True)
    assert catalog.load_run_state("run-a").ended_at == NOW
    commit(catalog, [episode(1)], at=NOW + timedelta(hours=1))
    assert catalog.load_run_state("run-a").ended_at == NOW
    commit(catalog, [episode(2)], ended=False)
    assert catalog.load_run_state("run-a").ended_at is None


def test_every_field_of_an_episode_survives_the_round_trip(catalog: Catalog) -> None:
    row = episode(
        2**53 + 1,
        "../läuft/ \\ 'x' %s",
        play_id=1_770_000_000_123,
        lane=63,
        status="truncated",
        decision="kept",
        reasons=("periodic_100", "top_10.0pct"),
        why_json=json.dumps(
            [{"criterion": "performance", "keep": True, "value": math.inf, "threshold": None, "detail": "a\x00b\ud800"}]
        ),
        total_reward=math.inf,
        extrinsic_reward=-math.inf,
        intrinsic_reward=5e-324,
        curriculum_stage=-1,
        epsilon=0.1 + 0.2,
        timestamp=1.7e9 + 1e-6,
        started_unix_nanos=2**63 - 1,
        finished_unix_nanos=-1,
        n_bytes=2**40,
        written_at=NOW + timedelta(microseconds=1),
        error="no\nroom",
        parked=True,
    )
    commit(catalog, [row])
    assert catalog.get_episode(row.run_id, row.episode_id) == row


@pytest.mark.parametrize("name", ["total_reward", "extrinsic_reward", "intrinsic_reward", "epsilon"])
def test_nan_survives_the_round_trip(catalog: Catalog, name: str) -> None:
    commit(catalog, [episode(0, **{name: math.nan})])
    found = catalog.get_episode("run-a", 0)
    assert math.isnan(getattr(found, name))
    assert replace(found, **{name: 0.0}) == episode(0, **{name: 0.0})


def test_64_bit_numbers_survive_the_round_trip(catalog: Catalog) -> None:
    wide = {"lane": 2**40, "curriculum_stage": 2**63 - 1, "env_steps": -(2**63)}
    commit(catalog, [episode(1, decision="kept", **wide)])
    catalog.upsert_recordings([recording(1, **wide)])
    row, file = catalog.get_episode("run-a", 1), catalog.get_recording("run-a", 1)
    for name, value in wide.items():
        assert (getattr(row, name), getattr(file, name)) == (value, value)
    assert len(catalog.query_recordings(stage=2**63 - 1, lane=2**40)) == 1


@pytest.mark.parametrize(("given", "held"), [("a\0b", "a\ufffdb"), ("a\udcffb", "a\ufffdb"), ("ä\n", "ä\n")])
def test_any_text_can_be_stored(catalog: Catalog, given: str, held: str) -> None:
    commit(catalog, [episode(1, decision="kept", reasons=(given,), error=given)])
    catalog.upsert_recordings([recording(1, recording_reason=given, reasons=(given,))])
    note = catalog.add_annotation("run-a", 1, step=0, label=given, text=given, author=given, color=given)
    catalog.ensure_run("run-b", host=given)
    assert (note.label, note.text, note.author, note.color) == (held, held, held, held)
    assert catalog.get_episode("run-a", 1).error == held
    assert catalog.get_recording("run-a", 1).recording_reason == held
    assert len(catalog.query_recordings(reason=given)) == len(catalog.query_recordings(reason=held)) == 1
    assert catalog.summarise_run("run-a").by_reason == {held: 1}
    assert catalog.get_run("run-b").host == held


def test_settlements_change_only_held_episode_ids(catalog: Catalog) -> None:
    commit(catalog, [episode(0, decision="held", reasons=("a",)), episode(1, decision="held"), episode(2)])
    why = json.dumps([{"criterion": "stage_transitions", "keep": True}])
    settled = [
        Decision(0, "kept", ("a", "b"), why),
        Decision(1, "skipped", (), "[]"),
        Decision(2, "kept", ("c",), why),
    ]
    commit(catalog, [episode(3)], decided=settled)
    assert catalog.get_episode("run-a", 0) == episode(0, decision="kept", reasons=("a", "b"), why_json=why)
    assert catalog.get_episode("run-a", 1) == episode(1)
    assert catalog.get_episode("run-a", 2) == episode(2)
    assert catalog.summarise_run("run-a").by_reason == {"a": 1, "b": 1}


def test_a_later_play_replaces_the_earlier_play_and_its_recording(catalog: Catalog) -> None:
    commit(catalog, [episode(n, decision="kept", reasons=("a",)) for n in range(3)])
    catalog.finish_writes([recording(n) for n in range(3)], at=NOW)
    assert catalog.existing_plays("run-a", [1, 2, 99]) == {1: 1, 2: 1}
    commit(catalog, [episode(1, play_id=2, decision="kept", reasons=("b",)), episode(5)])
    replaced = catalog.get_episode("run-a", 1)
    assert (replaced.play_id, replaced.replaced_plays, replaced.written_at) == (2, 1, None)
    assert [row["episode_id"] for row in catalog.query_recordings()] == [2, 0]
    assert catalog.summarise_run("run-a").by_reason == {"b": 1, "periodic_100": 2}
    with pytest.raises(RecordingNotFoundError):
        catalog.get_recording("run-a", 1)
    commit(catalog, [episode(1, play_id=3)])
    assert catalog.get_episode("run-a", 1).replaced_plays == 2


def _race(url: str, worker: int, barrier: Barrier, results: Any) -> None:
    with Catalog(url) as catalog:
        wins = 0
        for turn in range(20):
            cursor = catalog.load_run_state("run-a").cursor
            barrier.wait(60)
            wins += catalog.commit_evaluation(
                "run-a",
                old_cursor=cursor,
                new_cursor=f"{turn + 1}-{worker}",
                criteria_state={"turn": turn},
                new_episodes=[episode(turn * 10 + worker, lane=worker)],
                decided=[],
                n_refused=1,
                at=NOW,
            )
            barrier.wait(60)
        results.put(wins)


def test_of_two_processes_that_commit_from_one_cursor_exactly_one_wins(new_url: Callable[[], str]) -> None:
    url = new_url()
    Catalog(url).close()
    spawn = multiprocessing.get_context("spawn")
    barrier, results = spawn.Barrier(2), spawn.Queue()
    workers = [spawn.Process(target=_race, args=(url, worker, barrier, results)) for worker in range(2)]
    for process in workers:
        process.start()
    wins = [results.get(timeout=DEADLINE_SECS) for _ in workers]
    for process in workers:
        process.join(30)
    assert sum(wins) == 20
    with Catalog(url, read_only=True) as catalog:
        assert catalog.get_run("run-a").n_episodes == 20
        assert catalog.load_run_state("run-a").n_refused == 20


def test_a_cursor_is_reset_only_if_nobody_moved_it_meanwhile(catalog: Catalog) -> None:
    commit(catalog, [episode(1)])
    cursor = catalog.load_run_state("run-a").cursor
    assert not catalog.rewind("run-a", old_cursor="999-0")
    assert catalog.load_run_state("run-a").cursor == cursor
    assert catalog.rewind("run-a", old_cursor=cursor)
    assert catalog.load_run_state("run-a").cursor == "0-0"
    assert not catalog.rewind("run-b", old_cursor="0-0")
