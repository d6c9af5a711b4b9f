"""A run resumed from a checkpoint plays episodes again: the later play replaces the earlier, whatever state that is in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from recorder.catalog import Catalog, EpisodeRow, RecordingRow
from recorder.errors import CatalogUnavailableError, RecordingNotFoundError, StorageError
from recorder.step_stream import MemoryStepStream, Play, StreamEntry
from recorder.storage import LocalStorage
from tests.episodes import make_columns
from tests.ingest.rig import KEEP_ALL, LOOK_BACK, RUN, Rig, work, write_all
from tests.ingest.trainer import Trainer, play_id_of
from tests.postgres_server import PostgresServer
from tests.waiting import DEADLINE_SECS, wait_until
from worker.ingest import evaluate_run, write_episodes


def assert_is_play(rig: Rig, episode_id: int, seed: int) -> None:
    """The recording holds exactly the steps of the play that was made with this seed."""
    np.testing.assert_array_equal(rig.episode(episode_id).column("q_values"), make_columns(30, seed=seed)["q_values"])


def resume(rig: Rig) -> Trainer:
    trainer = Trainer(rig.stream, RUN, producer="p2", resumed=True)
    trainer.new_play(0)
    return trainer


@pytest.mark.parametrize("state", ["unread", "same batch", "held", "kept", "written"])
def test_the_later_play_replaces_the_earlier(rig: Rig, trainer: Trainer, state: str) -> None:
    criteria = LOOK_BACK | KEEP_ALL if state == "held" else KEEP_ALL
    context = rig.worker(criteria)
    first = trainer.play(7, seed=1)
    if state in ("held", "kept", "written"):
        evaluate_run(context, RUN)
        assert rig.row(7).decision == ("held" if state == "held" else "kept")
    if state == "written":
        write_all(context)
        assert_is_play(rig, 7, seed=1)
    again = resume(rig)
    second = again.play(7, seed=2)
    evaluate_run(context, RUN)
    assert rig.row(7).play_id == play_id_of(second)
    assert rig.row(7).replaced_plays == 1
    assert rig.entries_of(7, play_id_of(first)) == 0
    with pytest.raises(RecordingNotFoundError):
        rig.catalog.get_recording(RUN, 7)
    for producer in (trainer, again):
        producer.close()
    work(context)
    assert_is_play(rig, 7, seed=2)
    assert rig.files() == [f"{RUN}/episode_000007_play2.msgpack.lz4"]
    assert rig.catalog.get_recording(RUN, 7).play_id == play_id_of(second)
    assert rig.stream.episodes_held(RUN) == []


def test_a_later_play_that_is_skipped_leaves_no_file_of_the_earlier(rig: Rig, trainer: Trainer) -> None:
    keeps_low = {"performance": {"top_percentile": 0.0, "bottom_percentile": 0.0}, "periodic": {"interval": 1000}}
    context = rig.worker(keeps_low)
    trainer.play(7, manual=["x"])
    work(context)
    assert rig.recorded_ids() == [7]
    resume(rig).play(7)
    work(context)
    assert rig.row(7).decision == "skipped"
    assert rig.recorded_ids() == []
    assert rig.files() == []
    assert rig.stream.episodes_held(RUN) == []


class DyingCatalog(Catalog):
    """Fails when an evaluation is committed, or just after."""

    dies: str | None = None

    def commit_evaluation(self, *args: Any, **given: Any) -> bool:
        dies, self.dies = self.dies, None
        if dies == "before":
            raise CatalogUnavailableError("gone")
        won = super().commit_evaluation(*args, **given)
        if dies == "after":
            raise CatalogUnavailableError("gone")
        return won


def test_the_file_of_the_earlier_play_stays_until_the_later_one_is_committed(folder: Path) -> None:
    with DyingCatalog(folder / "catalog.db") as catalog:
        rig = Rig(MemoryStepStream(), catalog, folder)
        context = rig.worker()
        Trainer(rig.stream, RUN).play(7, seed=1)
        work(context)
        resume(rig).play(7, seed=2)
        catalog.dies = "before"
        with pytest.raises(CatalogUnavailableError):
            evaluate_run(context, RUN)
        assert_is_play(rig, 7, seed=1)
        work(context)
        assert_is_play(rig, 7, seed=2)
        assert len(rig.files()) == 1


def test_the_sweep_deletes_the_file_of_a_replaced_play_after_a_worker_died(
    folder: Path,
) -> None:
    with DyingCatalog(folder / "catalog.db") as catalog:
        rig = Rig(MemoryStepStream(), catalog, folder)
        context = rig.worker({"periodic": {"interval": 1000}})
        Trainer(rig.stream, RUN).play(7, manual=["x"])
        work(context)
        assert len(rig.files()) == 1
        resume(rig).play(7)
        catalog.dies = "after"
        with pytest.raises(CatalogUnavailableError):
            evaluate_run(context, RUN)
        work(context)
        assert rig.row(7).decision == "skipped"
        assert rig.files() == []


def test_the_file_of_a_replaced_play_is_deleted_after_its_successor_was_held_and_skipped(folder: Path) -> None:
    with DyingCatalog(folder / "catalog.db") as catalog:
        rig = Rig(MemoryStepStream(), catalog, folder)
        context = rig.worker({"stage_transitions": {"lookback": 1, "lookahead": 0}})
        trainer = Trainer(rig.stream, RUN)
        trainer.play(7, manual=["x"])
        trainer.close()
        work(context)
        assert len(rig.files()) == 1
        again = resume(rig)
        again.play(7)
        catalog.dies = "after"
        with pytest.raises(CatalogUnavailableError):
            evaluate_run(context, RUN)
        assert rig.row(7).decision == "held"
        again.play(8)
        evaluate_run(context, RUN)
        assert rig.row(7).decision == "skipped"
        work(context)
        assert rig.files() == []
        assert [row.episode_id for row in catalog.streams_to_drop(RUN)] == []


class StuckStorage(LocalStorage):
    """Can't delete for now."""

    is_stuck = True

    def delete_all(self, names: Iterable[str]) -> int:
        if self.is_stuck:
            raise StorageError("read-only for now")
        return super().delete_all(names)


@pytest.mark.parametrize("is_kept", [True, False], ids=["kept", "skipped"])
def test_a_replaced_file_that_cannot_be_deleted_now_is_deleted_later(rig: Rig, trainer: Trainer, is_kept: bool) -> None:
    storage = StuckStorage(rig.folder)
    context = rig.worker({"periodic": {"interval": 1000}}, storage=storage)
    trainer.play(7, manual=["x"])
    work(context)
    resume(rig).play(7, manual=["x"] if is_kept else [])
    work(context)
    assert f"{RUN}/episode_000007.msgpack.lz4" in rig.files()
    storage.is_stuck = False
    work(context)
    assert rig.files() == ([f"{RUN}/episode_000007_play2.msgpack.lz4"] if is_kept else [])
    assert rig.catalog.streams_to_drop(RUN) == []


def test_an_episode_played_three_times_counts_two_replaced(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker()
    trainer.play(7, seed=1)
    work(context)
    again = resume(rig)
    again.play(7, seed=2)
    again.play(7, seed=3)
    work(context)
    assert rig.row(7).replaced_plays == 2
    assert_is_play(rig, 7, seed=3)
    assert len(rig.files()) == 1


class SlowStorage(LocalStorage):
    """Another worker does a lot while this one is about to put its files in place."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig.folder)
        self._rig = rig
        self.meanwhile: Trainer | None = None

    def write_all(self, files: Mapping[str, bytes]) -> None:
        trainer, self.meanwhile = self.meanwhile, None
        if trainer is not None:
            trainer.play(7, seed=2)
            quick = self._rig.worker()
            evaluate_run(quick, RUN)
            assert write_all(quick) == 1
        super().write_all(files)


def test_a_late_worker_cannot_replace_the_later_play_by_the_earlier(
    rig_on_either_database: Rig,
) -> None:
    rig = rig_on_either_database
    Trainer(rig.stream, RUN).play(7, seed=1)
    storage = SlowStorage(rig)
    slow = rig.worker(storage=storage)
    evaluate_run(slow, RUN)
    storage.meanwhile = resume(rig)
    result = write_episodes(slow, RUN, [7])
    assert (result.n_written, result.n_failed) == (0, 0)
    assert_is_play(rig, 7, seed=2)
    assert rig.files() == [f"{RUN}/episode_000007_play2.msgpack.lz4"]
    row: EpisodeRow = rig.row(7)
    assert (row.replaced_plays, row.attempts, row.error) == (1, 1, None)
    work(slow)
    assert rig.stream.episodes_held(RUN) == []


class SlowStream(MemoryStepStream):
    """Something happens between the start of a write and its reading."""

    meanwhile: Callable[[], object] | None = None

    def read_plays(self, run_id: str, plays: Sequence[Play]) -> list[list[StreamEntry]]:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().read_plays(run_id, plays)


@pytest.mark.parametrize("happens", ["replaced", "written by another"])
def test_a_play_whose_stream_was_dropped_on_purpose_is_not_a_failure(
    folder: Path, happens: str, caplog: pytest.LogCaptureFixture
) -> None:
    stream = SlowStream()
    with Catalog(folder / "catalog.db") as catalog:
        rig = Rig(stream, catalog, folder)
        Trainer(stream, RUN).play(7, seed=1)
        slow, quick = rig.worker(), rig.worker()
        evaluate_run(slow, RUN)

        def meanwhile() -> None:
            if happens == "replaced":
                resume(rig).play(7, seed=2)
                evaluate_run(quick, RUN)
            else:
                write_episodes(quick, RUN, [7])

        stream.meanwhile = meanwhile
        result = write_episodes(slow, RUN, [7])
        assert (result.n_written, result.n_failed) == (0, 0)
        assert caplog.text == ""
        assert rig.row(7).error is None
        work(quick)
        assert_is_play(rig, 7, seed=2 if happens == "replaced" else 1)


@pytest.mark.postgres
def test_a_file_is_not_committed_while_its_play_is_being_replaced(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    now = datetime.now(UTC)
    with Catalog(url) as catalog, psycopg.connect(url.replace("+psycopg", "")) as other:
        catalog.commit_evaluation(
            RUN, old_cursor="0-0", new_cursor="1-0", criteria_state={}, decided=[], at=now,
            new_episodes=[EpisodeRow(RUN, 7, play_id=1, decision="kept", reasons=("x",))],
        )  # fmt: skip
        other.execute("UPDATE episodes SET play_id = 2 WHERE episode_id = 7")
        taken: list[RecordingRow] = []

        def commit() -> None:
            taken.extend(catalog.finish_writes([RecordingRow(RUN, 7, play_id=1)], at=now))

        thread = threading.Thread(target=commit)
        thread.start()
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as watcher:
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            wait_until(
                lambda: (watcher.execute(waiting).fetchone() or (0,))[0], message="the commit waiting for the other"
            )
        other.commit()
        thread.join(DEADLINE_SECS)
        assert not thread.is_alive()
        assert taken == []
        assert catalog.query_recordings(run=RUN) == []
        assert catalog.get_episode(RUN, 7).written_at is None
