"""A video and its sound, made at once: what is in the picture, and what is left when either of them stops."""

from __future__ import annotations

import os
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.video.conftest import Recordings
from tests.video.decoding import frame_hashes_of
from tests.video.sample import sample_episode
from tests.waiting import wait_until
from worker.video import EpisodeVideoRenderer, export_episode_video
from worker.video.cards.subtitles import Subtitled
from worker.video.encoding.frame_loop import VideoStoppedError
from worker.video.narration.captions import Cue
from worker.video.sound.studio import Studio

QUICK = {"dpi": 20, "preset": "ultrafast", "crf": 40, "fps": 10, "steps_per_second": 4}


def export(recordings: Recordings, path: Path, **choices):
    return export_episode_video(1, recordings.database, recordings.folder, path, **{**QUICK, **choices})


def test_burnt_captions_of_a_narration_are_its_sentences(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, 24)
    large = {"dpi": 40, "hold_secs": 3.0, "chapters": False}
    burnt = export(recordings, tmp_path / "burnt.mp4", narrate="teacher", voice="none", captions="burn", **large)
    export(recordings, tmp_path / "plain.mp4", narrate="teacher", voice="none", captions="none", **large)
    assert burnt.captions is None
    hashes = frame_hashes_of(tmp_path / "burnt.mp4"), frame_hashes_of(tmp_path / "plain.mp4")
    assert len(hashes[0]) == len(hashes[1])
    differs = [one != other for one, other in zip(*hashes, strict=True)]
    assert differs[0]
    assert not all(differs)


def test_a_sentence_in_the_picture_stays_for_its_time_and_leaves_no_trace() -> None:
    episode = sample_episode(12)
    plain, below = (EpisodeVideoRenderer(episode, width=640, height=360) for _ in range(2))
    text = "A long sentence about what happens, " * 6
    shown = Subtitled(below, [Cue(0.1, 0.2, "Short."), Cue(0.2, 0.3, text)], fps=Fraction(30), style="dark")
    for frame in (*range(12), 4, 0, 7):
        shown.draw(frame)
        same = np.array_equal(shown.canvas.pixels, plain.frame(frame))
        assert same == (frame not in range(3, 9)), frame


def test_the_picture_is_made_while_the_voice_loads_and_ends_it_when_stopped(
    recordings: Recordings, tmp_path: Path
) -> None:
    recordings.add(1, 12)
    model = tmp_path / "slow.onnx"
    settings = tmp_path / "slow.onnx.json"
    os.mkfifo(settings)  # the voice waits for its settings until someone writes them
    slow = {"narrate": "teacher", "voice": "piper", "studio": Studio(voice_model=model), "hold_secs": 3.0}

    def write_settings() -> bool:
        try:
            pipe = os.open(settings, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False  # nobody reads yet
        os.write(pipe, b"none")
        os.close(pipe)
        return True

    def write_settings_at_the_end(n_done: int, n_frames: int) -> bool:
        if n_done == n_frames:
            wait_until(write_settings)
        return True

    video = export(recordings, tmp_path / "v.mp4", on_frame=write_settings_at_the_end, **slow)
    assert "the voice piper failed" in video.notes[0]
    with pytest.raises(VideoStoppedError):
        export(recordings, tmp_path / "w.mp4", on_frame=lambda *_: False, **slow)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sound")]
    assert {path.name for path in tmp_path.iterdir()} == {"recordings", "slow.onnx.json", "v.mp4", "v.vtt"}
