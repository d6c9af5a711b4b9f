"""``RecordingWriter``: recording within one process, without a server."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from recorder import EpisodeRecorder
from recorder.catalog import Catalog
from recorder.episode_file import open_episode
from recorder.errors import SettingsError, UsageError
from tests.waiting import wait_until
from tests.worker.recording import QUICK, play, value_of
from worker import RecordingWriter

KEEP_ALL = {"periodic": {"interval": 1}}


def recorded(database: Path, run_id: str) -> list[int]:
    with Catalog(database, read_only=True) as catalog:
        return [row["episode_id"] for row in catalog.query_recordings(run=run_id, order="episode_id")]


def make_writer(recorder: EpisodeRecorder, folder: Path, criteria: Mapping[str, object] = KEEP_ALL) -> RecordingWriter:
    return RecordingWriter(recorder, folder / "demo.db", folder / "recordings", criteria=criteria)


def test_all_recorded_episodes_are_on_disk_when_the_writer_has_stopped(tmp_path: Path) -> None:
    recorder = EpisodeRecorder(run_id="r", strict=True, limits=QUICK)
    writer = make_writer(recorder, tmp_path)
    writer.start()
    for episode_id in range(10):
        play(recorder, episode_id)
    assert writer.stop()
    assert recorded(tmp_path / "demo.db", "r") == list(range(10))
    for path in sorted((tmp_path / "recordings" / "r").iterdir()):
        episode = open_episode(path)
        np.testing.assert_array_equal(episode.column("meters"), value_of(episode.metadata.episode_id, 20))


def test_episodes_are_written_while_training_goes_on(tmp_path: Path) -> None:
    recorder = EpisodeRecorder(run_id="r", strict=True, limits=QUICK)
    with make_writer(recorder, tmp_path):
        play(recorder, 0)
        wait_until(lambda: recorded(tmp_path / "demo.db", "r") == [0], message="a recording")


def test_two_writers_share_a_database_and_keep_their_episodes_apart(tmp_path: Path) -> None:
    recorders = [EpisodeRecorder(run_id=f"r{n}", strict=True, limits=QUICK) for n in range(2)]
    writers = [make_writer(recorder, tmp_path) for recorder in recorders]
    for writer in writers:
        writer.start()
    for recorder in recorders:
        for episode_id in range(20):
            play(recorder, episode_id)
    assert [writer.stop() for writer in writers] == [True, True]
    with Catalog(tmp_path / "demo.db") as catalog:
        assert list(catalog.iterate_parked()) == []
        assert all(row.attempts == 1 for row in catalog.list_episodes(limit=100).episodes)
    assert [recorded(tmp_path / "demo.db", f"r{n}") for n in range(2)] == [list(range(20))] * 2


def test_a_second_process_continues_the_run(tmp_path: Path) -> None:
    for attempt in range(2):
        recorder = EpisodeRecorder(run_id="r", strict=True, limits=QUICK, resume=attempt > 0)
        with make_writer(recorder, tmp_path):
            for episode_id in range(2 * attempt, 2 * attempt + 3):
                play(recorder, episode_id)
    assert recorded(tmp_path / "demo.db", "r") == [0, 1, 2, 3, 4]
    with Catalog(tmp_path / "demo.db") as catalog:
        assert [catalog.get_episode("r", episode_id).replaced_plays for episode_id in range(5)] == [0, 0, 1, 0, 0]


def test_the_last_episodes_of_the_last_stage_are_kept_at_the_end(tmp_path: Path) -> None:
    recorder = EpisodeRecorder(run_id="r", strict=True, limits=QUICK)
    with make_writer(recorder, tmp_path, {"stage_boundaries": {"record_first_n": 0, "record_last_n": 2}}):
        for episode_id in range(5):
            play(recorder, episode_id)
    assert recorded(tmp_path / "demo.db", "r") == [3, 4]


def test_stop_reports_episodes_that_could_not_be_written(tmp_path: Path) -> None:
    recorder = EpisodeRecorder(run_id="r", strict=True, limits=QUICK)
    writer = make_writer(recorder, tmp_path)
    shutil.rmtree(tmp_path / "recordings")
    (tmp_path / "recordings").write_text("a file where the folder should be")
    writer.start()
    play(recorder, 0)
    assert not writer.stop(timeout_secs=0.5)
    with Catalog(tmp_path / "demo.db") as catalog:
        row = catalog.get_episode("r", 0)
    assert (row.decision, row.written_at) == ("kept", None)
    assert "can't write recordings" in (row.error or "")


def test_stop_reports_episodes_that_are_still_held(tmp_path: Path) -> None:
    recorder = EpisodeRecorder(run_id="r", strict=True, limits=QUICK)
    recorder.stream.beat("r", "another trainer", {"closed": False}, info=None, now=time.time())
    writer = make_writer(recorder, tmp_path, {"stage_boundaries": {"record_first_n": 0, "record_last_n": 1}})
    writer.start()
    play(recorder, 0)
    assert not writer.stop()
    with Catalog(tmp_path / "demo.db") as catalog:
        assert catalog.get_episode("r", 0).decision == "held"


def test_a_writer_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    recorder = EpisodeRecorder(run_id="r", strict=True, limits=QUICK)
    assert not make_writer(recorder, tmp_path).stop()


def test_a_recorder_with_redis_is_refused_by_the_writer(tmp_path: Path) -> None:
    recorder = EpisodeRecorder("redis://127.0.0.1:1/0", run_id="r")
    with pytest.raises(UsageError, match="hamlet-recorder worker"):
        make_writer(recorder, tmp_path)
    recorder.close(timeout_secs=0.0)


def test_invalid_criteria_are_refused_at_once(tmp_path: Path) -> None:
    with EpisodeRecorder(run_id="r") as recorder, pytest.raises(SettingsError, match="intervall"):
        make_writer(recorder, tmp_path, {"periodic": {"intervall": 1}})


def test_starting_a_writer_twice_is_an_error(tmp_path: Path) -> None:
    recorder = EpisodeRecorder(strict=True)
    writer = RecordingWriter(recorder, tmp_path / "catalog.db", tmp_path)
    writer.start()
    with pytest.raises(UsageError, match=r"start\(\) was called twice: this writer is running"):
        writer.start()
    assert writer.stop()
    with pytest.raises(UsageError, match="was stopped: create another one"):
        writer.start()
