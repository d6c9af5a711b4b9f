"""Connections: locks, forks, read-only catalogs, paths, filesystems."""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from recorder.catalog import Catalog
from recorder.catalog.filesystem import NETWORK_FILESYSTEMS, filesystem_of
from recorder.errors import CatalogError, CatalogUnavailableError, UsageError
from tests.catalog.samples import NOW, commit, episode
from tests.postgres_server import PostgresServer
from tests.processes import AS_AN_ORDINARY_USER, ROOT, needs_permissions
from tests.waiting import DEADLINE_SECS


@contextmanager
def _write_lock(path: Path) -> Iterator[None]:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


def test_a_locked_catalog_fails_writes_within_the_busy_timeout_and_still_reads(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with Catalog(path, busy_timeout_secs=0.05) as catalog:
        commit(catalog, [episode(0)])
        with _write_lock(path):
            with pytest.raises(CatalogUnavailableError, match=r"locked.*try again.*catalog\.db"):
                commit(catalog, [episode(1)])
            assert catalog.get_run("run-a").n_episodes == 1
        commit(catalog, [episode(1)])
        assert catalog.get_run("run-a").n_episodes == 2


def test_a_locked_catalog_can_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    Catalog(path).close()
    with _write_lock(path), Catalog(path, busy_timeout_secs=0.05) as catalog:
        assert catalog.list_runs() == []


def test_a_writer_waits_for_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with Catalog(path, busy_timeout_secs=60) as catalog:
        writer = threading.Thread(target=catalog.ensure_run, args=("run-a",))
        with _write_lock(path):
            writer.start()
            with Catalog(path, busy_timeout_secs=0.3) as impatient, pytest.raises(CatalogUnavailableError):
                impatient.ensure_run("run-b")  # gives up while the other one waits
        writer.join(60)
        assert [run.run_id for run in catalog.list_runs()] == ["run-a"]


def test_sqlite_is_set_up_as_promised(tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog.db", busy_timeout_secs=7) as catalog:
        for transaction, query_only in ((catalog._reading, 1), (catalog._writing, 0)):
            with transaction() as connection:
                pragmas = {
                    name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                    for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "query_only")
                }
            assert pragmas == {
                "journal_mode": "wal",
                "synchronous": 1,
                "foreign_keys": 1,
                "busy_timeout": 7000,
                "query_only": query_only,
            }


def test_the_read_engine_refuses_to_write(catalog: Catalog) -> None:
    catalog.ensure_run("run-a")
    with pytest.raises(CatalogError, match=r"read-?only"), catalog._reading() as connection:
        connection.exec_driver_sql("DELETE FROM runs")
    assert len(catalog.list_runs()) == 1


def test_a_read_only_catalog_reads_and_refuses_changes(new_url: Callable[[], str]) -> None:
    url = new_url()
    with Catalog(url) as catalog:
        commit(catalog, [episode(0)])
    with Catalog(url, read_only=True) as reader:
        assert reader.read_only
        assert reader.get_run("run-a").n_episodes == 1
        with pytest.raises(UsageError, match="read_only"):
            commit(reader, [episode(1)])


def test_a_read_only_catalog_makes_no_file_and_no_tables(new_url: Callable[[], str], tmp_path: Path) -> None:
    url = new_url()
    with pytest.raises(CatalogError, match="no catalog here yet"):
        Catalog(url, read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_sees_one_consistent_snapshot(catalog: Catalog) -> None:
    catalog.ensure_run("run-a")
    with catalog._reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM runs").scalar() == 1
        catalog.ensure_run("run-b")
        assert connection.exec_driver_sql("SELECT count(*) FROM runs").scalar() == 1


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_catalog_works_in_parent_and_child_after_a_fork(new_url: Callable[[], str]) -> None:
    with Catalog(new_url()) as catalog:
        commit(catalog, [episode(0)])
        child = os.fork()
        if child == 0:
            status = 1
            try:
                commit(catalog, [episode(1)])
                status = 0 if catalog.get_run("run-a").n_episodes == 2 else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        commit(catalog, [episode(2)])
        assert catalog.get_run("run-a").n_episodes == 3


def test_an_in_memory_catalog_serves_threads_and_refuses_forks() -> None:
    with Catalog("sqlite://") as catalog:
        threads = [threading.Thread(target=catalog.ensure_run, args=(f"run-{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(catalog.list_runs()) == 8
        child = os.fork()
        if child == 0:
            status = 1
            try:
                catalog.list_runs()
            except CatalogUnavailableError:
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_catalog_can_be_used_again_after_close(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.db")
    catalog.ensure_run("run-a")
    catalog.close()
    assert len(catalog.list_runs()) == 1
    catalog.close()


def test_open_takes_a_catalog_a_path_or_a_url(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "a.db") as catalog, Catalog.open(f"sqlite:///{tmp_path / 'a.db'}") as other:
        assert Catalog.open(catalog) is catalog
        catalog.ensure_run("run-a")
        assert len(other.list_runs()) == 1


@pytest.mark.parametrize("name", ["a b.db", "100%41.db", "what?.db", "a#b.db", "ü;x.db", "run=1&x.db"])
def test_paths_are_used_unchanged(tmp_path: Path, name: str) -> None:
    with Catalog(tmp_path / name) as catalog:
        catalog.ensure_run("run-a")
        assert (tmp_path / name).is_file()
    with Catalog(str(tmp_path / name), read_only=True) as catalog:
        assert len(catalog.list_runs()) == 1


def test_a_missing_folder_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"folder does not exist.*/nowhere"):
        Catalog(tmp_path / "nowhere" / "catalog.db")


@pytest.mark.parametrize("url", ["mysql://me:secret@host/db", "http://x", "postgresql://host:port/db"])
def test_a_url_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Catalog(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
def test_an_unreachable_database_is_reported_without_its_password(scheme: str) -> None:
    with pytest.raises(CatalogUnavailableError) as caught:
        Catalog(f"{scheme}://me:secret@127.0.0.1:1/db", busy_timeout_secs=1)
    assert "secret" not in str(caught.value)
    assert "postgresql+psycopg://me:***@127.0.0.1:1/db" in str(caught.value)


@pytest.mark.postgres
def test_a_row_lock_timeout_is_a_retryable_error(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    with Catalog(url) as catalog, psycopg.connect(url.replace("+psycopg", "")) as other:
        catalog.ensure_run("run-a")
        other.execute("SELECT * FROM runs FOR UPDATE")
        with pytest.raises(CatalogUnavailableError, match="try again"), catalog._writing() as connection:
            connection.execute(text("SELECT * FROM runs FOR UPDATE NOWAIT"))


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    path.write_bytes(pickle.dumps(list(range(1000))))
    with pytest.raises(CatalogError, match=r"not a catalog \(file is not a database\): sqlite:///"):
        Catalog(path)


_MOUNTS = """\
overlay / overlay rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb /home/fast\\040disk ext4 rw 0 0
me@host: /mnt/ssh fuse.sshfs rw 0 0
lustre /scratch lustre rw 0 0
broken
/dev/sdc /scratch ext4 rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/tmp/x.db", "overlay"),
        ("/home/me/x.db", "nfs4"),
        ("/homes/x.db", "overlay"),
        ("/home/fast disk/x.db", "ext4"),
        ("/mnt/ssh/deep/er/x.db", "fuse.sshfs"),
        ("/scratch/x.db", "ext4"),
    ],
)
def test_the_innermost_latest_mount_gives_a_paths_file_system(path: str, expected: str) -> None:
    assert filesystem_of(Path(path), _MOUNTS) == expected


@pytest.mark.parametrize("filesystem", ["nfs", "cifs", "lustre", "gpfs", "fuse.sshfs"])
def test_a_network_file_system_is_refused_with_advice(tmp_path: Path, filesystem: str) -> None:
    assert filesystem in NETWORK_FILESYSTEMS
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path} {filesystem} rw 0 0\n")
    with pytest.raises(CatalogError, match=rf"\({filesystem}\): put it on a local disk.*PostgreSQL"):
        Catalog(tmp_path / "catalog.db", mounts_file=mounts)
    assert not (tmp_path / "catalog.db").exists()


_IN_OWN_MOUNTS = ["unshare", "--map-root-user", "--mount"]


def _can_mount() -> bool:
    """Whether this user may make mounts; containers often forbid it."""
    return shutil.which("unshare") is not None and not subprocess.run([*_IN_OWN_MOUNTS, "true"], check=False).returncode


needs_mounts = pytest.mark.skipif(not _can_mount(), reason="a read-only mount can't be made here")

_READ_ARCHIVE = """
import sys
from recorder.catalog import Catalog, EpisodeRow
from recorder.errors import CatalogError
with Catalog(sys.argv[1], read_only=True) as catalog:
    print("runs", len(catalog.list_runs()))
with Catalog(sys.argv[1]) as catalog:
    try:
        catalog.ensure_run("another")
    except CatalogError as error:
        print(type(error).__name__, error)
"""


def _read_archive(folder: Path) -> str:
    """The output of a program that opens the catalog on a read-only mount."""
    place = folder.with_name("archive, 50%?#")
    place.mkdir()
    script = 'mount --bind -o ro "$0" "$1" && exec "$2" -c "$3" "$1/catalog.db"'
    command = [*_IN_OWN_MOUNTS, "sh", "-c", script, str(folder), str(place), sys.executable, _READ_ARCHIVE]
    program = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_SECS, check=False)
    return program.stdout + program.stderr


def test_a_broken_catalogs_error_explains_how_to_rebuild_it(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with Catalog(path) as catalog:
        commit(catalog, [episode(episode_id) for episode_id in range(100)])
    data = path.read_bytes()
    path.write_bytes(data[:8192] + b"\xff" * (len(data) - 8192))
    with pytest.raises(
        CatalogError, match=r"damaged \(.*malformed\): move it away, and rebuild it .*reindex': sqlite:"
    ):
        Catalog(path, read_only=True).list_runs()


@needs_mounts
def test_a_catalog_on_a_read_only_mount_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    with Catalog(folder / "catalog.db") as catalog:
        commit(catalog, [episode(0)])
    said = _read_archive(folder)
    assert "runs 1\n" in said
    assert "CatalogError the catalog can't be written by this user: sqlite:///" in said


@needs_mounts
def test_a_catalog_with_an_unmerged_log_on_a_read_only_mount_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    with Catalog(folder / "catalog.db") as catalog:
        commit(catalog, [episode(0)])
        assert "read-only file system, but its write-ahead log has changes" in _read_archive(folder)


@contextmanager
def _of_another_user(folder: Path) -> Iterator[None]:
    """As a folder looks that belongs to someone else."""
    paths = [folder, *folder.iterdir()]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)


def _read_as_another(folder: Path) -> str:
    command = [*AS_AN_ORDINARY_USER, sys.executable, "-c", _READ_ARCHIVE, str(folder / "catalog.db")]
    program = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_SECS, check=False)
    return program.stdout + program.stderr


@needs_permissions
@pytest.mark.parametrize("is_open", [False, True], ids=["nobody has it open", "its owner has it open"])
def test_a_catalog_of_another_user_is_opened_read_only(tmp_path: Path, is_open: bool) -> None:
    folder = tmp_path / "of another, 50%?#"
    folder.mkdir()
    with Catalog(folder / "catalog.db") as catalog:
        commit(catalog, [episode(0)])
        catalog.ensure_run("run-b")
        if not is_open:
            catalog.close()
        assert (folder / "catalog.db-wal").exists() is is_open
        with _of_another_user(folder):
            said = _read_as_another(folder)
    assert said.startswith("runs 2\nCatalogError the catalog can't be written by this user: sqlite:///")


def test_without_a_mount_table_nothing_is_refused(tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog.db", mounts_file=tmp_path / "missing") as catalog:
        commit(catalog, [episode(0)], at=NOW)
