"""Videos, their segments, and annotations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from recorder.catalog import Catalog, RecordingRow, SegmentRow, VideoBounds, VideoRow
from recorder.errors import QuotaError, RecordingNotFoundError, UsageError
from tests.catalog.samples import NOW

SECOND = timedelta(seconds=1)


def _video(catalog: Catalog, episode_id: int = 1, **options: object) -> VideoRow:
    return catalog.enqueue_video("run-a", episode_id, options, at=NOW, n_frames_total=100)[0]


def _claim(catalog: Catalog, at: int = 0) -> list[str]:
    return [row.video_id for row in catalog.claim_videos(now=NOW + at * SECOND, lease_secs=60, limit=10)]


def _start(catalog: Catalog, video: VideoRow, at: int = 0) -> VideoRow | None:
    return catalog.start_video(video.video_id, now=NOW + at * SECOND, lease_secs=60)


def _start_segment(catalog: Catalog, video: VideoRow, index: int = 0, at: int = 0) -> SegmentRow:
    segment = catalog.start_segment(video.video_id, index, now=NOW + at * SECOND, lease_secs=60)
    assert segment is not None
    return segment


def test_the_same_request_is_the_same_video(catalog: Catalog) -> None:
    first, created = catalog.enqueue_video("run-a", 1, {"dpi": 150, "fps": 60}, at=NOW)
    again, created_again = catalog.enqueue_video("run-a", 1, {"fps": 60, "dpi": 150}, at=NOW + SECOND)
    other, created_other = catalog.enqueue_video("run-a", 2, {"dpi": 150, "fps": 60}, at=NOW + SECOND)
    assert (created, created_again, created_other) == (True, False, True)
    assert first == again
    assert (first.state, first.options, first.created_at) == ("queued", {"dpi": 150, "fps": 60}, NOW)
    assert [row.video_id for row in catalog.list_videos(run="run-a")] == [other.video_id, first.video_id]
    assert catalog.list_videos(episode_id=2, state="queued", limit=1) == [other]
    assert catalog.list_videos(state="done") == []


def test_an_unknown_video_is_named_in_the_error(catalog: Catalog) -> None:
    with pytest.raises(RecordingNotFoundError, match="'nope'"):
        catalog.get_video("nope")


def test_a_video_passes_from_request_to_file(catalog: Catalog) -> None:
    video = _video(catalog)
    assert _claim(catalog) == [video.video_id]
    assert _claim(catalog) == []
    started = _start(catalog, video)
    assert started is not None
    assert (started.state, started.attempts, started.started_at) == ("rendering", 1, NOW)
    assert catalog.finish_video(video.video_id, file_path="a.mp4", file_size_bytes=9, at=NOW + SECOND)
    done = catalog.get_video(video.video_id)
    assert (done.state, done.n_frames_done, done.file_path, done.file_size_bytes) == ("done", 100, "a.mp4", 9)
    assert not catalog.finish_video(video.video_id, file_path="b.mp4", file_size_bytes=9, at=NOW)
    assert _claim(catalog, at=1000) == []
    assert _start(catalog, video) is None


def test_a_video_whose_workers_keep_dying_is_claimed_again_and_finally_fails(catalog: Catalog) -> None:
    video = _video(catalog)
    for turn in range(3):
        assert _claim(catalog, at=100 * turn) == [video.video_id]
        assert _start(catalog, video, at=100 * turn) is not None
    assert _claim(catalog, at=300) == [video.video_id]
    assert _start(catalog, video, at=300) is None
    failed = catalog.get_video(video.video_id)
    assert failed.state == "failed"
    assert "killed" in (failed.error or "")


def test_a_failed_attempt_is_delayed_and_the_third_is_the_last(catalog: Catalog) -> None:
    video = _video(catalog)
    for attempt in range(1, 4):
        _start(catalog, video)
        row = catalog.fail_video(video.video_id, f"error {attempt}", at=NOW, not_before=NOW + 10 * SECOND)
        assert _claim(catalog, at=9) == []
    assert (row.state, row.error, row.finished_at) == ("failed", "error 3", NOW)
    assert _claim(catalog, at=10) == []
    again = catalog.retry_video(video.video_id)
    assert (again.state, again.attempts, again.error, again.finished_at) == ("queued", 0, None, None)
    assert _claim(catalog) == [video.video_id]


def test_a_cancelled_video_stops_its_worker(catalog: Catalog) -> None:
    video = _video(catalog)
    _start(catalog, video)
    catalog.plan_segments(video.video_id, [(0, 100)])
    segment = _start_segment(catalog, video)
    assert catalog.cancel_video(video.video_id, at=NOW)
    assert not catalog.cancel_video(video.video_id, at=NOW)
    assert catalog.report_segment(segment, n_new_frames=50, now=NOW, lease_secs=60) is None
    assert catalog.start_segment(video.video_id, 0, now=NOW, lease_secs=1) is None
    assert not catalog.finish_segment(video.video_id, 0, file_path="x").was_last
    assert catalog.get_video(video.video_id).state == "cancelled"
    assert catalog.retry_video(video.video_id).state == "queued"
    assert catalog.list_segments(video.video_id) == []
    assert catalog.delete_video(video.video_id)
    assert not catalog.delete_video(video.video_id)


def test_segments_are_planned_once_claimed_and_counted(catalog: Catalog) -> None:
    video = _video(catalog)
    _start(catalog, video)
    spans = [(0, 40), (40, 40), (80, 20)]
    assert [row.first_frame for row in catalog.plan_segments(video.video_id, spans)] == [0, 40, 80]
    claimed = catalog.claim_segments(now=NOW, lease_secs=60, limit=2)
    assert [row.segment_index for row in claimed] == [0, 1]
    started = catalog.start_segment(video.video_id, 0, now=NOW, lease_secs=60)
    assert started is not None
    assert (started.state, started.attempts) == ("rendering", 1)
    assert catalog.finish_segment(video.video_id, 0, file_path="0.mp4") == (1, 3, False)
    assert catalog.finish_segment(video.video_id, 0, file_path="0.mp4") == (1, 3, False)
    catalog.plan_segments(video.video_id, spans)
    assert catalog.list_segments(video.video_id)[0].state == "done"
    assert catalog.start_segment(video.video_id, 0, now=NOW, lease_secs=60) is None
    assert catalog.finish_segment(video.video_id, 2, file_path="2.mp4") == (2, 3, False)
    row = catalog.get_video(video.video_id)
    assert (row.n_segments_done, row.n_segments_total, row.n_frames_done, row.n_frames_total) == (2, 3, 60, 100)
    assert catalog.finish_segment(video.video_id, 1, file_path="1.mp4") == (3, 3, True)
    assert catalog.finish_segment(video.video_id, 1, file_path="1.mp4") == (3, 3, False)
    assert catalog.get_video(video.video_id).state == "joining"
    joining = _start(catalog, video)
    assert joining is not None
    assert joining.state == "joining"


def test_a_progress_report_prolongs_the_lease_of_its_holder(catalog: Catalog) -> None:
    video = _video(catalog)
    _start(catalog, video)
    catalog.plan_segments(video.video_id, [(0, 100)])
    first = _start_segment(catalog, video)
    held = catalog.report_segment(first, n_new_frames=40, now=NOW + 50 * SECOND, lease_secs=60)
    assert held is not None
    assert held.leased_until == NOW + 110 * SECOND
    assert catalog.claim_segments(now=NOW + 109 * SECOND, lease_secs=60, limit=9) == []
    assert _claim(catalog, at=109) == []
    assert catalog.report_segment(first, n_new_frames=1, now=NOW, lease_secs=60) is None, "a lease of the past"
    second = _start_segment(catalog, video, at=111)
    assert catalog.report_segment(held, n_new_frames=1, now=NOW + 112 * SECOND, lease_secs=60) is None
    assert catalog.list_segments(video.video_id) == [second]
    assert catalog.get_video(video.video_id).n_frames_done == 40
    assert catalog.report_segment(second, n_new_frames=1, now=NOW + 112 * SECOND, lease_secs=60) is not None


def test_progress_never_decreases(catalog: Catalog) -> None:
    video = _video(catalog)
    _start(catalog, video)
    catalog.plan_segments(video.video_id, [(0, 40), (40, 40), (80, 20)])
    progress = [0]

    def report(segment: SegmentRow, n_new_frames: int) -> SegmentRow:
        held = catalog.report_segment(segment, n_new_frames=n_new_frames, now=NOW, lease_secs=60)
        assert held is not None
        progress.append(catalog.get_video(video.video_id).n_frames_done)
        return held

    def finish(index: int) -> None:
        catalog.finish_segment(video.video_id, index, file_path=f"{index}.mp4")
        progress.append(catalog.get_video(video.video_id).n_frames_done)

    zero, one = _start_segment(catalog, video, 0), _start_segment(catalog, video, 1)
    zero = report(zero, 30)
    one = report(one, 20)
    catalog.fail_segment(video.video_id, 0, "killed")
    report(_start_segment(catalog, video, 0, at=1), 10)
    report(one, 20)
    finish(1)
    finish(0)
    report(_start_segment(catalog, video, 2), 20)
    finish(2)
    assert progress == [0, 30, 50, 50, 70, 70, 80, 100, 100]


def test_a_video_is_stale_if_its_recording_was_deleted_or_replaced(catalog: Catalog) -> None:
    recordings = [RecordingRow("run-a", i, file_path=f"{i}", content_hash=f"hash-{i}") for i in range(3)]
    catalog.upsert_recordings(recordings)
    videos = [_video(catalog, i, content_hash=f"hash-{i}", dpi=80) for i in range(3)]
    assert catalog.stale_videos(limit=9) == []
    catalog.upsert_recordings([replace(recordings[1], content_hash="hash-1-again")])
    catalog.delete_recording("run-a", 2)
    assert {row.video_id for row in catalog.stale_videos(limit=9)} == {videos[1].video_id, videos[2].video_id}
    assert len(catalog.stale_videos(limit=1)) == 1


def test_exactly_one_of_many_concurrent_finishers_is_the_last(catalog: Catalog) -> None:
    for turn in range(5):
        video = _video(catalog, episode_id=turn)
        _start(catalog, video)
        finish = partial(catalog.finish_segment, video.video_id, file_path="x")
        catalog.plan_segments(video.video_id, [(n, 1) for n in range(8)])
        with ThreadPoolExecutor(8) as pool:
            progress = list(pool.map(finish, [*range(8)] * 2))
        assert [p.was_last for p in progress].count(True) == 1
        assert max(p.n_done for p in progress) == 8


def test_a_segment_that_keeps_failing_fails_its_video(catalog: Catalog) -> None:
    video = _video(catalog)
    _start(catalog, video)
    catalog.plan_segments(video.video_id, [(0, 50), (50, 50)])
    for _ in range(3):
        assert catalog.start_segment(video.video_id, 1, now=NOW, lease_secs=60) is not None
        assert [s.segment_index for s in catalog.claim_segments(now=NOW, lease_secs=0, limit=9)] == [0]
        catalog.fail_segment(video.video_id, 1, "no room")
    assert catalog.start_segment(video.video_id, 1, now=NOW, lease_secs=60) is None
    row = catalog.get_video(video.video_id)
    assert (row.state, row.error) == ("failed", "segment 1: no room")
    assert catalog.claim_segments(now=NOW, lease_secs=60, limit=9) == []


def test_annotations_are_added_changed_and_deleted(catalog: Catalog) -> None:
    late = catalog.add_annotation("run-a", 1, step=50, end_step=60, label="stuck", text="in the ü corner", author="me")
    early = catalog.add_annotation("run-a", 1, step=3, color="#ff0000")
    catalog.add_annotation("run-a", 2, step=0)
    assert catalog.list_annotations("run-a", 1) == [early, late]
    changed = catalog.update_annotation(late.annotation_id, step=1, text="left")
    assert (changed.step, changed.end_step, changed.text, changed.label) == (1, 60, "left", "stuck")
    assert changed.updated_at >= changed.created_at == late.created_at
    assert catalog.list_annotations("run-a", 1) == [changed, early]
    assert catalog.delete_annotation(early.annotation_id)
    assert not catalog.delete_annotation(early.annotation_id)
    with pytest.raises(RecordingNotFoundError):
        catalog.update_annotation(early.annotation_id, text="x")


def test_an_annotation_needs_at_least_one_step(catalog: Catalog) -> None:
    note = catalog.add_annotation("run-a", 1, step=5, end_step=6)
    for span in ({"step": -1}, {"step": 3, "end_step": 3}):
        with pytest.raises(UsageError, match="spans"):
            catalog.add_annotation("run-a", 1, **span)
    with pytest.raises(UsageError, match="spans"):
        catalog.update_annotation(note.annotation_id, step=6)
    with pytest.raises(UsageError, match="no field 'run_id'"):
        catalog.update_annotation(note.annotation_id, run_id="run-b")
    assert catalog.list_annotations("run-a", 1) == [note]


def test_a_client_with_many_videos_does_not_delay_other_clients(catalog: Catalog) -> None:
    for number in range(20):
        catalog.enqueue_video("run-a", 1, {"crf": number}, at=NOW, asked_by="flood")
    honest, _ = catalog.enqueue_video("run-a", 2, {}, at=NOW + SECOND, asked_by="a person")
    first, *_, last = claimed = catalog.claim_videos(now=NOW + SECOND, lease_secs=60, limit=100)
    assert (first.asked_by, claimed[1].video_id, last.turn) == ("flood", honest.video_id, 19)
    for row in claimed:
        assert catalog.start_video(row.video_id, now=NOW, lease_secs=60) is not None
        catalog.plan_segments(row.video_id, [(frame, 1) for frame in range(20 if row is claimed[0] else 1)])
    order = [segment.video_id for segment in catalog.claim_segments(now=NOW, lease_secs=60, limit=100)]
    assert order.index(honest.video_id) <= 8, "a short video doesn't wait for all of a long one"
    assert order[-1] == last.video_id


def test_a_clients_turn_restarts_when_its_videos_are_finished(catalog: Catalog) -> None:
    rows = [catalog.enqueue_video("run-a", 1, {"crf": number}, at=NOW, asked_by="one")[0] for number in range(2)]
    assert [row.turn for row in rows] == [0, 1]
    for row in rows:
        catalog.cancel_video(row.video_id, at=NOW)
    assert catalog.enqueue_video("run-a", 1, {"crf": 9}, at=NOW, asked_by="one")[0].turn == 0
    assert catalog.retry_video(rows[0].video_id, asked_by="one").turn == 1


def test_more_videos_than_may_wait_are_refused(catalog: Catalog) -> None:
    bounds = VideoBounds(per_client=2, per_run=3)
    for number in range(2):
        catalog.enqueue_video("run-a", 1, {"crf": number}, at=NOW, asked_by="one", bounds=bounds)
    with pytest.raises(QuotaError, match="2 videos that you requested"):
        catalog.enqueue_video("run-b", 1, {}, at=NOW, asked_by="one", bounds=bounds)
    catalog.enqueue_video("run-a", 1, {"crf": 3}, at=NOW, asked_by="two", bounds=bounds)
    with pytest.raises(QuotaError, match="3 videos of run 'run-a'"):
        catalog.enqueue_video("run-a", 1, {"crf": 4}, at=NOW, asked_by="three", bounds=bounds)
    assert catalog.enqueue_video("run-a", 1, {"crf": 0}, at=NOW, asked_by="one", bounds=bounds)[1] is False
