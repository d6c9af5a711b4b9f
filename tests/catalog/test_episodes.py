"""Finding and listing episodes."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from recorder.catalog import Catalog, EpisodeRow
from recorder.catalog.lists import sqlite_plan
from recorder.errors import RecordingNotFoundError, UsageError
from tests.catalog.samples import NOW, commit, episode, recording


def _ids(catalog: Catalog, **filters: Any) -> list[int]:
    return [row.episode_id for row in catalog.list_episodes(**filters).episodes]


def _all_pages(catalog: Catalog, limit: int, **filters: Any) -> list[EpisodeRow]:
    found: list[EpisodeRow] = []
    cursor = None
    while True:
        page = catalog.list_episodes(cursor=cursor, limit=limit, **filters)
        assert len(page.episodes) <= limit
        found += page.episodes
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_an_episode_is_found_by_run_and_without_a_run_in_the_newest(catalog: Catalog) -> None:
    commit(catalog, [episode(7, "old"), episode(8, "old")])
    commit(catalog, [episode(7, "new", finished_unix_nanos=10**18)])
    assert catalog.find_episode(7).run_id == "new"
    assert catalog.find_episode(8).run_id == "old"
    assert catalog.get_episode("old", 7).run_id == "old"


def test_an_episode_that_is_missing_is_named_in_the_error(catalog: Catalog) -> None:
    with pytest.raises(RecordingNotFoundError, match="no episode 5 in run 'run-a'"):
        catalog.get_episode("run-a", 5)
    with pytest.raises(RecordingNotFoundError, match="no episode 5 in the catalog"):
        catalog.find_episode(5)


@pytest.fixture(params=["the cheapest path", "the dearest path"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which index SQLite walks: it changes how long a list takes and nothing else."""
    if request.param == "the dearest path":
        monkeypatch.setattr(sqlite_plan, "min", max, raising=False)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [4, 3, 2, 1, 0]),
        ({"run": "run-a"}, [4, 3, 2, 1, 0]),
        ({"run": "run-b"}, []),
        ({"stage": 2}, [3, 2]),
        ({"status": "salvaged"}, [4]),
        ({"decision": "kept"}, [3, 1]),
        ({"lane": 1}, [3, 1]),
        ({"min_reward": 20.0}, [3, 2]),
        ({"max_reward": 20.0}, [2, 1, 0]),
        ({"min_reward": 10.0, "max_reward": 20.0}, [2, 1]),
        ({"min_reward": -math.inf}, [3, 2, 1, 0]),
        ({"max_reward": math.inf}, [3, 2, 1, 0]),
        ({"min_episode": 3}, [4, 3]),
        ({"max_episode": 1, "run": "run-a"}, [1, 0]),
        ({"min_episode": 1, "max_episode": 3, "lane": 1}, [3, 1]),
        ({"reason": "top_10.0pct"}, [3]),
        ({"reason": "stage_*_pre_transition"}, [1]),
        ({"reason": "*"}, [3, 1]),
        ({"tag": "nice"}, [2]),
        ({"recorded": True}, [3]),
        ({"recorded": False}, [4, 2, 1, 0]),
        ({"stage": 2, "decision": "kept", "reason": "top_*", "recorded": True}, [3]),
    ],
)
def test_every_filter_keeps_exactly_the_matching_episodes(
    catalog: Catalog, filters: dict[str, Any], expected: list[int]
) -> None:
    commit(
        catalog,
        [
            episode(0, total_reward=0.0),
            episode(1, total_reward=10.0, lane=1, decision="kept", reasons=("stage_1_pre_transition", "periodic_100")),
            episode(2, total_reward=20.0, curriculum_stage=2),
            episode(3, total_reward=30.0, curriculum_stage=2, lane=1, decision="kept", reasons=("top_10.0pct",)),
            episode(4, total_reward=math.nan, status="salvaged", decision="held"),
        ],
    )
    catalog.finish_writes([recording(3, reasons=("top_10.0pct",))], at=NOW)
    catalog.tag_episode("run-a", 2, "nice")
    assert _ids(catalog, **filters) == expected
    for order in ("episode_id", "reward", "length", "stage"):
        assert sorted(_ids(catalog, order=order, **filters), reverse=True) == expected
        paged = [row.episode_id for row in _all_pages(catalog, 2, order=order, **filters)]
        assert paged == _ids(catalog, order=order, **filters)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("finished", [0, 1, 2, 3, 4, 5]),
        ("-finished", [5, 4, 3, 2, 1, 0]),
        ("episode_id", [0, 1, 2, 3, 4, 5]),
        ("-episode_id", [5, 4, 3, 2, 1, 0]),
        ("reward", [2, 4, 5, 0, 3, 1]),
        ("-reward", [1, 3, 0, 5, 4, 2]),
        ("length", [4, 5, 3, 0, 2, 1]),
        ("-length", [1, 2, 0, 3, 5, 4]),
        ("stage", [4, 5, 1, 2, 0, 3]),  # an unknown stage sorts first
        ("-stage", [3, 0, 2, 1, 5, 4]),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_every_sort_order_holds_across_pages(catalog: Catalog, order: str, expected: list[int], limit: int) -> None:
    commit(
        catalog,
        [
            episode(0, total_reward=1.0, survival_steps=5, curriculum_stage=2),
            episode(1, total_reward=math.nan, survival_steps=9, curriculum_stage=1),
            episode(2, total_reward=-math.inf, survival_steps=5, curriculum_stage=1),
            episode(3, total_reward=math.inf, survival_steps=2, curriculum_stage=2),
            episode(4),
            episode(5),
        ],
    )
    assert [row.episode_id for row in _all_pages(catalog, limit, order=order)] == expected


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("order", ["finished", "-episode_id", "reward", "-reward", "-length", "stage", "-stage"])
def test_a_list_longer_than_the_planners_sample_is_complete_and_sorted(catalog: Catalog, order: str) -> None:
    # Stages and times grow with the episode, rewards fall with it and lanes change: matches are at either end, or everywhere.
    rows = [
        episode(
            n,
            curriculum_stage=None if n % 5 == 0 else n // 500,
            lane=n % 7,
            total_reward=float(-(n // 3)),
            survival_steps=n * 37 % 101,
        )
        for n in range(1500)
    ]
    commit(catalog, rows)
    name = {"finished": "finished_unix_nanos", "reward": "total_reward", "length": "survival_steps"}
    attribute = {**name, "episode_id": "episode_id", "stage": "curriculum_stage"}[order.removeprefix("-")]

    def place(row: EpisodeRow) -> tuple[Any, ...]:
        value = getattr(row, attribute)
        return value is not None, value or 0, row.finished_unix_nanos, row.episode_id

    for filters, matches in (
        ({"stage": 2, "lane": 3}, lambda row: row.curriculum_stage == 2 and row.lane == 3),
        ({"stage": 0, "max_reward": -100.0}, lambda row: row.curriculum_stage == 0 and row.total_reward <= -100),
        ({"lane": 6, "min_episode": 1400}, lambda row: row.lane == 6 and row.episode_id >= 1400),
    ):
        expected = sorted(filter(matches, rows), key=place, reverse=order.startswith("-"))
        found = _all_pages(catalog, 60, order=order, **filters)
        assert [row.episode_id for row in found] == [row.episode_id for row in expected]


@pytest.mark.parametrize("order", ["finished", "-finished", "-reward", "stage", "length", "episode_id", "-episode_id"])
def test_pages_neither_skip_nor_repeat_rows_while_episodes_are_added(catalog: Catalog, order: str) -> None:
    # Ties everywhere: the same time, reward, length and stage in two runs.
    for run_id in ("run-a", "run-b"):
        commit(catalog, [episode(n, run_id, finished_unix_nanos=n // 10) for n in range(0, 60, 2)])
    before = {(row.run_id, row.episode_id) for row in _all_pages(catalog, 100)}
    seen: list[tuple[str, int]] = []
    cursor = None
    for turn in range(100):
        page = catalog.list_episodes(order=order, cursor=cursor, limit=7)
        seen += [(row.run_id, row.episode_id) for row in page.episodes]
        cursor = page.next_cursor
        if cursor is None:
            break
        commit(catalog, [episode(n, "run-a", finished_unix_nanos=n // 10) for n in (2 * turn + 1, 1000 + turn)])
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


@pytest.mark.parametrize("order", ["finished", "-reward", "length", "stage", "-stage", "episode_id"])
def test_every_page_begins_in_the_index_where_the_page_before_it_ended(tmp_path: Path, order: str) -> None:
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    path = tmp_path / "catalog.db"
    with Catalog(path) as catalog:
        commit(catalog, [episode(n, curriculum_stage=None if n < 20 else n % 3) for n in range(40)])
        event.listen(Engine, "before_cursor_execute", note)
        try:
            page = catalog.list_episodes(order=order, limit=7)
            statements.clear()
            while page.next_cursor is not None:
                page = catalog.list_episodes(order=order, limit=7, cursor=page.next_cursor)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
    with closing(sqlite3.connect(path)) as database:
        listed = [(text, parameters) for text, parameters in statements if "INDEXED BY ix_" in text]
        plans = [database.execute(f"EXPLAIN QUERY PLAN {text}", values).fetchall() for text, values in listed]
    assert plans
    assert [plan for plan in plans if not plan[0][-1].startswith("SEARCH episodes")] == []


def test_an_invalid_page_cursor_is_refused(catalog: Catalog) -> None:
    commit(catalog, [episode(n) for n in range(3)])
    cursor = catalog.list_episodes(limit=1).next_cursor
    assert cursor is not None
    with pytest.raises(UsageError, match="belongs to the order '-finished'"):
        catalog.list_episodes(order="reward", cursor=cursor)
    for nonsense in ("", "x", "W10=", "bnVsbA==", "WyItZmluaXNoZWQiLCAiYSIsIDEsIHt9XQ=="):
        with pytest.raises(UsageError, match="cursor"):
            catalog.list_episodes(cursor=nonsense)
    with pytest.raises(UsageError, match="expected one of finished, episode_id, reward, length, stage"):
        catalog.list_episodes(order="rewards")
    with pytest.raises(UsageError, match="limit"):
        catalog.list_episodes(limit=0)


def test_held_episodes_are_listed_per_run(catalog: Catalog) -> None:
    commit(catalog, [episode(n, decision="held" if n % 2 else "kept") for n in range(6)])
    commit(catalog, [episode(1, "run-b", decision="held")])
    assert catalog.held_episode_ids("run-a") == [1, 3, 5]


def test_lookups_are_split_when_one_statement_cannot_take_all_ids(catalog: Catalog) -> None:
    commit(catalog, [episode(n) for n in range(2500)])
    assert len(catalog.existing_plays("run-a", range(3000))) == 2500


@pytest.mark.parametrize(
    ("n_episodes", "max_points", "expected"), [(0, 10, 0), (7, 10, 7), (100, 10, 10), (101, 10, 10)]
)
def test_a_learning_curve_is_thinned_evenly(catalog: Catalog, n_episodes: int, max_points: int, expected: int) -> None:
    if n_episodes:
        commit(catalog, [episode(n * 1000, env_steps=n, total_reward=float(n)) for n in range(n_episodes)])
        catalog.finish_writes([recording(0)], at=NOW)
    curve = catalog.learning_curve("run-a", max_points)
    assert len(curve) == expected
    assert [point.episode_id for point in curve] == sorted(point.episode_id for point in curve)
    assert len({b.env_steps - a.env_steps for a, b in pairwise(curve)}) <= 1
    assert [point.recorded for point in curve[:2]] == [True, False][: len(curve)]


def test_tags_are_added_and_removed(catalog: Catalog) -> None:
    commit(catalog, [episode(1)])
    for tag in ("zebra", "ä b", "ä b"):
        catalog.tag_episode("run-a", 1, tag)
    assert catalog.get_episode("run-a", 1).tags == ("zebra", "ä b")
    assert catalog.list_tags("run-a") == ["zebra", "ä b"]
    assert catalog.untag_episode("run-a", 1, "zebra")
    assert not catalog.untag_episode("run-a", 1, "zebra")
    assert catalog.get_episode("run-a", 1).tags == ("ä b",)
    for bad in ("", "a\x1fb", "a\nb"):
        with pytest.raises(UsageError, match="printable"):
            catalog.tag_episode("run-a", 1, bad)
    with pytest.raises(RecordingNotFoundError):
        catalog.tag_episode("run-a", 2, "x")
