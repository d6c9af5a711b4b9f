from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from recorder.episode_file import open_episode
from recorder.errors import EpisodeFileError, RecordingNotFoundError, UsageError, VideoError
from recorder.video.options import VideoOptions
from tests.video.conftest import Recordings, damage_first_chunk
from tests.video.decoding import boxes_of, facts_of, frame_hashes_of, frames_of, n_frames_of
from tests.video.sample import sample_file, sample_steps
from worker.video import batch_export_videos, export_episode_video
from worker.video.encoding.frame_loop import VideoStoppedError
from worker.video.in_run import make_renderer

QUICK = {"dpi": 20, "preset": "ultrafast", "steps_per_second": 30}


def export(recordings, episode_id, path, **choices):
    return export_episode_video(episode_id, recordings.database, recordings.folder, path, **{**QUICK, **choices})


def leftovers(folder):
    return [path.name for path in folder.rglob("*") if ".part" in path.name]


def test_the_original_export_call_makes_the_promised_video(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(500, 3)
    path = tmp_path / "episode_500.mp4"
    video = export_episode_video(
        episode_id=500,
        database_path=recordings.database,
        recordings_base_dir=str(recordings.folder),
        output_path=str(path),
        fps=60,
        dpi=150,  # 2400x1350 resolution
        style="dark",
    )
    facts = facts_of(path)
    assert (facts.codec, facts.profile, facts.pixel_format) == ("h264", "High", "yuv420p")
    assert facts.colors.startswith("tv, bt709")
    assert (facts.width, facts.height, facts.fps) == (2400, 1350, 60)
    assert n_frames_of(path) == video.n_frames == 23  # of three steps, eight a second
    assert video.file_size_bytes == path.stat().st_size
    boxes = boxes_of(path)
    assert boxes.index("moov") < boxes.index("mdat"), boxes


@pytest.mark.parametrize(("dpi", "size"), [(80, (1280, 720)), (100, (1600, 900)), (120, (1920, 1080))])
def test_dpi_sets_the_size(recordings: Recordings, tmp_path: Path, dpi: int, size: tuple[int, int]) -> None:
    recordings.add(1, 2)
    path = tmp_path / "video.mp4"
    export(recordings, 1, path, dpi=dpi)
    facts = facts_of(path)
    assert (facts.width, facts.height) == size


def test_colours_and_places_survive_the_encoder(recordings: Recordings, tmp_path: Path) -> None:
    steps = [replace(step, position=(step.step % 3, 0), interaction_progress=0.0) for step in sample_steps(3)]
    recordings.add_file(7, sample_file(steps=steps, episode_id=7, affordance_layout={}))
    path = tmp_path / "video.mp4"
    export(recordings, 7, path, dpi=60, crf=8)
    frames = frames_of(path)
    assert frames.shape == (3, 540, 960, 3)
    columns = []
    for frame in frames:
        board = frame[60:500, 20:480].astype(int)
        agent = np.abs(board - (0x4C, 0x8D, 0xFF)).max(axis=2) < 14
        assert agent.sum() > 200, "the agent's colour is not where the agent must be"
        columns.append(np.median(np.nonzero(agent)[1]))
    assert columns[0] < columns[1] < columns[2]
    assert (np.abs(frames[0][2, 2].astype(int) - (0x0D, 0x11, 0x17)) <= 2).all()


def test_a_part_of_an_episode_has_only_its_frames(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, 20)
    lossless = {"crf": 0, "chapters": False}
    export(recordings, 1, tmp_path / "whole.mp4", **lossless)
    export(recordings, 1, tmp_path / "part.mp4", first_step=5, end_step=9, **lossless)
    assert frame_hashes_of(tmp_path / "part.mp4") == frame_hashes_of(tmp_path / "whole.mp4")[5:9]


def test_a_slow_pace_with_a_title_card_has_the_computed_number_of_frames(
    recordings: Recordings, tmp_path: Path
) -> None:
    recordings.add(1, 4)
    path = tmp_path / "video.mp4"
    export(recordings, 1, path, fps=10, steps_per_second=4, title_secs=0.5, hold_secs=0.5, learning_curve=True)
    assert n_frames_of(path) == 5 + 10 + 5


@pytest.mark.parametrize(
    ("codec", "name", "found"),
    [
        ("libx265", "video.mp4", "hevc"),
        ("libvpx-vp9", "video.webm", "vp9"),
        ("gif", "video.gif", "gif"),
        ("libsvtav1", "v.mp4", "av1"),
    ],
)
def test_other_codecs_make_playable_files(
    recordings: Recordings, tmp_path: Path, codec: str, name: str, found: str
) -> None:
    recordings.add(1, 3)
    export(recordings, 1, tmp_path / name, codec=codec, crf=40)
    assert facts_of(tmp_path / name).codec == found
    assert n_frames_of(tmp_path / name) == 3


def test_markers_become_chapters(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(500, 30)
    export(recordings, 500, tmp_path / "video.mp4", fps=5, steps_per_second=1)
    text = facts_of(tmp_path / "video.mp4").text
    assert "Chapter #0:1" in text
    assert "title           : Episode 500" in text
    assert "Step " in text


def test_a_gif_has_the_drawn_colors_and_stores_only_what_changes(recordings: Recordings, tmp_path: Path) -> None:
    row = recordings.add(7, 24)
    path = tmp_path / "v.gif"
    export_episode_video(7, recordings.database, recordings.folder, path, profile="gif")
    options = VideoOptions.chosen("gif")
    renderer = make_renderer(open_episode(recordings.folder / row.file_path), options)
    with Image.open(path) as image:
        frames = [np.asarray(frame.convert("RGB"), np.float64) for frame in ImageSequence.Iterator(image)]
    assert len(frames) == renderer.n_frames == 48
    errors = [np.mean((frame - renderer.frame(number)) ** 2) for number, frame in enumerate(frames)]
    assert 10 * math.log10(255**2 / max(errors)) > 38.0
    assert path.stat().st_size < 400_000  # of 240 frames: below 2 MB
    assert leftovers(tmp_path) == []


def test_a_story_is_told_in_the_header_and_has_its_own_time(recordings: Recordings, tmp_path: Path) -> None:
    row = recordings.add(7, 40)
    episode = open_episode(recordings.folder / row.file_path)
    options = VideoOptions.chosen(pace="story", dpi=40)
    renderer = make_renderer(episode, options)
    steady = make_renderer(episode, replace(options, pace="steady"))
    assert renderer.n_frames != steady.n_frames
    last = renderer.frame(renderer.n_frames - 1).copy()
    assert renderer.timeline.moment(renderer.n_frames - 1).factor == 0.5
    differs = (last != steady.frame(steady.n_frames - 1)).any(axis=2)
    assert differs[: renderer.layout.header.bottom].any()
    assert not differs[renderer.layout.header.bottom :].any()
    usual = next(n for n in range(renderer.n_frames) if renderer.timeline.moment(n)[1:] == (1.0, 1.0))
    index = renderer.timeline.moment(usual).step_index
    same = next(n for n in range(steady.n_frames) if steady.timeline.moment(n)[:2] == (index, 1.0))
    np.testing.assert_array_equal(renderer.frame(usual), steady.frame(same))  # "slow motion" is gone


def test_an_invalid_choice_is_refused_before_anything_is_written(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1)
    for wrong, message in (
        ({"preset": "fsat"}, "did you mean 'fast'"),
        ({"profile": "youtube"}, "profile must be one of"),
        ({"style": "drak"}, "did you mean 'dark'"),
        ({"crf": 52}, "0 to 51"),
        ({"dpi": 5}, "dpi must be 20 to"),
        ({"codec": "h264"}, "codec must be one of"),
        ({"width": 321, "height": 180, "dpi": None}, "width must be an even number of pixels"),
        ({"colour": 3}, "unknown video option colour"),
        ({"first_step": 50}, "select nothing"),
        ({"fps": 0}, "fps must be 0.001"),
    ):
        with pytest.raises(UsageError, match=message):
            export(recordings, 1, tmp_path / "out" / "video.mp4", **wrong)
    with pytest.raises(UsageError, match="a GIF can have at most 50 frames a second, got 1000"):
        export(recordings, 1, tmp_path / "out" / "video.gif", codec="gif", fps=1000)
    with pytest.raises(UsageError, match=r"must end in \.mp4"):
        export(recordings, 1, tmp_path / "out" / "video.avi")
    assert not (tmp_path / "out").exists()


def test_a_missing_or_broken_recording_is_named_in_the_error(recordings: Recordings, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    with pytest.raises(RecordingNotFoundError, match="episode 9"):
        export(recordings, 9, path)
    row = recordings.add(2)
    (recordings.folder / row.file_path).write_bytes(b"not a recording")
    with pytest.raises(EpisodeFileError, match="episode_000002"):
        export(recordings, 2, path)
    row = recordings.add(2)
    damage_first_chunk(recordings.folder / row.file_path)
    with pytest.raises(EpisodeFileError, match=r"episode_000002\.msgpack\.lz4$"):
        export(recordings, 2, path)
    (recordings.folder / row.file_path).unlink()
    with pytest.raises(RecordingNotFoundError, match="moved or deleted"):
        export(recordings, 2, path)
    recordings.add_file(3, sample_file(steps=[], episode_id=3))
    with pytest.raises(UsageError, match="has no steps"):
        export(recordings, 3, path)
    assert list(tmp_path.glob("*.mp4")) == []


def test_an_unwritable_output_is_named_in_the_error(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1)
    (tmp_path / "file").write_text("")
    with pytest.raises(VideoError, match="can't write the video"):
        export(recordings, 1, tmp_path / "file" / "video.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(VideoError, match="is a folder"):
        export(recordings, 1, tmp_path / "folder.mp4")


def test_a_stopped_export_keeps_the_old_file_and_leaves_no_partial_one(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, 12)
    path = tmp_path / "video.mp4"
    path.write_text("the old one")
    with pytest.raises(VideoStoppedError, match="after 4 of 12 frames"):
        export(recordings, 1, path, on_frame=lambda n_done, _: n_done < 4)

    def interrupt(n_done, n_total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(recordings, 1, path, on_frame=interrupt)
    assert path.read_text() == "the old one"
    assert leftovers(tmp_path) == []


def test_progress_reports_frames_done_and_all_frames(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, 5)
    reports = []
    export(recordings, 1, tmp_path / "video.mp4", on_frame=lambda *numbers: reports.append(numbers) or True)
    assert reports == [(i, 5) for i in range(1, 6)]


def test_the_original_batch_call_exports_the_matching_episodes(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, total_reward=250.0, curriculum_stage=2)
    recordings.add(2, total_reward=150.0, curriculum_stage=2)
    recordings.add(3, total_reward=300.0, curriculum_stage=1)
    result = batch_export_videos(
        database_path=recordings.database,
        recordings_base_dir=recordings.folder,
        output_dir=tmp_path / "videos",
        stage=2,
        min_reward=200.0,
        limit=20,
        fps=60,
        **QUICK,
    )
    assert [video.path.name for video in result.videos] == ["episode_000001.mp4"]
    assert result.failures == []
    assert facts_of(tmp_path / "videos" / "episode_000001.mp4").fps == 60


def test_a_batch_continues_after_a_bad_episode_and_reports_it(recordings: Recordings, tmp_path: Path) -> None:
    for episode_id in (1, 2, 3):
        row = recordings.add(episode_id, 2)
        if episode_id == 2:
            (recordings.folder / row.file_path).write_bytes(b"broken")
    result = batch_export_videos(recordings.database, recordings.folder, tmp_path / "videos", **QUICK)
    assert sorted(video.path.name for video in result.videos) == ["episode_000001.mp4", "episode_000003.mp4"]
    ((row, error),) = result.failures
    assert row.episode_id == 2
    assert isinstance(error, EpisodeFileError)
