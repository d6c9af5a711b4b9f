"""Names of recordings: any run id, below the root, never the same for two."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.storage import LocalStorage, episode_path

NASTY = [
    "",
    ".",
    "..",
    "...",
    " ",
    "../x",
    "a/b",
    "a\\b",
    "/etc",
    "C:\\x",
    "~",
    ".hidden",
    "ends.",
    "ends ",
    "nul\0",
    "%",
    "%2E",
    "%2E%2E",
    "a%2Fb",
    "new\nline",
    "ü/→",
    "\ud800",
    "a" * 1000,
    "a" * 1001,
    "%" * 100,
    "→" * 100,
]


@pytest.mark.parametrize("run_id", NASTY)
def test_a_hostile_run_id_stays_below_the_root_and_round_trips(run_id: str, tmp_path: Path) -> None:
    root = tmp_path / "deep" / "root"
    storage = LocalStorage(root)
    name = episode_path(run_id, 7)
    storage.write_all({name: b"data"})
    assert storage.read(name, max_bytes=9) == b"data"
    assert list(storage.names()) == [name]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [root / name]
    folder = files[0].parent
    assert folder.parent == root
    assert folder.name[0] not in ". "
    assert folder.name[-1] not in ". "


def test_no_two_hostile_run_ids_share_a_folder() -> None:
    assert len({episode_path(run_id, 0) for run_id in NASTY}) == len(NASTY)


@given(st.text(), st.text())
def test_run_ids_share_a_folder_only_when_they_are_the_same(one: str, other: str) -> None:
    assert (episode_path(one, 0) == episode_path(other, 0)) == (one == other)


@given(st.text(), st.integers(0, 2**63))
def test_a_path_is_valid_on_any_file_system(run_id: str, episode_id: int) -> None:
    parts = PurePosixPath(episode_path(run_id, episode_id)).parts
    assert len(parts) == 2
    for part in parts:
        assert 0 < len(part.encode()) <= 255
        assert part.isascii()
        assert part.isprintable()
        assert not set(part) & set('/\\:*?"<>|\0')
        assert part[0] not in ". "
        assert part[-1] not in ". "


def test_file_names_are_those_of_the_original_protocol() -> None:
    assert episode_path("my-run", 500) == "my-run/episode_000500.msgpack.lz4"
    assert episode_path("my-run", 12_345_678, compression="none") == "my-run/episode_12345678.msgpack"
    assert episode_path("my run_1.5", 0).startswith("my run_1.5/")
