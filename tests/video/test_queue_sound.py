"""Videos with sound by render workers: they look and sound like a straight export."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from recorder.errors import UsageError
from tests.video.cluster import CHOICES, Cluster
from tests.video.conftest import Recordings
from tests.video.decoding import frame_hashes_of
from tests.video.sound.hearing import audio_of, samples_of
from worker.video import export_episode_video
from worker.video.queue.planning import begin_video, sweep_videos


def test_the_worker_that_joins_adds_the_sound_and_no_frame_changes(
    cluster: Cluster, recordings: Recordings, tmp_path: Path
) -> None:
    recordings.add(1, 50)
    silent, loud = cluster.ask(), cluster.ask(effects="wood")
    assert silent != loud
    cluster.run()
    straight = tmp_path / "straight.mp4"
    export_episode_video(1, recordings.database, recordings.folder, straight, effects="wood", **CHOICES)
    assert frame_hashes_of(cluster.file(loud)) == frame_hashes_of(cluster.file(silent)) == frame_hashes_of(straight)
    assert np.array_equal(samples_of(cluster.file(loud)), samples_of(straight))
    assert audio_of(cluster.file(silent)) == ""
    with pytest.raises(UsageError, match="a GIF has no sound"):
        cluster.ask(effects="wood", profile="gif", codec="gif")


def test_a_narrated_video_has_its_captions_beside_it_and_loses_them_with_the_recording(
    cluster: Cluster, recordings: Recordings
) -> None:
    recordings.add(1, 60)
    video_id = cluster.ask(narrate="deadpan", voice="espeak", captions="srt", steps_per_second=10.0)
    cluster.run()
    row = cluster.video(video_id)
    assert row.state == "done"
    captions = cluster.file(video_id).with_suffix(".srt")
    assert "-->" in captions.read_text(encoding="utf-8")
    assert "aac" in audio_of(cluster.file(video_id))
    recordings.add(1, 9)  # another play
    sweep_videos(cluster.context)
    assert cluster.files() == []


def test_spoken_sentences_in_the_picture_are_those_of_a_straight_export(
    cluster: Cluster, recordings: Recordings, tmp_path: Path
) -> None:
    recordings.add(1, 30)
    spoken = {"narrate": "teacher", "voice": "espeak", "captions": "burn", "effects": "soft", "hold_secs": 3.0}
    video_id = cluster.ask(**spoken)
    cluster.run(times=2)
    assert cluster.video(video_id).n_segments_total == 3
    straight = tmp_path / "straight.mp4"
    export_episode_video(1, recordings.database, recordings.folder, straight, **{**CHOICES, **spoken})
    assert frame_hashes_of(cluster.file(video_id)) == frame_hashes_of(straight)
    assert np.array_equal(samples_of(cluster.file(video_id)), samples_of(straight))
    assert cluster.files() == [cluster.video(video_id).file_path]


def test_a_planner_that_lost_its_video_leaves_the_narration_of_the_other(
    cluster: Cluster, recordings: Recordings
) -> None:
    recordings.add(1, 40)
    video_id = cluster.ask(narrate="deadpan", voice="none", captions="burn")
    extend = recordings.catalog.extend_video

    def taken_over(*args, **kwargs):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recordings.catalog, "extend_video", extend)
            cluster.at += timedelta(seconds=61)
            begin_video(cluster.context, video_id)
        return extend(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recordings.catalog, "extend_video", taken_over)
        begin_video(cluster.context, video_id)
    assert cluster.video(video_id).attempts == 2
    cluster.run()
    assert cluster.video(video_id).state == "done"
