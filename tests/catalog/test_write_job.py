"""The write job."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from recorder.catalog import Catalog, Decision
from recorder.catalog.models import UNWRITTEN
from recorder.catalog.operations.parked import LOST
from tests.catalog.samples import NOW, commit, episode, recording

SECOND = timedelta(seconds=1)


def _claim(catalog: Catalog, at: int = 0, limit: int = 100, run_id: str | None = None) -> list[int]:
    rows = catalog.claim_writes(now=NOW + at * SECOND, lease_secs=60, limit=limit, run_id=run_id)
    return [row.episode_id for row in rows]


def _start(catalog: Catalog, *episode_ids: int, at: int = 0) -> list[int]:
    rows = catalog.start_write("run-a", episode_ids, now=NOW + at * SECOND, lease_secs=60)
    return [row.episode_id for row in rows]


def _kept(catalog: Catalog, *episode_ids: int, run_id: str = "run-a") -> None:
    commit(catalog, [episode(n, run_id, decision="kept", reasons=("periodic_100",)) for n in episode_ids])


def test_only_kept_episodes_are_claimed_oldest_first_once(catalog: Catalog) -> None:
    commit(catalog, [episode(0), episode(1, decision="held"), episode(2, decision="kept"), episode(3, decision="kept")])
    assert _claim(catalog, limit=1) == [2]
    assert _claim(catalog) == [3]
    assert _claim(catalog) == []


def test_a_claim_can_be_limited_to_one_run(catalog: Catalog) -> None:
    _kept(catalog, 1)
    _kept(catalog, 2, run_id="run-b")
    assert _claim(catalog, run_id="run-b") == [2]


def test_a_claim_leases_and_an_expired_one_is_claimed_again(catalog: Catalog) -> None:
    _kept(catalog, 1)
    (row,) = catalog.claim_writes(now=NOW, lease_secs=60, limit=5)
    assert (row.run_id, row.episode_id, row.attempts) == ("run-a", 1, 0)
    assert catalog.get_episode("run-a", 1).leased_until == NOW + 60 * SECOND
    assert _claim(catalog, at=59) == []
    assert _claim(catalog, at=60) == [1]


def test_starting_a_write_counts_an_attempt_and_returns_the_work(catalog: Catalog) -> None:
    _kept(catalog, 1, 2, 3)
    catalog.finish_writes([recording(2)], at=NOW)
    rows = catalog.start_write("run-a", [3, 2, 1, 99], now=NOW, lease_secs=60)
    assert [(row.episode_id, row.attempts) for row in rows] == [(1, 1), (3, 1)]
    stored = [catalog.get_episode("run-a", episode_id) for episode_id in (1, 2, 3)]
    assert [row.attempts for row in stored] == [1, 0, 1]
    assert [row.leased_until for row in stored] == [NOW + 60 * SECOND, None, NOW + 60 * SECOND]


def test_an_episode_is_parked_after_three_starts_without_an_answer(catalog: Catalog) -> None:
    _kept(catalog, 1)
    for _ in range(3):
        assert _start(catalog, 1) == [1]
    assert _start(catalog, 1) == []
    (parked,) = list(catalog.iterate_parked())
    assert (parked.episode_id, parked.attempts, parked.leased_until) == (1, 3, None)
    assert "killed" in (parked.error or "")
    assert _claim(catalog, at=1000) == []


def test_a_claim_parks_episodes_without_attempts_left_unless_they_are_leased(catalog: Catalog) -> None:
    _kept(catalog, 1)
    for _ in range(3):
        _start(catalog, 1)
    assert _claim(catalog, at=30) == []
    assert list(catalog.iterate_parked()) == []
    assert _claim(catalog, at=61) == []
    assert [row.episode_id for row in list(catalog.iterate_parked())] == [1]


def test_a_failed_write_waits_and_the_third_failure_parks_it_with_its_error(catalog: Catalog) -> None:
    _kept(catalog, 1)
    for attempt in range(1, 4):
        assert _start(catalog, 1) == [1]
        catalog.fail_write("run-a", 1, f"error {attempt}", not_before=NOW + 10 * SECOND)
        assert _claim(catalog, at=9) == []
        assert bool(list(catalog.iterate_parked())) == (attempt == 3)
    assert next(catalog.iterate_parked()).error == "error 3"
    assert _claim(catalog, at=10) == []


def test_a_failed_write_is_claimed_again_after_its_delay(catalog: Catalog) -> None:
    _kept(catalog, 1)
    _start(catalog, 1)
    catalog.fail_write("run-a", 1, "x", not_before=NOW + 10 * SECOND)
    assert _claim(catalog, at=10) == [1]


def test_a_postponed_write_keeps_or_gives_back_its_attempt(catalog: Catalog) -> None:
    _kept(catalog, 1, 2, 3)
    _start(catalog, 1, 2)
    catalog.postpone_write("run-a", [1, 3], not_before=NOW + 10 * SECOND, error="disk full", count_attempt=False)
    catalog.postpone_write("run-a", [2], not_before=NOW + 10 * SECOND, error="gap", count_attempt=True)
    assert [catalog.get_episode("run-a", n).attempts for n in (1, 2, 3)] == [0, 1, 0]
    assert catalog.get_episode("run-a", 1).error == "disk full"
    assert _claim(catalog, at=9) == []
    assert _claim(catalog, at=10) == [1, 2, 3]


def test_finishing_twice_changes_nothing(catalog: Catalog) -> None:
    _kept(catalog, 1)
    _start(catalog, 1)
    catalog.postpone_write("run-a", [1], not_before=NOW + SECOND, error="x", count_attempt=True)
    assert catalog.finish_writes([recording(1, play_id=1)], at=NOW) == [recording(1, play_id=1)]
    once = (catalog.get_episode("run-a", 1), catalog.get_recording("run-a", 1))
    assert (once[0].written_at, once[0].error, once[0].leased_until, once[0].not_before) == (NOW, None, None, None)
    catalog.finish_writes([recording(1, play_id=1, recorded_at=NOW)], at=NOW + SECOND)
    assert (catalog.get_episode("run-a", 1), catalog.get_recording("run-a", 1)) == once
    catalog.fail_write("run-a", 1, "late", not_before=NOW)
    catalog.postpone_write("run-a", [1], not_before=NOW, error="late", count_attempt=True)
    assert catalog.get_episode("run-a", 1) == once[0]
    assert _claim(catalog, at=1000) == []


def test_the_file_of_a_replaced_play_is_not_taken_for_the_new_one(catalog: Catalog) -> None:
    _kept(catalog, 1, 2)
    commit(catalog, [episode(1, play_id=2, decision="kept")])
    taken = catalog.finish_writes([recording(1, play_id=1), recording(2, play_id=1)], at=NOW)
    assert [row.episode_id for row in taken] == [2]
    assert catalog.get_episode("run-a", 1).written_at is None
    assert [row["episode_id"] for row in catalog.query_recordings()] == [2]


def test_streams_of_skipped_and_written_episodes_are_dropped_once(catalog: Catalog) -> None:
    commit(catalog, [episode(0), episode(1, decision="held"), episode(2, decision="kept"), episode(3, decision="kept")])
    catalog.finish_writes([recording(3)], at=NOW)
    assert [row.episode_id for row in catalog.streams_to_drop()] == [0, 3]
    assert [row.episode_id for row in catalog.streams_to_drop(limit=1)] == [0]
    assert catalog.streams_to_drop("run-b") == []
    catalog.mark_streams_dropped("run-a", [0, 3], NOW)
    assert catalog.streams_to_drop() == []
    assert catalog.get_episode("run-a", 0).stream_dropped_at == NOW


def test_streams_of_episodes_that_replaced_an_earlier_play_can_be_left_out(catalog: Catalog) -> None:
    commit(catalog, [episode(0, play_id=1), episode(1, play_id=1)])
    commit(catalog, [episode(1, play_id=2)])
    catalog.mark_streams_dropped("run-a", [0, 1], NOW, first_plays_only=True)
    assert [row.episode_id for row in catalog.streams_to_drop()] == [1]
    catalog.mark_streams_dropped("run-a", [0, 1], NOW)
    assert catalog.streams_to_drop() == []


def test_episodes_of_a_run_without_a_redis_are_parked_and_unparked_when_it_is_back(
    catalog: Catalog,
) -> None:
    waiting = [episode(0, decision="kept"), episode(1, decision="held"), episode(2, decision="kept"), episode(3)]
    commit(catalog, waiting)
    commit(catalog, [episode(0, "run-b", decision="kept")])
    catalog.finish_writes([recording(2)], at=NOW)
    assert catalog.mark_runs_seen(["run-b"], NOW + 101 * SECOND) == 0
    assert catalog.park_lost(unseen_since=NOW, now=NOW) == {}
    late = NOW + 100 * SECOND
    assert catalog.park_lost(unseen_since=late, now=late) == {"run-a": 2}
    assert catalog.park_lost(unseen_since=late, now=late) == {}
    assert [(row.run_id, row.episode_id, row.decision, row.error) for row in list(catalog.iterate_parked())] == [
        ("run-a", 0, "kept", LOST), ("run-a", 1, "held", LOST)
    ]  # fmt: skip
    assert catalog.mark_runs_seen(["run-c", "run-a"], late + SECOND) == 2
    assert list(catalog.iterate_parked()) == []
    assert catalog.park_lost(unseen_since=late, now=late) == {}
    assert (catalog.get_episode("run-a", 0).attempts, catalog.get_episode("run-a", 1).error) == (0, None)


def test_an_episode_that_is_being_written_is_not_parked(catalog: Catalog) -> None:
    _kept(catalog, 1)
    catalog.start_write("run-a", [1], now=NOW + 100 * SECOND, lease_secs=60)
    late = NOW + 101 * SECOND
    assert catalog.park_lost(unseen_since=late, now=late) == {}


def test_episodes_that_failed_for_another_reason_stay_parked(catalog: Catalog) -> None:
    _kept(catalog, 1)
    catalog.start_write("run-a", [1], now=NOW, lease_secs=1)
    catalog.fail_write("run-a", 1, "broken", not_before=NOW, max_attempts=1)
    assert catalog.mark_runs_seen(["run-a"], NOW) == 0
    assert next(catalog.iterate_parked()).error == "broken"


def test_an_episode_that_was_parked_while_held_can_still_be_decided(catalog: Catalog) -> None:
    commit(catalog, [episode(1, decision="held"), episode(2, decision="held")])
    late = NOW + 100 * SECOND
    assert catalog.park_lost(unseen_since=late, now=late) == {"run-a": 2}
    decided = [Decision(1, "skipped", (), "[]"), Decision(2, "kept", ("x",), "[]")]
    commit(catalog, [episode(3)], decided=decided)
    rows = [catalog.get_episode("run-a", episode_id) for episode_id in (1, 2)]
    assert [(row.decision, row.parked, row.error) for row in rows] == [("skipped", False, None), ("kept", False, None)]


def test_parked_writes_are_tried_again_on_request(catalog: Catalog) -> None:
    _kept(catalog, 1)
    _kept(catalog, 2, run_id="run-b")
    for run_id, episode_id in (("run-a", 1), ("run-b", 2)):
        catalog.start_write(run_id, [episode_id], now=NOW, lease_secs=1)
        catalog.fail_write(run_id, episode_id, "broken", not_before=NOW + 100 * SECOND, max_attempts=1)
    assert len(list(catalog.iterate_parked())) == 2
    assert catalog.retry_parked("run-a") == 1
    assert _claim(catalog) == [1]
    assert catalog.retry_parked() == 1
    assert _claim(catalog) == [2]
    assert catalog.get_episode("run-b", 2).attempts == 0


def test_the_write_job_looks_at_unwritten_episodes_only(tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog.db") as catalog, catalog._reading() as connection:
        for condition in ("parked IS 0", "parked IS 1"):
            plan = connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN SELECT * FROM episodes WHERE {UNWRITTEN} AND {condition} ORDER BY finished_unix_nanos"
            )
            assert ["ix_episodes_unwritten" in row.detail for row in plan] == [True]


def test_parked_episodes_are_counted_and_read_page_by_page(catalog: Catalog) -> None:
    for run_id in ("run-a", "run-b"):
        commit(catalog, [episode(n, run_id, decision="kept") for n in range(5)])
    commit(catalog, [episode(9, "run-b", decision="held")])
    assert (catalog.count_parked(), catalog.most_common_parking_error()) == ({}, None)
    late = NOW + 100 * SECOND
    catalog.park_lost(unseen_since=late, now=late)
    assert catalog.count_parked() == {"run-a": 5, "run-b": 6}
    assert catalog.count_parked(decision="kept") == {"run-a": 5, "run-b": 5}
    assert catalog.most_common_parking_error() == LOST
    expected = [("run-a", n) for n in range(5)] + [("run-b", n) for n in (0, 1, 2, 3, 4, 9)]
    for page_size in (1, 3, 11, 100):
        assert [(row.run_id, row.episode_id) for row in catalog.iterate_parked(page_size=page_size)] == expected
    assert [row.episode_id for row in list(catalog.iterate_parked("run-b"))] == [0, 1, 2, 3, 4, 9]
