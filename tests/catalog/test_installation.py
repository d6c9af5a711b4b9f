"""What a catalog is called: it keeps its name where it is moved, and a copy gets another."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from recorder.catalog import Catalog
from recorder.installation import Installation, Place, was_copied
from tests.postgres_server import PostgresServer


def joined(path: Path) -> str:
    with Catalog(path) as catalog:
        return catalog.join_installation().installation_id


def test_the_first_worker_gives_a_catalog_its_id(new_url: Callable[[], str]) -> None:
    url = new_url()
    with Catalog(url) as catalog:
        assert catalog.installation().installation_id == ""
        ours = catalog.join_installation()
        assert ours.installation_id
        assert catalog.join_installation() == catalog.installation() == ours
    with Catalog(url, read_only=True) as catalog:
        assert catalog.installation() == ours


def test_concurrent_workers_agree_on_one_id(new_url: Callable[[], str]) -> None:
    url = new_url()
    Catalog(url).close()

    def join(_: int) -> str:
        with Catalog(url) as catalog:
            return catalog.join_installation().installation_id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(join, range(4)))) == 1


def test_another_catalog_has_another_id(new_url: Callable[[], str]) -> None:
    with Catalog(new_url()) as one, Catalog(new_url()) as other:
        assert one.join_installation().differs_from(other.join_installation())


def test_a_moved_catalog_keeps_its_id(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    name = joined(tmp_path / "recordings" / "catalog.db")
    (tmp_path / "recordings").rename(tmp_path / "exp1")
    assert joined(tmp_path / "exp1" / "catalog.db") == name


def test_a_catalog_restored_from_a_backup_keeps_its_id(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    name = joined(path)
    shutil.copy(path, tmp_path / "backup.db")
    path.unlink()
    (tmp_path / "something").touch()  # takes the inode, perhaps
    (tmp_path / "backup.db").rename(path)
    assert joined(path) == name


def test_a_copied_catalog_has_no_id_until_a_worker_gives_it_a_new_one(tmp_path: Path) -> None:
    path, copy = tmp_path / "catalog.db", tmp_path / "copy.db"
    name = joined(path)
    shutil.copy(path, copy)
    with Catalog(copy, read_only=True) as catalog:
        assert catalog.installation().installation_id == ""
    assert joined(copy) not in ("", name)
    assert joined(copy) == joined(copy)
    assert joined(path) == name


def test_a_catalog_reached_by_another_path_has_the_same_id(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    name = joined(tmp_path / "recordings" / "catalog.db")
    (tmp_path / "link").symlink_to("recordings")
    assert joined(tmp_path / "link" / "catalog.db") == name


def test_path_and_inode_distinguish_a_copy_from_a_moved_file(
    tmp_path: Path,
) -> None:
    here = tmp_path / "here"
    here.touch()
    now = Place.of(here)
    assert not was_copied(Place("/gone/from/here", now.number), now)
    assert was_copied(Place("/gone/from/here", now.number + 1), now)
    assert not was_copied(Place(now.path, now.number + 1), now)


def test_a_copy_has_another_id_on_another_machine_and_a_container_started_again_has_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "catalog.db"
    name = joined(path)
    monkeypatch.setattr("socket.gethostname", lambda: "started-again")
    assert joined(path) == name, "the same file, so the same volume"
    shutil.copy(path, tmp_path / "copy.db")
    path.rename(tmp_path / "stays.db")  # keeps its inode
    (tmp_path / "copy.db").rename(path)
    monkeypatch.setattr("socket.gethostname", lambda: "another-machine")
    with Catalog(path, read_only=True) as catalog:
        assert catalog.installation().installation_id == ""
    assert joined(path) not in ("", name)


@pytest.mark.postgres
def test_two_machines_with_a_database_at_localhost_have_two_installations(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Catalog(postgres.new_database()) as catalog:
        here = catalog.join_installation()
        assert here.catalog.endswith(f" on {socket.gethostname()}")
        monkeypatch.setattr("socket.gethostname", lambda: "another-machine")
        there = Installation("another id", catalog.installation().catalog)
    assert there.catalog.endswith(" on another-machine")
    assert here.differs_from(there)
    assert there.differs_from(here)
