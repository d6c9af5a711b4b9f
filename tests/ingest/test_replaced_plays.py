"""A run resumed from a checkpoint plays episodes again: the later play replaces the earlier, whatever state that is in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from recorder.catalog import EpisodeRow
from recorder.errors import RecordingNotFoundError
from recorder.storage import LocalStorage
from tests.episodes import make_columns
from tests.ingest.rig import KEEP_ALL, LOOK_BACK, RUN, Rig, work, write_all
from tests.ingest.trainer import Trainer, play_id_of
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


def test_a_worker_that_is_late_with_the_earlier_play_cant_put_it_in_the_place_of_the_later(
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


def test_a_play_that_is_replaced_before_it_is_read_fails_nobody(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker()
    trainer.play(7, seed=1)
    evaluate_run(context, RUN)
    stale = rig.catalog.start_write(RUN, [7], now=context.now(), lease_secs=60)
    resume(rig).play(7, seed=2)
    evaluate_run(context, RUN)
    assert stale[0].play_id != rig.row(7).play_id
    write_all(context)
    assert_is_play(rig, 7, seed=2)
    assert rig.row(7).error is None
