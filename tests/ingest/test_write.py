"""Writing: what is in the file, what a full disk and a server that is away cost, attempts, parking."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from recorder.episode import Gap
from recorder.errors import StorageError, StreamUnavailableError
from recorder.step_stream import Flush, MemoryStepStream, Play, StreamEntry
from recorder.storage import LocalStorage
from tests.episodes import make_columns
from tests.ingest.rig import RUN, Rig, work, write_all
from tests.ingest.trainer import Trainer, play_id_of
from worker.ingest import evaluate_run, write_batches, write_episodes


def test_small_chunks_of_a_slow_trainer_are_joined(rig: Rig, trainer: Trainer) -> None:
    trainer.play(1, n_steps=300, chunk_steps=4, seed=1)
    trainer.play(2, n_steps=300, chunk_steps=4, seed=1, lost_chunks=[37])
    work(rig.worker(compact_below_steps=64))
    assert [(ref.first_step, ref.n_steps) for ref in rig.episode(1).chunks] == [(0, 256), (256, 44)]
    assert [(ref.first_step, ref.n_steps) for ref in rig.episode(2).chunks] == [(0, 148), (152, 148)]
    for name, values in make_columns(300, seed=1).items():
        np.testing.assert_array_equal(rig.episode(1).column(name), values)
    assert rig.episode(2).gaps == (Gap(148, 152, "lost"),)


@pytest.mark.parametrize("lost", [[0], [1], [2], [1, 2], [0, 1, 2]], ids=str)
def test_chunks_that_redis_lost_are_marked_as_gaps(rig: Rig, trainer: Trainer, lost: list[int]) -> None:
    trainer.play(1, n_steps=30, chunk_steps=10, lost_chunks=lost)
    work(rig.worker())
    episode = rig.episode(1)
    missing = sorted(set(range(30)) - set(episode.step_numbers.tolist()))
    assert missing == [step for n in lost for step in range(10 * n, 10 * n + 10)]
    assert [step for gap in episode.gaps for step in range(gap.first_step, gap.end_step or 0)] == missing


@pytest.mark.parametrize("file_format", [1, 2])
@pytest.mark.parametrize(("compression", "suffix"), [("lz4", ".lz4"), ("zstd", ".zst"), ("none", ".msgpack")])
def test_every_format_and_compression_can_be_written(
    rig: Rig, trainer: Trainer, file_format: int, compression: str, suffix: str
) -> None:
    trainer.play(1, seed=3)
    work(rig.worker(format=file_format, compression=compression))
    episode = rig.episode(1)
    assert episode.version == file_format
    np.testing.assert_array_equal(episode.column("meters"), make_columns(30, seed=3)["meters"])
    row = rig.catalog.get_recording(RUN, 1)
    assert row.format_version == file_format
    assert row.file_path.endswith(suffix)
    assert episode.compression == compression
    assert row.compressed_size_bytes == (rig.folder / row.file_path).stat().st_size


def test_an_episode_without_steps_is_written(rig: Rig, trainer: Trainer) -> None:
    trainer.play(1, n_steps=0)
    work(rig.worker())
    assert rig.episode(1).n_steps == 0
    assert rig.episode(1).gaps == ()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB where we may mount one, else a plain folder."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], check=False, capture_output=True
        ).returncode
    )
    yield place
    if mounted:
        subprocess.run(["umount", place], check=True)


def fill(place: Path) -> Path:
    """Leave no room, and give the file whose removal makes some."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return ballast


class FullDisk(LocalStorage):
    """A full store until a test makes room, if no small disk can be mounted."""

    is_full = True

    def write_all(self, files: Mapping[str, bytes]) -> None:
        if self.is_full:
            raise StorageError("can't write recordings (No space left on device)")
        super().write_all(files)


def test_episodes_wait_for_room_on_a_full_disk_and_are_then_written(
    rig: Rig, trainer: Trainer, small_disk: Path
) -> None:
    is_real = os.path.ismount(small_disk)
    storage = LocalStorage(small_disk) if is_real else FullDisk(small_disk)
    ballast = fill(small_disk) if is_real else small_disk
    context = rig.worker(storage=storage)
    for episode_id in range(4):
        trainer.play(episode_id)
    evaluate_run(context, RUN)
    for _ in range(context.limits.max_attempts + 2):
        assert write_all(context) == 0
        rig.late_secs += 10
    assert list(small_disk.glob("*/*")) == []
    assert rig.recorded_ids() == []
    assert [(rig.row(i).attempts, rig.row(i).parked) for i in range(4)] == [(0, False)] * 4
    assert "No space left on device" in (rig.row(0).error or "")
    if isinstance(storage, FullDisk):
        storage.is_full = False
    else:
        ballast.unlink()
    assert write_all(context) == 4
    assert rig.recorded_ids() == [0, 1, 2, 3]
    assert rig.row(0).error is None
    assert len(list(small_disk.glob("*/*"))) == 4


class AwayStream(MemoryStepStream):
    """A server that can't be reached when steps are read."""

    is_away = True

    def read_plays(self, run_id: str, plays: object) -> list[list[StreamEntry]]:
        if self.is_away:
            raise StreamUnavailableError("away")
        return super().read_plays(run_id, plays)  # type: ignore[arg-type]


def test_an_unreachable_redis_uses_up_no_attempts(rig: Rig) -> None:
    stream = AwayStream()
    Trainer(stream, RUN).play(1)
    context = rig.worker(stream=stream)
    evaluate_run(context, RUN)
    for _ in range(context.limits.max_attempts + 2):
        with pytest.raises(StreamUnavailableError):
            write_all(context)
        rig.late_secs += 10
    assert (rig.row(1).attempts, rig.row(1).parked) == (0, False)
    stream.is_away = False
    assert write_all(context) == 1


def test_an_episode_that_cannot_be_written_is_parked_after_three_attempts(rig: Rig, trainer: Trainer) -> None:
    flush = trainer.play(1)
    trainer.play(2)
    context = rig.worker()
    evaluate_run(context, RUN)
    rig.stream.drop_plays(RUN, [Play(1, play_id_of(flush))])
    for _ in range(5):
        work(context)
        rig.late_secs += 10
    assert rig.recorded_ids() == [2]
    parked = list(rig.catalog.iterate_parked())
    assert [(row.episode_id, row.attempts) for row in parked] == [(1, 3)]
    assert "steps are no longer in Redis" in (parked[0].error or "")
    rig.stream.send(RUN, Flush(entries=flush.entries))
    work(context)
    assert rig.recorded_ids() == [2]
    assert rig.catalog.retry_parked(RUN) == 1
    work(context)
    assert rig.recorded_ids() == [1, 2]


def test_workers_that_die_use_up_attempts(rig: Rig, trainer: Trainer) -> None:
    trainer.play(1)
    context = rig.worker()
    evaluate_run(context, RUN)
    for _ in range(3):
        assert len(rig.catalog.start_write(RUN, [1], now=context.now(), lease_secs=60.0)) == 1
        rig.late_secs += 61
    assert write_all(context) == 0
    assert [row.episode_id for row in list(rig.catalog.iterate_parked())] == [1]


def test_an_episode_with_a_failed_attempt_is_written_alone(rig: Rig, trainer: Trainer) -> None:
    for episode_id in range(4):
        trainer.play(episode_id)
    context = rig.worker()
    evaluate_run(context, RUN)
    rig.catalog.start_write(RUN, [1, 2], now=context.now(), lease_secs=0.0)
    rows = rig.catalog.claim_writes(now=context.now(), lease_secs=60.0, limit=100)
    assert write_batches(rows, 32) == [[0, 3], [1], [2]]


def test_a_write_task_delivered_twice_changes_nothing(rig: Rig, trainer: Trainer) -> None:
    trainer.play(1)
    one, other = rig.worker(), rig.worker()
    evaluate_run(one, RUN)
    assert write_episodes(one, RUN, [1]).n_written == 1
    before = (rig.catalog.get_recording(RUN, 1), rig.row(1), rig.files())
    assert write_episodes(one, RUN, [1]).n_written == 0
    assert write_episodes(other, RUN, [1, 1, 99]).n_failed == 0
    assert (rig.catalog.get_recording(RUN, 1), rig.row(1), rig.files()) == before
