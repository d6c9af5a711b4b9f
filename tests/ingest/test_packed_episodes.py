"""Short episodes that are written together share a file, whatever happens to the worker that writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from recorder.catalog import Catalog
from recorder.episode import EpisodeStatus
from recorder.recordings.file_reader import FileReader
from recorder.recordings.verify import verify_recording
from recorder.step_stream import MemoryStepStream, RedisStepStream
from recorder.storage import LocalStorage, split_packed
from tests.episodes import make_columns
from tests.ingest.dying import run_until_killed
from tests.ingest.rig import KEEP_ALL, RUN, Rig, work, write_all
from tests.ingest.test_replaced_plays import resume
from tests.ingest.test_write import FullDisk
from tests.ingest.trainer import Trainer
from worker.ingest import claim, evaluate_run, write_episodes

N = 20


@pytest.fixture
def stream() -> MemoryStepStream:
    return MemoryStepStream()


@pytest.fixture
def redis_rig(redis_url: str, folder: Path) -> Iterator[Rig]:
    """With a stream that another process can read."""
    stream = RedisStepStream(redis_url)
    with Catalog(folder / "catalog.db") as catalog:
        yield Rig(stream, catalog, folder)
    stream.close()


def play_all(trainer: Trainer) -> None:
    for episode_id in range(N):
        trainer.play(episode_id, n_steps=3, seed=episode_id)


def assert_whole(rig: Rig) -> None:
    """All episodes are recorded, each once, and nothing else is stored."""
    assert rig.recorded_ids() == list(range(N))
    files = FileReader(LocalStorage(rig.folder))
    rows = [rig.catalog.get_recording(RUN, episode_id) for episode_id in range(N)]
    for row in rows:
        assert verify_recording(files, row).problems == ()
        expected = make_columns(3, seed=row.episode_id)["q_values"]
        np.testing.assert_array_equal(rig.episode(row.episode_id).column("q_values"), expected)
    used = {(split_packed(row.file_path) or (row.file_path,))[0] for row in rows}
    assert set(rig.files()) == used
    assert rig.stream.episodes_held(RUN) == []
    stored = LocalStorage(rig.folder)
    assert sum(len(stored.packed_names(name)) for name in used if ".pack." in name) == sum(
        split_packed(row.file_path) is not None for row in rows
    )


def test_short_episodes_share_a_file_and_others_have_one_each(rig: Rig, trainer: Trainer) -> None:
    play_all(trainer)
    trainer.play(N, n_steps=3, status=EpisodeStatus.SALVAGED)
    context = rig.worker()
    evaluate_run(context, RUN)
    assert write_all(context) == N + 1
    names = [rig.catalog.get_recording(RUN, episode_id).file_path for episode_id in range(N + 1)]
    assert len({split_packed(name)[0] for name in names[:N]}) == 1  # type: ignore[index]
    assert names[N] == f"{RUN}/episode_{N:06d}.msgpack.lz4"
    assert len(rig.files()) == 2


@pytest.mark.parametrize(
    "limits",
    [{"pack_below_bytes": 0}, {"pack_below_bytes": 1000}, {"compression": "none"}, {"format": 1}],
    ids=["off", "too large", "uncompressed", "version 1"],
)
def test_episodes_that_are_not_to_be_packed_have_a_file_each(
    rig: Rig, trainer: Trainer, limits: dict[str, object]
) -> None:
    play_all(trainer)
    work(rig.worker(**limits))
    assert len(rig.files()) == N
    assert_whole(rig)


def test_an_episode_with_much_metadata_has_a_file_and_many_episodes_several_packs(rig: Rig, trainer: Trainer) -> None:
    for episode_id in range(600):
        trainer.play(episode_id, n_steps=1, chunk_steps=1, seed=1, manual=["x" * 100_000] if episode_id == 7 else [])
    context = rig.worker(write_batch_episodes=1000)
    evaluate_run(context, RUN)
    ids = [row.episode_id for row in claim(context, RUN, limit=1000)]
    assert write_episodes(context, RUN, ids).n_written == 600
    packs = [name for name in rig.files() if ".pack." in name]
    stored = LocalStorage(rig.folder)
    assert sorted(len(stored.packed_names(pack)) for pack in packs) == [87, 128, 128, 128, 128]
    assert [name for name in rig.files() if ".pack." not in name] == [f"{RUN}/episode_000007.msgpack.lz4"]


def test_few_short_episodes_have_a_file_each(rig: Rig, trainer: Trainer) -> None:
    for episode_id in range(15):
        trainer.play(episode_id, n_steps=3)
    work(rig.worker())
    assert len(rig.files()) == 15


def test_packed_episodes_wait_for_room_on_a_full_disk(rig: Rig, trainer: Trainer) -> None:
    storage = FullDisk(rig.folder)
    context = rig.worker(storage=storage)
    play_all(trainer)
    evaluate_run(context, RUN)
    assert write_all(context) == 0
    assert {(rig.row(i).attempts, rig.row(i).parked) for i in range(N)} == {(0, False)}
    storage.is_full = False
    rig.late_secs += 10
    assert write_all(context) == N
    assert len(rig.files()) == 1
    assert_whole(rig)


@pytest.mark.parametrize(
    ("stage", "moment"), [("rename", "before"), ("rename", "after"), ("commit", "after"), ("drop", "after")]
)
def test_a_worker_killed_while_it_packs_leaves_each_episode_once_and_whole(
    redis_url: str, redis_rig: Rig, stage: str, moment: str
) -> None:
    rig = redis_rig
    play_all(Trainer(rig.stream, RUN))
    assert run_until_killed(redis_url, str(rig.folder), KEEP_ALL, stage, moment) == -9
    heir = rig.worker()
    work(heir)
    rig.late_secs = 61
    work(heir)
    for unfinished in rig.folder.glob("*/.episode_*"):
        assert (stage, moment) == ("rename", "before")
        unfinished.unlink()  # the sweep does it after an hour
    assert_whole(rig)


class SlowPacker(LocalStorage):
    """Another worker writes the same episodes one by one, after this one's lease, while this one stores its pack."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig.folder)
        self._rig: Rig | None = rig

    def write_all(self, files: Mapping[str, bytes]) -> None:
        rig, self._rig = self._rig, None
        super().write_all(files)
        if rig is not None:
            rig.late_secs = 61
            assert write_all(rig.worker()) == N


def test_a_pack_that_comes_too_late_leaves_nothing(rig_on_either_database: Rig) -> None:
    rig = rig_on_either_database
    play_all(Trainer(rig.stream, RUN))
    slow = rig.worker(storage=SlowPacker(rig))
    evaluate_run(slow, RUN)
    ids = [row.episode_id for row in claim(slow, RUN, limit=100)]
    assert write_episodes(slow, RUN, ids).n_written == 0
    assert len(rig.files()) == N
    assert_whole(rig)


@pytest.mark.parametrize("is_killed", [False, True], ids=["at once", "by the sweep"])
def test_a_later_play_replaces_one_in_a_pack(rig: Rig, trainer: Trainer, is_killed: bool) -> None:
    play_all(trainer)
    work(rig.worker())
    (pack,) = rig.files()
    resume(rig).play(7, n_steps=3, seed=7)

    class Killed(LocalStorage):
        def delete_all(self, names: object) -> int:
            return 0

    evaluate_run(rig.worker(storage=Killed(rig.folder) if is_killed else None), RUN)
    work(rig.worker())
    assert set(rig.files()) == {pack, f"{RUN}/episode_000007_play2.msgpack.lz4"}
    assert_whole(rig)
