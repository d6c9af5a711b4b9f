"""A catalog whose file is deleted, moved or replaced while it is open."""

from __future__ import annotations

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from recorder.catalog import Catalog
from recorder.errors import CatalogError, CatalogUnavailableError


def run_ids(catalog: Catalog) -> list[str]:
    return sorted(run.run_id for run in catalog.list_runs())


def make(path: Path, run_id: str) -> None:
    with Catalog(path) as catalog:
        catalog.ensure_run(run_id)


def put(source: Path, destination: Path) -> None:
    """In the place of another, without the log of that one."""
    source.replace(destination)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_catalog_that_replaces_the_open_file_is_used_from_then_on_with_a_warning(
    tmp_path: Path, read_only: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "catalog.db"
    make(path, "old")
    make(tmp_path / "other.db", "new")
    with Catalog(path, read_only=read_only) as catalog:
        assert run_ids(catalog) == ["old"]
        put(tmp_path / "other.db", path)
        assert run_ids(catalog) == ["new"]
        assert "the open catalog was replaced" in caplog.text
        assert run_ids(catalog) == ["new"]
        assert caplog.text.count("was replaced") == 1
        if not read_only:
            catalog.ensure_run("newest")
    with Catalog(path, read_only=True) as catalog:
        assert run_ids(catalog) == (["new"] if read_only else ["new", "newest"])


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("how", ["deleted", "moved", "with its folder"])
def test_calls_on_a_deleted_catalog_fail_and_create_no_file(tmp_path: Path, read_only: bool, how: str) -> None:
    path = tmp_path / "recordings" / "catalog.db"
    path.parent.mkdir()
    make(path, "old")
    with Catalog(path, read_only=read_only) as catalog:
        run_ids(catalog)
        match how:
            case "deleted":
                path.unlink()
            case "moved":
                path.rename(tmp_path / "away.db")
            case _:
                shutil.rmtree(path.parent)
        for _ in range(2):
            with pytest.raises(CatalogUnavailableError, match="deleted or moved while it was open"):
                run_ids(catalog)
        if not read_only:
            with pytest.raises(CatalogUnavailableError, match="deleted or moved"):
                catalog.ensure_run("lost")
        assert not path.exists()
        path.parent.mkdir(exist_ok=True)
        make(path, "new")
        assert run_ids(catalog) == ["new"], "it is found when it is there again"


def test_a_worker_whose_catalog_was_deleted_creates_a_new_one_and_logs_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "recordings" / "catalog.db"
    path.parent.mkdir()
    with Catalog(path) as catalog:
        catalog.ensure_run("old")
        catalog.recreate_if_deleted()
        assert (run_ids(catalog), catalog.n_opened, caplog.text) == (["old"], 1, "")
        shutil.rmtree(path.parent)
        with pytest.raises(CatalogError, match="folder does not exist"):
            catalog.recreate_if_deleted()
        path.parent.mkdir()
        catalog.recreate_if_deleted()
        assert (run_ids(catalog), catalog.n_opened) == ([], 2)
        assert "a new one was created" in caplog.text
        catalog.ensure_run("new")
    with Catalog(path, read_only=True) as catalog:
        assert run_ids(catalog) == ["new"]


def test_a_foreign_file_in_the_catalogs_place_is_an_error_until_it_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    make(path, "old")
    with Catalog(path) as catalog:
        path.unlink()
        path.write_text("something else, and long enough that SQLite looks at its first page" * 10)
        for _ in range(2):
            with pytest.raises(CatalogError, match="not a catalog"):
                run_ids(catalog)
        path.unlink()
        make(path, "new")
        assert run_ids(catalog) == ["new"]


def test_an_older_catalog_that_replaces_the_open_file_is_migrated(tmp_path: Path) -> None:
    path, older = tmp_path / "catalog.db", tmp_path / "older.db"
    make(path, "old")
    connection = sqlite3.connect(older)
    connection.executescript((Path(__file__).parent / "old_catalogs" / "0001.sql").read_text(encoding="utf-8"))
    connection.close()
    with Catalog(path) as catalog:
        put(older, path)
        assert run_ids(catalog) == ["run-ü"]


def test_concurrent_threads_all_find_the_catalog_that_replaced_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    make(path, "0")
    with Catalog(path) as catalog, ThreadPoolExecutor(8) as pool:
        for number in range(1, 6):
            make(tmp_path / "next.db", str(number))
            put(tmp_path / "next.db", path)
            found = [future.result() for future in [pool.submit(run_ids, catalog) for _ in range(16)]]
            assert found == [[str(number)]] * 16
        assert catalog.n_opened == 6


def test_a_process_that_changes_its_working_directory_keeps_its_catalog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with Catalog("catalog.db") as catalog:
        catalog.ensure_run("old")
        monkeypatch.chdir("elsewhere")
        catalog.close()
        assert run_ids(catalog) == ["old"]
    assert not (tmp_path / "elsewhere" / "catalog.db").exists()
