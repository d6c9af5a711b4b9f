"""What a catalog is called: it keeps its name where it is moved, and a copy gets another."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from recorder.catalog import Catalog
from recorder.installation import Place, was_copied


def joined(path: Path) -> str:
    with Catalog(path) as catalog:
        return catalog.join_installation().installation_id


def test_a_catalog_is_called_what_its_first_worker_called_it(new_url: Callable[[], str]) -> None:
    url = new_url()
    with Catalog(url) as catalog:
        assert catalog.installation().installation_id == ""
        ours = catalog.join_installation()
        assert ours.installation_id
        assert catalog.join_installation() == catalog.installation() == ours
    with Catalog(url, read_only=True) as catalog:
        assert catalog.installation() == ours


def test_workers_that_come_at_once_agree(new_url: Callable[[], str]) -> None:
    url = new_url()
    Catalog(url).close()

    def join(_: int) -> str:
        with Catalog(url) as catalog:
            return catalog.join_installation().installation_id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(join, range(4)))) == 1


def test_another_catalog_is_called_otherwise(new_url: Callable[[], str]) -> None:
    with Catalog(new_url()) as one, Catalog(new_url()) as other:
        assert one.join_installation().is_another_than(other.join_installation())


def test_a_catalog_that_was_moved_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    name = joined(tmp_path / "recordings" / "catalog.db")
    (tmp_path / "recordings").rename(tmp_path / "exp1")
    assert joined(tmp_path / "exp1" / "catalog.db") == name


def test_a_catalog_that_was_put_back_from_a_copy_keeps_its_name(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    name = joined(path)
    shutil.copy(path, tmp_path / "backup.db")
    path.unlink()
    (tmp_path / "something").touch()  # takes the inode, perhaps
    (tmp_path / "backup.db").rename(path)
    assert joined(path) == name


def test_a_copy_has_no_name_until_a_worker_gives_it_one_of_its_own(tmp_path: Path) -> None:
    path, copy = tmp_path / "catalog.db", tmp_path / "copy.db"
    name = joined(path)
    shutil.copy(path, copy)
    with Catalog(copy, read_only=True) as catalog:
        assert catalog.installation().installation_id == ""
    assert joined(copy) not in ("", name)
    assert joined(copy) == joined(copy)
    assert joined(path) == name


def test_a_catalog_that_is_reached_by_another_path_is_the_same_one(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    name = joined(tmp_path / "recordings" / "catalog.db")
    (tmp_path / "link").symlink_to("recordings")
    assert joined(tmp_path / "link" / "catalog.db") == name


def test_a_file_of_another_file_system_with_the_same_number_is_a_copy_only_while_the_first_is_there(
    tmp_path: Path,
) -> None:
    here = tmp_path / "here"
    here.touch()
    now = Place.of(here)
    assert not was_copied(Place("/gone/from/here", now.number), now)
    assert was_copied(Place("/gone/from/here", now.number + 1), now)
    assert not was_copied(Place(now.path, now.number + 1), now)
