"""Recordings, and the search over them."""

from __future__ import annotations

import fnmatch
import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorder.catalog import Catalog
from recorder.errors import RecordingNotFoundError, UsageError
from tests.catalog.samples import NOW, commit, episode, recording


def _ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["episode_id"] for row in rows]


def test_the_query_of_the_overview_works_as_printed(catalog: Catalog) -> None:
    db = catalog
    db.upsert_recordings(
        [
            recording(1, curriculum_stage=2, total_reward=100.0),
            recording(2, curriculum_stage=2, total_reward=500.5),
            recording(3, curriculum_stage=1, total_reward=200.0),
            recording(4, curriculum_stage=2, total_reward=200.0, reasons=("top_10.0pct",)),
        ]
    )
    rows = db.query_recordings(stage=2, reason="periodic_100", min_reward=100.0, max_reward=500.0, limit=50)
    assert _ids(rows) == [1]
    columns = "episode_id survival_steps total_reward curriculum_stage recording_reason timestamp file_path"
    assert set(columns.split()) | {"file_size_bytes", "compressed_size_bytes"} <= set(rows[0])
    assert rows[0]["file_path"] == "run-a/episode_000001.msgpack.lz4"


def test_every_field_of_a_recording_survives_the_round_trip(catalog: Catalog) -> None:
    row = recording(
        3,
        survival_steps=9,
        total_reward=-math.inf,
        curriculum_stage=4,
        recording_reason="a",
        file_size_bytes=2**40,
        compressed_size_bytes=2**33,
        lane=5,
        status="salvaged",
        n_steps=8,
        content_hash="ab" * 32,
        format_version=1,
        epsilon=0.25,
        env_steps=2**50,
        recorded_at=NOW,
        play_id=7,
        reasons=("a", "b"),
    )
    catalog.upsert_recordings([row])
    assert catalog.get_recording("run-a", 3) == row


def test_reason_and_time_have_defaults(catalog: Catalog) -> None:
    catalog.upsert_recordings([recording(1, reasons=("x", "y")), recording(2, reasons=(), recording_reason="z")])
    assert catalog.get_recording("run-a", 1).recording_reason == "x"
    assert catalog.get_recording("run-a", 1).recorded_at is not None
    assert catalog.get_recording("run-a", 2).reasons == ("z",)


def test_a_second_upsert_replaces_the_row_and_its_reasons(catalog: Catalog) -> None:
    catalog.upsert_recordings([recording(1, reasons=("old", "both"))])
    catalog.upsert_recordings([recording(1, reasons=("both", "new"), n_steps=3)])
    assert _ids(catalog.query_recordings(reason="old")) == []
    assert _ids(catalog.query_recordings(reason="new")) == [1]
    assert catalog.get_recording("run-a", 1).n_steps == 3


def test_the_reason_filter_searches_all_reasons_of_an_episode(catalog: Catalog) -> None:
    catalog.upsert_recordings([recording(1, reasons=("periodic_100", "stage_2_pre_transition")), recording(2)])
    assert _ids(catalog.query_recordings(reason="stage_*_pre_transition")) == [1]
    assert _ids(catalog.query_recordings(reason="p*")) == [2, 1]


@pytest.mark.parametrize(
    ("glob", "matches"),
    [
        ("100%", ["100%"]),
        ("100%*", ["100%"]),
        ("1?0%", ["100%"]),
        ("a_b*", ["a_b"]),
        ("a?b", ["a_b", "axb", "a\\b", "a*b"]),
        ("a\\b*", ["a\\b"]),
        ("[ab]*", ["[ab]c"]),
        ("A*", ["AXB"]),
        ("*x?", ["axb"]),
        ("*", ["100%", "a_b", "axb", "a\\b", "a*b", "[ab]c", "AXB"]),
        ("", []),
    ],
)
def test_a_glob_has_two_wildcards_other_characters_are_literal(catalog: Catalog, glob: str, matches: list[str]) -> None:
    reasons = ["100%", "a_b", "axb", "a\\b", "a*b", "[ab]c", "AXB"]
    catalog.upsert_recordings([recording(index, reasons=(reason,)) for index, reason in enumerate(reasons)])
    assert {row["recording_reason"] for row in catalog.query_recordings(reason=glob)} == set(matches)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(glob=st.text("ab*?%_[]\\^", max_size=5), reason=st.text("abA%_[]\\^", min_size=1, max_size=5))
def test_globs_match_the_same_text_as_the_shell(catalog: Catalog, glob: str, reason: str) -> None:
    catalog.upsert_recordings([recording(0, reasons=(reason,))])
    expected = fnmatch.fnmatchcase(reason, glob.replace("[", "[[]"))
    assert bool(catalog.query_recordings(reason=glob)) == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"order": "timestamp"}, [0, 1, 2, 3]),
        ({"order": "reward"}, [2, 0, 3, 1]),
        ({"order": "-reward", "limit": 2}, [1, 3]),
        ({"order": "-length", "limit": 2, "offset": 1}, [2, 1]),
        ({"order": "stage"}, [3, 1, 0, 2]),
        ({"order": "-stage"}, [2, 0, 1, 3]),
        ({"stage": 2}, [2, 0]),
        ({"order": "-episode_id", "limit": 1}, [3]),
        ({"limit": 0}, []),
        ({"offset": 3}, [0]),
        ({"run": "run-b"}, []),
        ({"lane": 1}, [3, 1]),
        ({"status": "salvaged"}, [2]),
        ({"min_reward": -1.0}, [3, 0]),
        ({"max_reward": 10.0}, [3, 2, 0]),
    ],
)
def test_filters_and_orders(catalog: Catalog, filters: dict[str, Any], expected: list[int]) -> None:
    rewards = [1.0, math.nan, -math.inf, 2.0]
    catalog.upsert_recordings(
        [
            recording(n, total_reward=reward, survival_steps=n, lane=n % 2, curriculum_stage=[2, 1, 2, None][n])
            for n, reward in enumerate(rewards)
        ]
    )
    catalog.upsert_recordings(
        [recording(2, total_reward=-math.inf, survival_steps=2, curriculum_stage=2, status="salvaged")]
    )
    assert _ids(catalog.query_recordings(**filters)) == expected


def test_wrong_arguments_are_refused(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match="limit"):
        catalog.query_recordings(limit=-1)
    with pytest.raises(UsageError, match="unknown order"):
        catalog.query_recordings(order="newest")


def test_without_a_run_id_the_newest_recording_is_used(catalog: Catalog) -> None:
    catalog.upsert_recordings([recording(5, "old", timestamp=1.0), recording(5, "new", timestamp=2.0)])
    assert catalog.get_recording(None, 5).run_id == "new"
    assert catalog.get_recording("old", 5).run_id == "old"
    with pytest.raises(RecordingNotFoundError, match="no recording of episode 5 in run 'x'"):
        catalog.get_recording("x", 5)


def test_a_deleted_recording_is_gone_and_its_episode_is_not_written_again(catalog: Catalog) -> None:
    commit(catalog, [episode(1, decision="kept", reasons=("periodic_100",))])
    catalog.finish_writes([recording(1)], at=NOW)
    assert catalog.delete_recording("run-a", 1)
    assert not catalog.delete_recording("run-a", 1)
    assert catalog.query_recordings() == []
    assert catalog.summarise_run("run-a").by_reason == {}
    assert catalog.claim_writes(now=NOW, lease_secs=1, limit=10) == []
    assert catalog.list_episodes(recorded=True).episodes == []
    assert catalog.list_episodes(reason="periodic_100").episodes == []
    assert [row.episode_id for row in catalog.streams_to_drop()] == [1]
    (row,) = catalog.list_episodes(decision="deleted", recorded=False).episodes
    assert row.reasons == ("periodic_100",)


def test_all_recordings_are_iterated_page_by_page(catalog: Catalog) -> None:
    for run_id in ("run-a", "run-b"):
        catalog.upsert_recordings([recording(n, run_id) for n in range(5)])
    keys = [(row.run_id, row.episode_id) for row in catalog.iterate_recordings(page_size=3)]
    assert keys == [(run_id, n) for run_id in ("run-a", "run-b") for n in range(5)]
    assert len(list(catalog.iterate_recordings("run-b", page_size=5))) == 5


def test_an_import_fills_an_empty_catalog(catalog: Catalog) -> None:
    rows = [(episode(n, reasons=("periodic_100",)), recording(n)) for n in range(1200)]
    assert catalog.import_recordings(rows) == 1200
    assert catalog.get_run("run-a").n_recordings == 1200
    found = catalog.get_episode("run-a", 1199)
    assert (found.decision, found.reasons) == ("kept", ("periodic_100",))
    assert found.written_at is not None
    assert catalog.claim_writes(now=NOW, lease_secs=1, limit=10) == []
    assert catalog.import_recordings(rows) == 1200
    assert catalog.get_run("run-a").n_episodes == 1200
    assert catalog.get_episode("run-a", 1199).replaced_plays == 0


def test_an_import_does_not_overwrite_newer_rows(catalog: Catalog) -> None:
    why = [{"criterion": "periodic", "keep": True}]
    commit(
        catalog,
        [episode(n, play_id=5, decision="kept", why_json=json.dumps(why), reasons=("periodic_100",)) for n in range(4)],
    )
    catalog.import_recordings(
        [
            (episode(0, play_id=5), recording(0, play_id=5)),
            (episode(1, play_id=0), recording(1)),
            (episode(2, play_id=4), recording(2, play_id=4)),
            (episode(3, play_id=6), recording(3, play_id=6)),
        ]
    )
    rows = [catalog.get_episode("run-a", n) for n in range(4)]
    assert [row.why for row in rows] == [why, why, why, []]
    assert [row.written_at is not None for row in rows] == [True, True, False, True]
    assert [row.replaced_plays for row in rows] == [0, 0, 0, 1]
    assert sorted(_ids(catalog.query_recordings())) == [0, 1, 3]


@pytest.mark.parametrize("beyond", [2**63, -(2**63) - 1, 10**30])
def test_a_number_beyond_64_bits_is_refused_with_a_clear_message(catalog: Catalog, beyond: int) -> None:
    with pytest.raises(UsageError, match=r"the database holds integers from -2\*\*63 to 2\*\*63 - 1"):
        catalog.query_recordings(stage=beyond)
