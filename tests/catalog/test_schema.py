"""The schema: migrations and models agree, old catalogs open, newer ones are refused."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Connection

import recorder.catalog
from recorder.catalog import Catalog
from recorder.catalog.models import METADATA
from recorder.catalog.schema import SCHEMA_VERSION, _upgrade, read_version
from recorder.errors import CatalogVersionError
from tests.waiting import DEADLINE_SECS

_OLD_CATALOGS = sorted((Path(__file__).parent / "old_catalogs").glob("*.sql"))


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(recorder.catalog.__file__).parent / "migrations"))
    return ScriptDirectory.from_config(config)


def _indexes(connection: Connection) -> dict[str, str]:
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        query = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    return {name: sql for name, sql in connection.execute(text(query)) if not name.startswith("alembic")}


def _triggers(connection: Connection) -> set[tuple[str, str]]:
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
    return {(name, sql) for name, sql in connection.execute(text(query))}


def _is_no_index(_item: object, _name: str, kind: str, *_: object) -> bool:
    return kind != "index"


def _told(column: Any) -> tuple[Any, ...]:
    return column["name"], str(column["type"]), column["nullable"], column["default"]


def test_the_version_is_the_last_migration() -> None:
    assert _scripts().get_heads() == [SCHEMA_VERSION]


def test_migration_versions_increase() -> None:
    versions = [script.revision for script in _scripts().walk_revisions()]
    assert versions == sorted(versions, reverse=True)
    assert all(len(version) == 4 and version.isdigit() for version in versions)


def test_a_migrated_catalog_equals_a_new_one(new_url: Callable[[], str]) -> None:
    migrated, new = new_url(), new_url()
    Catalog(new).close()
    first, second = create_engine(migrated), create_engine(new)
    with first.begin() as connection:
        _upgrade(connection)
    with first.connect() as one, second.connect() as two:
        opts = {"compare_type": True, "compare_server_default": True, "include_object": _is_no_index}
        context = MigrationContext.configure(one, opts=opts)
        assert compare_metadata(context, METADATA) == []
        # Whole definitions: Alembic misreads NULLS FIRST.
        assert _indexes(one) == _indexes(two)
        assert read_version(one) == read_version(two) == SCHEMA_VERSION
        for table in (*METADATA.tables, "alembic_version"):
            assert [_told(column) for column in inspect(one).get_columns(table)] == [
                _told(column) for column in inspect(two).get_columns(table)
            ]
            assert inspect(one).get_pk_constraint(table) == inspect(two).get_pk_constraint(table)
            assert inspect(one).get_foreign_keys(table) == inspect(two).get_foreign_keys(table)
            assert inspect(one).get_unique_constraints(table) == inspect(two).get_unique_constraints(table)
            assert inspect(one).get_check_constraints(table) == inspect(two).get_check_constraints(table)
        assert _triggers(one) == _triggers(two)
    first.dispose()
    second.dispose()


def test_opening_twice_migrates_once(new_url: Callable[[], str]) -> None:
    url = new_url()
    for _ in range(2):
        with Catalog(url) as catalog:
            catalog.ensure_run("run-a")
    with Catalog(url, read_only=True) as catalog:
        assert len(catalog.list_runs()) == 1


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_catalog_is_refused(new_url: Callable[[], str], read_only: bool) -> None:
    url = new_url()
    with Catalog(url) as catalog, catalog._writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CatalogVersionError, match=r"9999.*upgrade hamlet-recorder"):
        Catalog(url, read_only=read_only)


def test_an_older_catalog_is_not_read_before_it_is_migrated(new_url: Callable[[], str]) -> None:
    url = new_url()
    with Catalog(url) as catalog, catalog._writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(CatalogVersionError, match=r"older schema 0000.*open it for writing once"):
        Catalog(url, read_only=True)


@pytest.mark.parametrize("dump", _OLD_CATALOGS, ids=lambda path: path.stem)
def test_a_catalog_of_every_version_opens_with_all_its_rows(dump: Path, tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    connection = sqlite3.connect(path)
    connection.executescript(dump.read_text(encoding="utf-8"))
    connection.close()
    with Catalog(path) as catalog:
        assert catalog.load_run_state("run-ü").criteria_state == {"periodic": {"seen": [1, 2]}}
        assert [row.episode_id for row in catalog.list_episodes().episodes] == [2, 1]
        stages = [None, 1] if dump.stem >= "0006" else [1, 1]  # before that an unknown stage was 1
        assert [row.curriculum_stage for row in catalog.list_episodes(order="stage").episodes] == stages
        found = catalog.get_episode("run-ü", 1)
        assert (found.reasons, found.tags, found.total_reward) == (("periodic_100", "top_10.0pct"), ("nice",), 12.5)
        assert catalog.get_recording("run-ü", 1).file_path == "run-ü/episode_000001.msgpack.lz4"
        assert catalog.list_videos()[0].options == {"dpi": 150}
        assert [note.text for note in catalog.list_annotations("run-ü", 1)] == ["look"]


def test_a_test_catalog_of_every_version_exists() -> None:
    assert [path.stem for path in _OLD_CATALOGS] == sorted(script.revision for script in _scripts().walk_revisions())


def _open(url: str, barrier: Barrier, results: Any) -> None:
    barrier.wait(60)
    try:
        Catalog(url).close()
        results.put("")
    except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
        results.put(repr(error))


def test_several_processes_may_open_a_new_catalog_at_once(new_url: Callable[[], str]) -> None:
    spawn = multiprocessing.get_context("spawn")
    url, barrier, results = new_url(), spawn.Barrier(3), spawn.Queue()
    workers = [spawn.Process(target=_open, args=(url, barrier, results)) for _ in range(3)]
    for process in workers:
        process.start()
    assert [results.get(timeout=DEADLINE_SECS) for _ in workers] == ["", "", ""]
    for process in workers:
        process.join(30)
    with Catalog(url, read_only=True) as catalog:
        assert catalog.list_runs() == []
