from __future__ import annotations

from pathlib import Path

import pytest

from recorder.catalog import RecordingRow
from recorder.errors import RecordingNotFoundError, UsageError
from tests.video.conftest import Recordings, damage_first_chunk
from tests.video.decoding import facts_of, n_frames_of
from worker.video import export_comparison_video, export_reel_video
from worker.video.reel import choose_episodes

QUICK = {"dpi": 20, "preset": "ultrafast", "fps": 10, "steps_per_second": 10}


def row(episode_id, stage, reward):
    return RecordingRow("run", episode_id, curriculum_stage=stage, total_reward=reward)


def chosen(rows, *args):
    return [(pick.row.episode_id, pick.caption) for pick in choose_episodes(rows, *args)]


def test_a_reel_has_worst_median_and_best_of_each_stage_in_order() -> None:
    rows = [
        row(5, 2, 9.0),
        row(1, 1, 3.0),
        row(2, 1, 1.0),
        row(3, 1, 2.0),
        row(4, 1, 7.0),
        row(6, 2, 8.0),
        row(9, 2, float("nan")),
    ]
    assert chosen(rows) == [
        (2, "stage 1: worst"),
        (3, "stage 1: median"),
        (4, "stage 1: best"),
        (6, "stage 2: worst"),
        (5, "stage 2: best"),
    ]
    assert chosen(rows, ("best",)) == [(4, "stage 1: best"), (5, "stage 2: best")]


def test_a_single_episode_is_the_best() -> None:
    assert chosen([row(1, 1, 0.0)]) == [(1, "stage 1: best")]


def test_episodes_without_a_stage_are_grouped_and_their_cards_name_none() -> None:
    rows = [row(1, 2, 1.0), row(2, None, 5.0), row(3, None, 4.0)]
    assert chosen(rows) == [(3, "worst"), (2, "best"), (1, "stage 2: best")]


def test_an_unknown_pick_is_refused() -> None:
    with pytest.raises(UsageError, match="worst, median, best"):
        choose_episodes([], ("finest",))


def test_a_reel_has_the_frames_of_all_its_clips_and_leaves_out_broken_ones(
    recordings: Recordings, tmp_path: Path
) -> None:
    for episode_id, stage, reward in ((1, 1, 1.0), (2, 1, 2.0), (3, 2, 5.0), (4, 2, 4.0)):
        kept = recordings.add(episode_id, 10, curriculum_stage=stage, total_reward=reward)
        if episode_id == 4:
            (recordings.folder / kept.file_path).write_bytes(b"broken")
    path = tmp_path / "reel.mp4"
    result = export_reel_video(recordings.database, recordings.folder, path, title_secs=0.3, clip_secs=0.5, **QUICK)
    assert n_frames_of(path) == result.video.n_frames == 3 * (3 + 5)
    assert [row.episode_id for row, _ in result.failures] == [4]


def test_a_reel_leaves_out_an_episode_of_which_only_a_chunk_is_damaged(recordings: Recordings, tmp_path: Path) -> None:
    kept = [recordings.add(episode_id, 10, total_reward=float(episode_id)) for episode_id in (1, 2)]
    damage_first_chunk(recordings.folder / kept[1].file_path)
    path = tmp_path / "reel.mp4"
    result = export_reel_video(recordings.database, recordings.folder, path, title_secs=0.3, clip_secs=0.5, **QUICK)
    ((row, error),) = result.failures
    assert row.episode_id == 2
    assert str(error).endswith(str(recordings.folder / kept[1].file_path))
    assert n_frames_of(path) == 3 + 5


def test_an_episode_too_long_for_its_clip_is_left_out_with_a_reason(recordings: Recordings, tmp_path: Path) -> None:
    for episode_id, n_steps in ((1, 10), (2, 20)):
        recordings.add(episode_id, n_steps, total_reward=float(episode_id))
    path = tmp_path / "reel.mp4"
    result = export_reel_video(recordings.database, recordings.folder, path, title_secs=0.3, clip_secs=0.01, **QUICK)
    ((row, error),) = result.failures
    assert row.episode_id == 2
    assert str(error) == "clip_secs=0.01 is too short for 20 steps: a video shows at most 1000 per second"
    assert n_frames_of(path) == 3 + 1


def test_a_run_without_drawable_episodes_has_no_reel_and_says_why(recordings: Recordings, tmp_path: Path) -> None:
    kept = recordings.add(1, 10)
    (recordings.folder / kept.file_path).write_bytes(b"broken")
    with pytest.raises(RecordingNotFoundError, match=rf"can be read \(.*{kept.file_path}\): sqlite"):
        export_reel_video(recordings.database, recordings.folder, tmp_path / "reel.mp4", **QUICK)


def test_a_run_without_recordings_has_no_reel(recordings: Recordings, tmp_path: Path) -> None:
    with pytest.raises(RecordingNotFoundError, match="no recording of run 'other'"):
        export_reel_video(recordings.database, recordings.folder, tmp_path / "reel.mp4", run_id="other", **QUICK)


def test_a_comparison_lasts_as_long_as_the_longer_episode(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, 4)
    recordings.add(2, 7)
    path = tmp_path / "both.mp4"
    export_comparison_video(1, 2, recordings.database, recordings.folder, path, **{**QUICK, "dpi": 40})
    facts = facts_of(path)
    assert (facts.width, facts.height) == (640, 360)
    assert n_frames_of(path) == 7
