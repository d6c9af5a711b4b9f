"""Folders with more files than fit into memory: their names are on disk, and reports name the first of them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from recorder.catalog import Catalog
from recorder.recordings import reindex_report
from recorder.recordings.name_set import NameSet
from recorder.recordings.reindex import recording_names, reindex
from recorder.storage import LocalStorage
from tests.command_line import Call
from tests.commands.conftest import N_RECORDINGS, root_catalog


def test_names_come_back_sorted_and_once() -> None:
    names = [f"run/episode_{index:06d}.msgpack" for index in range(2500)]
    names += ["\udcff/episode_1.msgpack", "ä/episode_1.msgpack", "run/episode_000001_play2.msgpack.lz4"]
    shuffled = random.Random(1).sample(names, len(names))
    with NameSet([*shuffled, *shuffled]) as held:
        assert list(held) == sorted(names, key=lambda name: name.encode("utf-8", "surrogateescape"))
        assert len(held) == len(names)
        assert names[7] in held
        assert "other" not in held
        assert None not in held


def test_names_are_added_while_others_are_read() -> None:
    with NameSet() as held:
        assert not held
        held.add("b")
        for name in held:
            held.add(f"a{name}")
        assert list(held) == ["ab", "b"]
        assert held


def test_the_plays_of_an_episode_are_adjacent(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    names = ["a/episode_000001.msgpack.lz4", "a/episode_000001_play2.msgpack.lz4", "a/episode_000002.msgpack.lz4"]
    storage.write_all(dict.fromkeys([*names, "b/episode_000001.msgpack", "episode_000007.msgpack"], b"x"))
    (tmp_path / "a" / "notes.txt").write_text("no recording")
    (tmp_path / "link").symlink_to(tmp_path / "b")
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    with recording_names(storage) as found:
        assert list(found) == [
            *names, "b/episode_000001.msgpack", "episode_000007.msgpack", "link/episode_000001.msgpack",
        ]  # fmt: skip
    with recording_names(storage, "a") as found:
        assert list(found) == [*names, "episode_000007.msgpack"]
    assert list(LocalStorage(tmp_path / "missing").names()) == []


def test_reports_name_the_first_files_and_count_all(
    call: Call, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reindex_report, "MAX_NAMED", 1)
    answer = call("reindex", "--recordings", recordings, "--json")  # its files are no recordings
    assert (answer.document["n_unreadable"], len(answer.document["unreadable"])) == (N_RECORDINGS, 1)
    assert "4 files can't be read; the first 1" in call("reindex", "--recordings", recordings).out
    with Catalog(root_catalog(recordings)) as catalog:
        report = reindex(LocalStorage(tmp_path / "elsewhere"), catalog, [])
    assert (report.n_missing, len(report.missing)) == (N_RECORDINGS, 1)
    answer = call("reindex", "--database", root_catalog(recordings), "--recordings", tmp_path / "elsewhere")
    assert "4 recordings in the catalog without a file" in answer.out
    assert "; the first 1" in answer.out
