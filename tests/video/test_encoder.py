from __future__ import annotations

import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from recorder.errors import VideoError
from recorder.video.codecs import EncoderSettings
from tests.processes import PythonProcess, is_alive
from tests.video.decoding import frame_hashes_of, n_frames_of
from tests.waiting import wait_until
from worker.video.encoding.encoder import VideoEncoder, join_segments
from worker.video.encoding.ffmpeg import ffmpeg_path
from worker.video.sound.loudness import write_lossless

QUICK = EncoderSettings(preset="ultrafast")
WIDTH, HEIGHT = 160, 96


def planes(value):
    return [
        np.full(shape, value, np.uint8)
        for shape in ((HEIGHT, WIDTH), (HEIGHT // 2, WIDTH // 2), (HEIGHT // 2, WIDTH // 2))
    ]


def encoder(path, settings=QUICK, width=WIDTH):
    return VideoEncoder(path, width=width, height=HEIGHT, fps=Fraction(10), settings=settings)


def write(path, values, settings=QUICK):
    with encoder(path, settings) as video:
        for value in values:
            video.write(planes(value))
        video.finish()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "video.mp4"
    with encoder(path) as video:
        for value in range(8):
            video.write(planes(value))
            assert not path.exists()
        assert video.finish() == path.stat().st_size
    assert names(path.parent) == ["video.mp4"]
    assert n_frames_of(path) == 8


def test_a_file_name_may_have_a_colon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("run:1.mp4"), range(3))
    assert n_frames_of(tmp_path / "run:1.mp4") == 3


def test_an_exception_ends_ffmpeg_and_leaves_no_file(tmp_path: Path) -> None:
    pids = []

    def fail_midway():
        with encoder(tmp_path / "video.mp4") as video:
            video.write(planes(0))
            pids.append(video.pid)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_midway()
    assert names(tmp_path) == []
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def killed_midway(path, finish):
    with encoder(path) as video:
        video.write(planes(0))
        os.kill(video.pid, signal.SIGKILL)
        while not finish:
            video.write(planes(0))
        video.finish()


def test_ctrl_c_while_ffmpeg_starts_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    class InterruptedStart(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)
            wait_until(lambda: any(tmp_path.iterdir()), message="ffmpeg's file")
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", InterruptedStart)
    # What ffmpeg does without a frame: it makes its file and waits.
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(waiting_ffmpeg(tmp_path.parent)))
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "video.mp4", range(3))
    (ffmpeg,) = started
    assert ffmpeg.poll() == -signal.SIGKILL
    assert names(tmp_path) == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def waiting_ffmpeg(folder):
    program = folder / "waiting_ffmpeg"
    program.write_text('#!/bin/sh\nfor last; do :; done\n: > "$last"\nexec sleep 60\n')
    program.chmod(0o755)
    return program


def test_a_killed_ffmpeg_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="ffmpeg ended after"):
        killed_midway(tmp_path / "video.mp4", finish=False)
    assert names(tmp_path) == []


def test_an_ffmpeg_killed_after_the_last_frame_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="status -9"):
        killed_midway(tmp_path / "video.mp4", finish=True)
    assert names(tmp_path) == []


def test_the_error_has_ffmpegs_output_and_command_line(tmp_path: Path) -> None:
    wrong = EncoderSettings(codec="libx264", preset="no-such-preset")
    with pytest.raises(VideoError) as caught:
        write(tmp_path / "video.mp4", range(50), wrong)
    assert "no-such-preset" in str(caught.value)
    assert "-c:v libx264" in str(caught.value)
    assert "video.mp4" in str(caught.value)
    assert names(tmp_path) == []


def test_a_file_with_too_few_frames_is_refused(tmp_path: Path) -> None:
    video = encoder(tmp_path / "video.mp4")
    for value in range(3):
        video.write(planes(value))
    video.n_frames += 1
    with video, pytest.raises(VideoError, match="ffmpeg wrote 3 of 4 frames"):
        video.finish()
    assert names(tmp_path) == []


def test_a_full_disk_is_an_error_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    fake = tmp_path / "ffmpeg"
    fake.write_text(
        f"#!/bin/sh\ncat > /dev/null\nexec {ffmpeg_path()} -f lavfi -i color=s=64x64:d=1 -f rawvideo -y /dev/full\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fake))
    with pytest.raises(VideoError, match="No space left"):
        write(tmp_path / "out" / "video.mp4", range(3))
    assert names(tmp_path / "out") == []


def test_a_disk_too_full_for_ffmpegs_output_is_named_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\ncat > /dev/null\nexit 228\n")
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    with pytest.raises(VideoError, match=r"ended with status 228 \(no space left on the disk\)"):
        write_lossless([np.zeros((100, 2), np.float32)], tmp_path / "mix.flac")
    assert list(tmp_path.iterdir()) == [program]


def test_an_unusable_ffmpeg_is_named_in_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "nothing"))
    with pytest.raises(VideoError, match="IMAGEIO_FFMPEG_EXE is not an executable program"):
        ffmpeg_path()


def test_segments_are_joined_without_encoding_again(tmp_path: Path) -> None:
    lossless = EncoderSettings(crf=0, preset="ultrafast")
    write(tmp_path / "a'b.mp4", range(40), lossless)
    write(tmp_path / "c.mp4", range(40, 65), lossless)
    write(tmp_path / "whole.mp4", range(65), lossless)
    join_segments([tmp_path / "a'b.mp4", tmp_path / "c.mp4"], tmp_path / "joined.mp4", n_frames=65)
    assert frame_hashes_of(tmp_path / "joined.mp4") == frame_hashes_of(tmp_path / "whole.mp4")


def test_a_missing_segment_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", range(5))
    with pytest.raises(VideoError, match=r"joined\.mp4"):
        join_segments([tmp_path / "a.mp4", tmp_path / "gone.mp4"], tmp_path / "joined.mp4", n_frames=10)
    assert names(tmp_path) == ["a.mp4"]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of this system can't end children with their parent")
def test_ffmpeg_ends_with_the_process_that_feeds_it(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    code = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from tests.video.test_encoder import encoder, planes
video = encoder(Path({str(tmp_path / "video.mp4")!r}))
video.write(planes(0))
print("pid", video.pid, flush=True)
time.sleep(600)
"""
    with PythonProcess("-c", code, environment={"TMPDIR": str(temporary)}) as feeder:
        pid = int(feeder.wait_for("pid").split()[1])
        os.kill(feeder.pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid), message="the end of ffmpeg")
    assert not (tmp_path / "video.mp4").exists()
    assert names(temporary) == []
