"""Files and folders that are not what they should be cost themselves, and nothing beside them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recorder.catalog import Catalog
from recorder.errors import StorageError
from recorder.recordings.reindex import recording_names, reindex
from recorder.storage import LocalStorage, episode_path
from tests.ingest.rig import RUN, Rig, work
from tests.ingest.trainer import Trainer


def test_a_path_that_is_taken_stops_no_other_episode(rig: Rig, trainer: Trainer) -> None:
    (rig.folder / episode_path(RUN, 2) / "full").mkdir(parents=True)
    for episode_id in range(5):
        trainer.play(episode_id)
    work(rig.worker())
    assert rig.recorded_ids() == [0, 1, 3, 4]
    assert rig.row(2).attempts == 0


def test_a_full_disk_is_tried_only_a_few_times(rig: Rig, trainer: Trainer) -> None:
    class FullDisk(LocalStorage):
        n_calls = 0

        def write_all(self, files: object) -> None:
            FullDisk.n_calls += 1
            raise StorageError("no room")

    for episode_id in range(20):
        trainer.play(episode_id)
    work(rig.worker(storage=FullDisk(rig.folder)))
    assert rig.recorded_ids() == []
    assert FullDisk.n_calls < 10
    assert {rig.row(episode_id).attempts for episode_id in range(20)} == {0}


def test_reindex_names_odd_files_and_imports_the_others(rig: Rig, trainer: Trainer, tmp_path: Path) -> None:
    for episode_id in range(2):
        trainer.play(episode_id)
    work(rig.worker())
    whole = (rig.folder / episode_path(RUN, 0)).read_bytes()
    odd = rig.folder / "odd"
    odd.mkdir()
    (odd / "episode_000001.msgpack.lz4").mkdir()
    os.mkfifo(odd / "episode_000002.msgpack.lz4")
    (odd / "episode_000003.msgpack.lz4").symlink_to("episode_000003.msgpack.lz4")
    (odd / "episode_000004.msgpack.lz4").symlink_to("/nowhere")
    (odd / "episode_000005.msgpack.lz4").write_bytes(b"")
    Path(os.fsdecode(os.fsencode(odd) + b"/episode_\xff.msgpack.lz4")).write_bytes(whole)
    with Catalog(tmp_path / "new.db") as catalog:
        storage = LocalStorage(rig.folder)
        report = reindex(storage, catalog, recording_names(storage))
        assert [row.episode_id for row in catalog.iterate_recordings()] == [0, 1]
    assert len(report.unreadable) == 6
    assert any("name is not valid UTF-8" in why for why in report.unreadable.values())


def test_an_unfinished_file_that_cannot_be_deleted_stops_no_sweep(tmp_path: Path) -> None:
    (tmp_path / "run" / ".episode_1.aaaaaaaaaaaa" / "full").mkdir(parents=True)
    (tmp_path / "run" / ".episode_2.aaaaaaaaaaaa").write_bytes(b"x")
    (tmp_path / "run" / ".episode_3.aaaaaaaaaaaa").symlink_to("/nowhere")
    with pytest.raises(StorageError, match="can't delete 1 unfinished file"):
        LocalStorage(tmp_path).delete_unfinished(older_than_secs=-5.0)
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".episode_1.aaaaaaaaaaaa"]
