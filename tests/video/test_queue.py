"""Videos by render workers: each frame once, whatever is repeated, killed or cancelled."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from recorder.errors import RecordingNotFoundError, UsageError
from tests.video.cluster import CHOICES, Cluster
from tests.video.conftest import RUN, Recordings
from tests.video.decoding import boxes_of, facts_of, frame_hashes_of, n_frames_of
from tests.waiting import wait_until
from worker.video import export_episode_video
from worker.video.queue import planning
from worker.video.queue.lease import VideoLease
from worker.video.queue.planning import begin_video, sweep_videos


def test_the_joined_video_has_exactly_the_frames_of_a_straight_one(
    cluster: Cluster, recordings: Recordings, tmp_path: Path
) -> None:
    recordings.add(1, 50)
    video_id = cluster.ask()
    cluster.run()
    row = cluster.video(video_id)
    assert (row.state, row.n_frames_done, row.n_frames_total, row.n_segments_done) == ("done", 50, 50, 3)
    path = cluster.file(video_id)
    assert row.file_size_bytes == path.stat().st_size
    straight = export_episode_video(
        1, recordings.database, recordings.folder, tmp_path / "straight.mp4", **CHOICES
    ).path
    assert frame_hashes_of(path) == frame_hashes_of(straight)
    assert boxes_of(path).index("moov") < boxes_of(path).index("mdat")
    assert "Chapter" in facts_of(path).text
    assert cluster.files() == [row.file_path]


def test_a_join_that_takes_long_keeps_its_lease(cluster: Cluster, recordings: Recordings) -> None:
    catalog = recordings.catalog
    video_id = cluster.begin(5)
    row = catalog.start_video(video_id, now=cluster.at, lease_secs=60, max_attempts=9)
    cluster.at += timedelta(seconds=59)
    with VideoLease(catalog, row, lease_secs=0.03, now=lambda: cluster.at + timedelta(seconds=90)):
        wait_until(lambda: cluster.video(video_id).leased_until > cluster.at + timedelta(seconds=60))
    assert catalog.extend_video(row, now=cluster.at, lease_secs=60)
    later = catalog.start_video(video_id, now=cluster.at, lease_secs=60, max_attempts=9)
    assert not catalog.extend_video(row, now=cluster.at, lease_secs=60)
    catalog.cancel_video(video_id, at=cluster.at)
    assert not catalog.extend_video(later, now=cluster.at, lease_secs=60)


def test_the_same_request_is_the_same_video_and_is_made_once(cluster: Cluster, recordings: Recordings) -> None:
    recordings.add(1, 5)
    first = cluster.ask()
    assert cluster.ask(fps=10.0, style=None) == first
    assert cluster.ask(style="light") != first
    cluster.run()
    made_at = cluster.file(first).stat().st_mtime_ns
    assert cluster.ask() == first
    cluster.run()
    assert cluster.file(first).stat().st_mtime_ns == made_at


def test_an_episode_that_was_played_again_is_another_video(cluster: Cluster, recordings: Recordings) -> None:
    recordings.add(1, 5)
    first = cluster.ask()
    recordings.add(1, 9)
    assert cluster.ask() != first


def test_every_message_may_come_twice(cluster: Cluster, recordings: Recordings) -> None:
    recordings.add(1, 50)
    video_id = cluster.ask()
    cluster.run(times=2)
    row = cluster.video(video_id)
    assert row.state == "done"
    assert row.attempts <= 2
    assert n_frames_of(cluster.file(video_id)) == 50
    assert cluster.files() == [row.file_path]


def test_repeated_messages_use_up_no_attempts(cluster: Cluster, recordings: Recordings) -> None:
    recordings.add(1, 50)
    video_id = cluster.ask()
    for _ in range(10):
        begin_video(cluster.context, video_id)
        cluster.at += timedelta(seconds=61)
        cluster.messages.clear()
    cluster.run()
    assert cluster.video(video_id).state == "done"


def test_a_lost_message_is_sent_again_when_the_lease_has_run_out(cluster: Cluster, recordings: Recordings) -> None:
    recordings.add(1, 50)
    video_id = cluster.ask()
    sweep_videos(cluster.context)
    cluster.deliver(cluster.messages.pop())
    cluster.messages.clear()
    cluster.run()
    assert cluster.video(video_id).state == "rendering"
    cluster.at += timedelta(seconds=61)
    cluster.run()
    assert cluster.video(video_id).state == "done"


def test_a_segment_that_another_worker_renders_is_skipped(cluster: Cluster) -> None:
    video_id = cluster.begin(5)
    cluster.start_elsewhere(video_id)
    cluster.deliver(cluster.messages.pop())
    assert cluster.recordings.catalog.list_segments(video_id)[0].attempts == 1
    assert not cluster.context.videos.folder.exists()


def test_a_dead_workers_segment_is_rendered_by_another(cluster: Cluster) -> None:
    video_id = cluster.begin(5)
    cluster.start_elsewhere(video_id)
    cluster.messages.clear()
    cluster.run()
    assert cluster.video(video_id).state == "rendering"
    cluster.at += timedelta(seconds=62)
    cluster.run()
    assert cluster.video(video_id).state == "done"


def test_a_dead_joiner_is_replaced(cluster: Cluster) -> None:
    video_id = cluster.begin(50)

    class KilledError(BaseException):
        pass

    def die(*args, **kwargs):
        raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("worker.video.queue.joining.join_segments", die)
        for message in cluster.messages:
            if message[1:2] == (2,):
                with pytest.raises(KilledError):
                    cluster.deliver(message)
            else:
                cluster.deliver(message)
    cluster.messages.clear()
    assert cluster.video(video_id).state == "joining"
    cluster.at += timedelta(seconds=61)
    cluster.run()
    assert n_frames_of(cluster.file(video_id)) == 50
    assert cluster.files() == [cluster.video(video_id).file_path]


def test_an_old_unfinished_file_of_a_killed_worker_is_deleted(
    cluster: Cluster, recordings: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    recordings.add(1, 5)
    video_id = cluster.ask()
    cluster.run()
    path = cluster.file(video_id)
    left = [path.with_name(f".{path.stem}.{number:08x}.part.mp4") for number in range(2)]
    for part in left:
        part.write_bytes(b"cut short")
    sound = tmp_path / "hamlet-render-abc"  # where the sound of a video is made
    sound.mkdir()
    for old in (left[0], sound):
        os.utime(old, (time.time() - 3700,) * 2)
    sweep_videos(cluster.context)
    assert left[0].exists()
    sweep_videos(cluster.context, is_thorough=True)
    assert not sound.exists()
    assert [part.exists() for part in (path, *left)] == [True, False, True]


def test_a_cancelled_video_stops_its_workers_and_leaves_no_file(cluster: Cluster) -> None:
    video_id = cluster.begin(50)
    first, *others = cluster.messages
    cluster.deliver(first)
    reported = cluster.recordings.catalog.report_segment

    def cancelled_meanwhile(*args, **kwargs):
        cluster.recordings.catalog.cancel_video(video_id, at=cluster.at)
        return reported(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster.recordings.catalog, "report_segment", cancelled_meanwhile)
        for message in others:
            cluster.deliver(message)
    assert cluster.video(video_id).state == "cancelled"
    assert cluster.files() == []
    cluster.at += timedelta(seconds=61)
    cluster.run()
    assert cluster.video(video_id).state == "cancelled"


def test_a_failed_video_is_parked_with_its_error_and_can_be_retried(cluster: Cluster, recordings: Recordings) -> None:
    row = recordings.add(1, 5)
    path = recordings.folder / row.file_path
    content = path.read_bytes()
    path.write_bytes(b"broken")
    video_id = cluster.ask()
    for _ in range(3):
        cluster.run()
        assert "episode_000001" in cluster.video(video_id).error
        cluster.at += timedelta(seconds=61)
    assert (cluster.video(video_id).state, cluster.video(video_id).attempts) == ("failed", 3)
    path.write_bytes(content)
    assert cluster.ask() == video_id
    cluster.run()
    assert cluster.video(video_id).state == "done"


def test_a_segment_that_fails_is_tried_three_times(
    cluster: Cluster, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings.add(1, 5)
    video_id = cluster.ask()
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nonexistent")
    for _ in range(5):
        cluster.run()
        cluster.at += timedelta(seconds=61)
    row = cluster.video(video_id)
    assert row.state == "failed"
    assert "IMAGEIO_FFMPEG_EXE" in row.error
    assert cluster.recordings.catalog.list_segments(video_id)[0].attempts == 3
    assert cluster.files() == []


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({"presets": "slow"}, "did you mean 'preset'"),
        ({"dpi": "20"}, "dpi must be of type int"),
        ({"dpi": 2000}, "dpi must be 20 to"),
        ({"style": "drak"}, "did you mean 'dark'"),
        ({"profile": "giff"}, "did you mean 'gif'"),
        ({"codec": "x264"}, "did you mean 'libx264'"),
        ({"preset": "fastest"}, "did you mean 'faster'"),
        ({"crf": 52}, "crf must be 0 to 51"),
        ({"profile": "gif", "fps": 60}, "a GIF can have at most 50 frames a second"),
        ({"profile": "youtube-1080p", "codec": "gif", "fps": None}, "a GIF can have at most 50 frames a second"),
        ({"first_step": 5}, "select nothing"),
        ({"steps_per_second": 0.001, "fps": 1000}, "at most 1000000 frames"),
    ],
)
def test_an_impossible_request_is_refused_at_once(
    cluster: Cluster, recordings: Recordings, choices: dict[str, Any], expected: str
) -> None:
    recordings.add(1, 5)
    with pytest.raises(UsageError, match=expected):
        cluster.ask(**choices)
    assert recordings.catalog.list_videos() == []


def test_a_video_of_a_missing_episode_is_refused(cluster: Cluster) -> None:
    with pytest.raises(RecordingNotFoundError):
        cluster.ask(9)


@pytest.mark.parametrize(
    ("choices", "expected"),
    [({"style": "drak"}, "did you mean 'dark'"), ({"steps_per_second": 0.001}, "at most 1000000 frames")],
)
def test_an_impossible_request_of_another_version_is_parked_at_once(
    cluster: Cluster, recordings: Recordings, choices: dict[str, Any], expected: str
) -> None:
    recording = recordings.add(1, 50)
    request = {"content_hash": recording.content_hash, **choices}
    video, _ = recordings.catalog.enqueue_video(RUN, 1, request, at=cluster.at)
    cluster.run()
    row = cluster.video(video.video_id)
    assert (row.state, row.attempts, row.n_segments_total) == ("failed", 1, 0)
    assert expected in row.error


def test_an_unexpected_error_is_reported_and_tried_three_times(
    cluster: Cluster, recordings: Recordings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recording = recordings.add(1, 5)
    of_another_version = {"content_hash": recording.content_hash, "fps": "10"}
    planned, _ = recordings.catalog.enqueue_video(RUN, 1, of_another_version, at=cluster.at)
    rendered = cluster.ask()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    for _ in range(5):
        cluster.run()
        cluster.at += timedelta(seconds=6)
    for video_id, error in ((planned.video_id, "fps must be"), (rendered, "FileNotFoundError: ")):
        assert cluster.video(video_id).state == "failed"
        assert error in cluster.video(video_id).error


def test_an_unexpected_error_while_joining_is_retried(
    cluster: Cluster, recordings: Recordings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    video_id = cluster.begin(5)
    finish = recordings.catalog.finish_segment

    def without_room(*args, **kwargs):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
        return finish(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recordings.catalog, "finish_segment", without_room)
        cluster.deliver(cluster.messages.pop())
    assert cluster.video(video_id).state == "joining"
    assert "FileNotFoundError: " in cluster.video(video_id).error
    monkeypatch.undo()
    monkeypatch.setattr(planning, "PIXELS_A_SEGMENT", 1)
    cluster.at += timedelta(seconds=6)
    cluster.run()
    assert cluster.video(video_id).state == "done"


def test_a_gif_is_made_in_one_piece(cluster: Cluster, recordings: Recordings) -> None:
    recordings.add(1, 50)
    video_id = cluster.ask(codec="gif")
    cluster.run()
    assert cluster.video(video_id).n_segments_total == 1
    assert n_frames_of(cluster.file(video_id)) == 50


def test_two_concurrent_videos_do_not_mix(cluster: Cluster, recordings: Recordings) -> None:
    recordings.add(1, 30)
    recordings.add(2, 25)
    requests = {cluster.ask(1): 30, cluster.ask(2): 25, cluster.ask(2, style="light"): 25}
    cluster.run()
    for video_id, n_frames in requests.items():
        assert n_frames_of(cluster.file(video_id)) == n_frames
    assert len(cluster.files()) == 3
