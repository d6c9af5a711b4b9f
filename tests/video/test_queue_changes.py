"""The queue of videos while requests, recordings and workers change."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from recorder.errors import RecordingNotFoundError
from tests.video.cluster import Cluster
from tests.video.conftest import RUN, Recordings
from tests.video.decoding import n_frames_of
from worker.video.queue.planning import sweep_videos


def test_a_deleted_request_is_forgotten(cluster: Cluster, recordings: Recordings) -> None:
    recordings.add(1, 5)
    video_id = cluster.ask()
    sweep_videos(cluster.context)
    recordings.catalog.delete_video(video_id)
    for message in cluster.messages:
        cluster.deliver(message)


def test_progress_is_reported_while_a_segment_is_rendered(cluster: Cluster, recordings: Recordings) -> None:
    video_id = cluster.begin(50)
    expected = []
    report = recordings.catalog.report_segment

    def looked_at(*args, **kwargs):
        held = report(*args, **kwargs)
        expected.append(cluster.video(video_id).n_frames_done)
        return held

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recordings.catalog, "report_segment", looked_at)
        for message in cluster.messages:
            cluster.deliver(message)
    assert expected == list(range(1, 51))


def test_a_worker_that_lost_its_segment_stops_and_leaves_no_file(cluster: Cluster, recordings: Recordings) -> None:
    video_id = cluster.begin(5)
    catalog, report = recordings.catalog, recordings.catalog.report_segment
    n_reports = []

    def taken_over(*args, **kwargs):
        if len(n_reports) == 2:
            cluster.at += timedelta(seconds=61)
            assert catalog.start_segment(video_id, 0, now=cluster.at, lease_secs=60).attempts == 2
        n_reports.append(report(*args, **kwargs))
        return n_reports[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "report_segment", taken_over)
        cluster.deliver(cluster.messages.pop())
    assert [held is None for held in n_reports] == [False, False, True]
    assert cluster.files() == []
    assert [(row.state, row.attempts) for row in catalog.list_segments(video_id)] == [("rendering", 2)]
    cluster.at += timedelta(seconds=61)
    cluster.run()
    assert n_frames_of(cluster.file(video_id)) == 5


def test_a_segment_with_progress_is_not_handed_out_again(cluster: Cluster, recordings: Recordings) -> None:
    video_id = cluster.begin(5)
    report = recordings.catalog.report_segment
    handed_out = []

    def slow(*args, **kwargs):
        held = report(*args, **kwargs)
        cluster.at += timedelta(seconds=50)
        sweep_videos(cluster.context)
        handed_out.extend(cluster.messages)
        return held

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recordings.catalog, "report_segment", slow)
        cluster.deliver(cluster.messages.pop())
    assert handed_out == []
    assert cluster.video(video_id).state == "done"


def test_a_deleted_recordings_video_is_deleted(cluster: Cluster, recordings: Recordings) -> None:
    recordings.add(1, 5)
    recordings.add(2, 5)
    gone, kept = cluster.ask(1), cluster.ask(2)
    cluster.run()
    recordings.catalog.delete_recording(RUN, 1)
    cluster.run()
    assert [row.video_id for row in recordings.catalog.list_videos()] == [kept]
    assert cluster.files() == [cluster.video(kept).file_path]
    with pytest.raises(RecordingNotFoundError):
        cluster.video(gone)


def test_a_video_of_a_replaced_play_gives_way_to_one_of_the_new_play(cluster: Cluster, recordings: Recordings) -> None:
    recordings.add(1, 5)
    first = cluster.ask()
    cluster.run()
    recordings.add(1, 9)
    second = cluster.ask()
    cluster.run()
    assert [row.video_id for row in recordings.catalog.list_videos()] == [second]
    assert n_frames_of(cluster.file(second)) == 9
    assert cluster.files() == [cluster.video(second).file_path]
    assert first != second


def test_a_recording_replaced_during_rendering_is_not_mixed_into_the_video(
    cluster: Cluster, recordings: Recordings
) -> None:
    video_id = cluster.begin(50)
    cluster.deliver(cluster.messages.pop(0))
    recordings.add(1, 60)
    cluster.deliver(cluster.messages.pop(0))
    assert "played again" in recordings.catalog.list_segments(video_id)[1].error
    cluster.messages.clear()
    cluster.run()
    assert recordings.catalog.list_videos() == []
    assert cluster.files() == []


def test_a_worker_whose_video_was_deleted_stops_and_leaves_no_file(cluster: Cluster, recordings: Recordings) -> None:
    cluster.begin(5)
    report = recordings.catalog.report_segment

    def deleted_meanwhile(*args, **kwargs):
        recordings.catalog.delete_recording(RUN, 1)
        sweep_videos(cluster.context)
        return report(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recordings.catalog, "report_segment", deleted_meanwhile)
        cluster.deliver(cluster.messages.pop())
    assert cluster.files() == []


def test_the_run_is_part_of_the_request(cluster: Cluster, recordings: Recordings) -> None:
    recordings.add(1, 5)
    assert cluster.requests.ask(RUN, 1, {})[0].run_id == RUN
    assert replace(cluster.video(cluster.ask()), options={}).episode_id == 1
