"""The command line, called as people call it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from recorder.__main__ import main
from recorder.video.options import VideoOptions
from tests.processes import AS_AN_ORDINARY_USER, ROOT, PythonProcess, needs_permissions, run_python
from tests.video.conftest import Recordings, damage_first_chunk
from tests.video.decoding import facts_of, n_frames_of
from tests.waiting import DEADLINE_SECS, wait_until


def run(recordings, *arguments):
    return main(
        [arguments[0], "--database", str(recordings.database), "--recordings", str(recordings.folder), *arguments[1:]]
    )


def test_the_original_export_command_works(
    recordings: Recordings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recordings.add(500, 2)
    path = tmp_path / "episode_500.mp4"
    assert run(recordings, "export", "500", "--output", str(path), "--fps", "60", "--dpi", "150") == 0
    facts = facts_of(path)
    assert (facts.width, facts.height, facts.fps) == (2400, 1350, 60)
    assert "15 frames" in capsys.readouterr().out  # of two steps, eight a second


def test_every_option_of_the_picture_the_time_and_the_encoder(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(500, 20)
    path = tmp_path / "video.mp4"
    options = "--dpi 20 --style light --fps 10 --steps-per-second 4 --speed 0.5 --from 3 --to 8 --title-secs 1 --hold-secs 0.5"
    encoder = "--codec libx264 --crf 30 --preset ultrafast --no-chapters --learning-curve"
    track = tmp_path / "video.vtt"
    assert (
        run(
            recordings,
            "export",
            "500",
            "--output",
            str(path),
            "--webvtt",
            str(track),
            *options.split(),
            *encoder.split(),
        )
        == 0
    )
    assert n_frames_of(path) == 10 + 25 + 5
    assert "Chapter" not in facts_of(path).text
    assert track.read_text().startswith("WEBVTT")


@pytest.mark.parametrize(
    ("profile", "size", "codec"),
    [("debug-720p", (1280, 720), "h264"), ("gif", (640, 360), "gif"), ("webm", (1920, 1080), "vp9")],
)
def test_profiles_set_the_choices_of_a_video(
    recordings: Recordings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    profile: str,
    size: tuple[int, int],
    codec: str,
) -> None:
    recordings.add(500, 1)
    monkeypatch.chdir(tmp_path)
    assert run(recordings, "export", "500", "--profile", profile) == 0
    facts = facts_of(next(tmp_path.glob("episode_000500.*")))
    assert ((facts.width, facts.height), facts.codec) == (size, codec)


def test_youtubes_profile_has_a_title_card_and_a_key_frame_each_half_second(
    recordings: Recordings, tmp_path: Path
) -> None:
    recordings.add(500, 2)
    path = tmp_path / "video.mp4"
    faster = ["--preset", "ultrafast", "--title-secs", "0.1", "--hold-secs", "0.5"]
    assert run(recordings, "export", "500", "--profile", "youtube-1080p", *faster, "--output", str(path)) == 0
    facts = facts_of(path)
    assert (facts.width, facts.height, facts.fps) == (1920, 1080, 60)
    assert n_frames_of(path) == 6 + 30 + 30  # the last two steps at half the pace
    assert VideoOptions.chosen("youtube-1080p").hold_secs == 3.5


def test_effects_narration_and_captions_are_options(
    recordings: Recordings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings.add(500, 20)
    monkeypatch.chdir(tmp_path)
    quick = ["--dpi", "20", "--preset", "ultrafast", "--fps", "10", "--steps-per-second", "4"]
    sound = ["--effects", "wood", "--narrate", "deadpan", "--voice", "espeak", "--captions", "srt"]
    assert run(recordings, "export", "500", "--output", "v.mp4", *quick, *sound) == 0
    assert "aac" in facts_of(Path("v.mp4")).text
    assert "-->" in Path("v.srt").read_text()
    capsys.readouterr()
    assert run(recordings, "export", "500", "--output", "w.mp4", *quick, "--narrate", "--voice", "none") == 0
    assert "-->" in Path("w.vtt").read_text()
    for wrong, message in (
        (["--sounds", "x"], "--sounds needs --effects"),
        (["--effects", "--sounds", "nowhere"], "can't read the folder of sounds"),
        (["--llm", "http://localhost:1/v1"], "--llm needs --narrate"),
        (["--narrate", "--llm", "localhost"], "llm must be a URL"),
        (["--effects", "--sounds", "x", "--queue"], "--sounds excludes --queue"),
        (["--html", "--sounds", "x"], "--sounds excludes --html"),
        (["--html", "--effects"], "--html excludes"),
        (["--narrate", "--webvtt", "x.vtt"], "captions and chapters"),
    ):
        assert (
            run(recordings, "export", "500", *([] if "--queue" in wrong else ["--output", "x.mp4"]), *quick, *wrong)
            == 2
        )
        assert message in capsys.readouterr().err, wrong
    assert not list(tmp_path.glob("*x.*"))


def test_comparison_and_reel_are_exported(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(500, 3)
    recordings.add(480, 4)
    both, reel = tmp_path / "both.mp4", tmp_path / "reel.mp4"
    quick = ["--dpi", "20", "--preset", "ultrafast", "--fps", "10", "--steps-per-second", "10"]
    assert run(recordings, "export", "500", "--against", "480", "--output", str(both), *quick) == 0
    assert n_frames_of(both) == 4
    assert run(recordings, "reel", "--output", str(reel), "--title-secs", "0.2", "--pick", "best", *quick) == 0
    assert n_frames_of(reel) == 2 + 3


def export_top_performers(recordings, folder, *filters):
    return run(recordings, "batch", "--output-dir", str(folder), "--dpi", "20", "--preset", "ultrafast", *filters)


def test_usage_example_2_exports_top_performers(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, 2, total_reward=350.0)
    recordings.add(2, 2, total_reward=299.0)
    assert (
        export_top_performers(recordings, tmp_path / "top", "--min-reward", "300.0", "--limit", "20", "--fps", "60")
        == 0
    )
    assert [path.name for path in (tmp_path / "top").iterdir()] == ["episode_000001.mp4"]


def test_a_batch_takes_the_best_or_the_worst(recordings: Recordings, tmp_path: Path) -> None:
    for episode_id, total_reward in ((1, 5.0), (2, 9.0), (3, 1.0)):
        recordings.add(episode_id, 2, total_reward=total_reward)
    for name, order, expected in (("best", (), 2), ("worst", ("--ascending",), 3)):
        assert export_top_performers(recordings, tmp_path / name, "--order", "return", *order, "--limit", "1") == 0
        assert [path.name for path in (tmp_path / name).iterdir()] == [f"episode_{expected:06d}.mp4"]


def test_usage_example_3_exports_failures(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, 2, total_reward=49.0)
    recordings.add(2, 2, total_reward=299.0)
    assert export_top_performers(recordings, tmp_path / "failures", "--max-reward", "50.0", "--limit", "10") == 0
    assert [path.name for path in (tmp_path / "failures").iterdir()] == ["episode_000001.mp4"]


def test_usage_example_4_exports_stage_transitions(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, 2, reasons=("stage_2_pre_transition", "periodic_100"))
    recordings.add(2, 2, reasons=("periodic_100",))
    assert (
        export_top_performers(recordings, tmp_path / "transitions", "--reason", "stage_2_pre_transition", "--verbose")
        == 0
    )
    assert [path.name for path in (tmp_path / "transitions").iterdir()] == ["episode_000001.mp4"]


def test_a_batch_with_a_bad_episode_says_so_and_ends_with_status_1(
    recordings: Recordings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recordings.add(1, 2)
    bad = recordings.add(2, 2)
    (recordings.folder / bad.file_path).write_bytes(b"broken")
    assert export_top_performers(recordings, tmp_path / "all") == 1
    out = capsys.readouterr().out
    assert "FAILED episode 2" in out
    assert "1 video made, 1 failed" in out
    assert [path.name for path in (tmp_path / "all").iterdir()] == ["episode_000001.mp4"]


def test_each_failure_of_a_batch_is_reported_once(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, 2, total_reward=1.0)
    bad = recordings.add(2, 2, total_reward=2.0)
    (recordings.folder / bad.file_path).write_bytes(b"broken")
    places = ["--database", str(recordings.database), "--recordings", str(recordings.folder)]
    quick = ["--dpi", "20", "--preset", "ultrafast"]
    batch = run_python(["-m", "recorder", "batch", *places, *quick, "--output-dir", str(tmp_path / "all")])
    reel = run_python(["-m", "recorder", "reel", *places, *quick, "--output", str(tmp_path / "reel.mp4")])
    for (status, printed), said in ((batch, "FAILED episode 2 of run"), (reel, "LEFT OUT episode 2: ")):
        assert status == 1, printed
        assert said in printed
        assert printed.count(bad.file_path) == 1, printed


def test_an_empty_batch_says_so(recordings: Recordings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recordings.add(1, 2)
    assert export_top_performers(recordings, tmp_path / "none", "--min-reward", "1e9") == 3
    assert "no recording matches the filters; recordings in the catalog: 1" in capsys.readouterr().out
    assert export_top_performers(recordings, tmp_path / "none", "--reason", "nobody_*") == 3
    assert "no recording was kept for 'nobody_*'; existing reasons: " in capsys.readouterr().out


def test_a_missing_episode_exits_with_3_a_wrong_option_with_2(
    recordings: Recordings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recordings.add(1, 2)
    assert run(recordings, "export", "9", "--output", str(tmp_path / "v.mp4")) == 3
    assert run(recordings, "export", "1", "--output", str(tmp_path / "v.mp4"), "--profile", "vimeo") == 2
    assert run(recordings, "export", "1", "--queue", "--output", "v.mp4") == 2
    errors = capsys.readouterr().err
    assert "episode 9" in errors
    assert "youtube-1080p" in errors


def test_a_queued_video_can_be_listed_cancelled_and_tried_again(
    recordings: Recordings, capsys: pytest.CaptureFixture[str]
) -> None:
    recordings.add(1, 2)
    assert run(recordings, "export", "1", "--queue", "--dpi", "20", "--json") == 0
    video_id = json.loads(capsys.readouterr().out)["video_id"]
    for action, state in (("--cancel", "cancelled"), ("--retry", "queued")):
        assert run(recordings, "videos", action, video_id[:8], "--json") == 0
        assert json.loads(capsys.readouterr().out)[0]["state"] == state
    assert run(recordings, "videos", "--state", "queued") == 0
    assert video_id[:12] in capsys.readouterr().out
    run(recordings, "videos", "--cancel", video_id)
    assert run(recordings, "videos", "--wait", video_id) == 1
    assert run(recordings, "export", "1", "--queue", "--dpi", "40") == 0
    capsys.readouterr()
    assert run(recordings, "videos", "--cancel", "no such") == 3
    assert "no video has an id that begins with 'no such'" in capsys.readouterr().err
    for action in ("--cancel", "--retry", "--wait"):
        assert run(recordings, "videos", action, "") == 2
        assert "2 videos have an id that begins with ''" in capsys.readouterr().err


@needs_permissions
def test_an_unwritable_folder_is_an_error_of_one_line(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, 2)
    folder = tmp_path / "of another"
    folder.mkdir(mode=0o555)
    places = ["--database", str(recordings.database), "--recordings", str(recordings.folder)]
    command = [*AS_AN_ORDINARY_USER, sys.executable, "-m", "recorder", "export", "1", *places]
    program = subprocess.run(
        [*command, "--output", str(folder / "v.mp4")], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_SECS
    )
    assert program.returncode == 1
    assert program.stderr == f"error: can't write the video (Permission denied): {folder / 'v.mp4'}\n"


def test_no_html_page_is_written_for_a_damaged_recording(
    recordings: Recordings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = recordings.add(1)
    damage_first_chunk(recordings.folder / row.file_path)
    assert run(recordings, "export", "1", "--html", "--output", str(tmp_path / "page.html")) == 1
    assert str(recordings.folder / row.file_path) in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("choice", ["--against 2", "--webvtt t.vtt", "--dpi 80", "--no-chapters", "--codec gif"])
def test_an_html_page_refuses_video_choices(
    recordings: Recordings, capsys: pytest.CaptureFixture[str], choice: list[str]
) -> None:
    recordings.add(1, 2)
    assert run(recordings, "export", "1", "--html", *choice.split()) == 2
    assert "--html excludes" in capsys.readouterr().err


def test_an_html_page_gets_an_html_name(
    recordings: Recordings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recordings.add(1, 2)
    assert run(recordings, "export", "1", "--html", "--output", str(tmp_path / "page.mp4")) == 2
    assert "--output must end in .html or .htm, not in '.mp4'" in capsys.readouterr().err
    assert run(recordings, "export", "1", "--html", "--output", str(tmp_path / "page.HTM")) == 0


def test_ctrl_c_leaves_no_file_and_exits_with_130(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, 3000)
    folder = tmp_path / "out"
    places = ["--database", str(recordings.database), "--recordings", str(recordings.folder)]
    with PythonProcess("-m", "recorder", "export", "1", *places, "--output", str(folder / "v.mp4")) as process:
        wait_until(lambda: folder.is_dir() and any(folder.iterdir()), message="the partial file")
        process.signal(signal.SIGINT)
        assert process.wait() == 130, process.output
    assert list(folder.iterdir()) == []
