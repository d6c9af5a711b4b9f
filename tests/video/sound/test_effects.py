"""Sound effects: what is played when, the same each time, and how loud a finished video is."""

from __future__ import annotations

import hashlib
import struct
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recorder.errors import UsageError
from recorder.outline import EpisodeEvents
from recorder.video.sound_choices import THEMES
from recorder.video.timeline import make_timeline
from tests.video.conftest import Recordings
from tests.video.decoding import facts_of, frame_hashes_of
from tests.video.sample import ACTIONS, PLACES, sample_episode, sample_file, sample_steps
from tests.video.sound.hearing import audio_of, measure_loudness, onsets_of, samples_of
from worker.video import export_episode_video
from worker.video.sound.mixing import mixed
from worker.video.sound.score import make_score
from worker.video.sound.studio import Studio
from worker.video.sound.themes import THEME_SOUNDS, SoundBank
from worker.video.sound.wav_files import SOUND_NAMES, read_own_sounds, read_wav
from worker.video.sound.waves import RATE

QUICK = {"dpi": 20, "preset": "ultrafast", "crf": 40, "fps": 10}


def calm_steps(n_steps: int):
    """Full meters, no use, equal rewards: nothing but the sounds of actions."""
    return [
        replace(step, meters=(1.0,) * 8, reward=1.0, interaction_progress=0.0, done=False, position=(step.step % 8, 2))
        for step in sample_steps(n_steps)
    ]


def export(recordings: Recordings, path: Path, **choices):
    return export_episode_video(1, recordings.database, recordings.folder, path, **{**QUICK, **choices})


def sound_of(episode, *, theme="soft", seed=1, steps_per_second=8.0):
    events = EpisodeEvents(episode)
    timeline = make_timeline(episode.n_steps, steps_per_second=steps_per_second)
    bank = SoundBank(theme, seed, list(events.scene.affordances))
    n_samples = round(timeline.n_frames * RATE / timeline.fps)
    return np.concatenate(list(mixed(make_score(events, timeline), bank.sound, (), n_samples)))


def test_audio_generation_adds_a_sound_effect_for_each_action(recordings: Recordings, tmp_path: Path) -> None:
    """The original specification: "Audio generation: add sound effects for actions"."""
    recordings.add_file(1, sample_file(steps=calm_steps(10)), 10)
    path = tmp_path / "video.mp4"
    export(recordings, path, effects="wood", steps_per_second=2, chapters=False)
    export(recordings, tmp_path / "silent.mp4", steps_per_second=2, chapters=False)
    assert audio_of(tmp_path / "silent.mp4") == ""
    assert "aac" in audio_of(path)
    assert "48000 Hz, stereo" in audio_of(path)
    assert frame_hashes_of(path) == frame_hashes_of(tmp_path / "silent.mp4")
    samples = samples_of(path)
    assert abs(len(samples) / RATE - 5.0) < 0.05
    steps = [index / 2 for index in range(10)]
    onsets = onsets_of(samples)
    assert len(onsets) == len(steps), onsets
    assert max(abs(onset - step) for onset, step in zip(onsets, steps, strict=True)) <= 1 / QUICK["fps"]
    heard = measure_loudness(path)
    assert abs(heard.lufs + 14) <= 0.5, heard
    assert heard.peak <= -1, heard


def test_each_action_and_each_affordance_has_a_sound_of_its_own() -> None:
    for theme in THEMES:
        bank = SoundBank(theme, 1, list(PLACES))
        names = [f"action_{i}" for i in range(len(ACTIONS))] + [f"use_{name}" for name in PLACES]
        sounds = [bank.sound(name) for name in names]
        assert len({hashlib.sha256(sound.tobytes()).digest() for sound in sounds}) == len(names), theme
        for name, sound in zip(names, sounds, strict=True):
            assert sound.dtype == np.float32
            assert 0.05 < np.abs(sound).max() < 2, (theme, name)


def test_the_themes_are_those_that_can_be_chosen() -> None:
    assert tuple(THEME_SOUNDS) == THEMES


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    episode = sample_episode(60)
    sounds = [sound_of(episode, theme="wood", seed=seed).tobytes() for seed in (1, 1, 2)]
    assert sounds[0] == sounds[1]
    assert sounds[0] != sounds[2]


def test_a_sound_comes_from_the_side_of_the_agent() -> None:
    for x, louder, quieter in ((0, 0, 1), (7, 1, 0)):
        steps = [replace(step, position=(x, 3)) for step in calm_steps(8)]
        energy = (sound_of(sample_episode(steps=steps, affordance_layout={})) ** 2).sum(axis=0)
        assert energy[louder] > 4 * energy[quieter]


def test_the_alarm_grows_as_a_meter_empties() -> None:
    n_steps = 160
    steps = [replace(step, meters=(1 - step.step / n_steps,) + (1.0,) * 7) for step in calm_steps(n_steps)]
    events = EpisodeEvents(sample_episode(steps=steps))
    alarms = [note for note in make_score(events, make_timeline(n_steps, steps_per_second=8)) if note.name == "alarm"]
    gains = [note.gain for note in alarms]
    pauses = np.diff([note.at for note in alarms])
    assert len(alarms) > 3
    assert gains == sorted(gains)
    assert gains[-1] > 2 * gains[0]
    assert pauses[-1] < pauses[0]
    assert alarms[0].at >= 0.75 * n_steps / 8 * RATE


def test_rewards_death_uses_and_a_new_stage_are_heard() -> None:
    steps = calm_steps(40)
    steps[10] = replace(steps[10], reward=5.0)
    steps[20] = replace(steps[20], reward=-4.0)
    steps[30] = replace(steps[30], position=PLACES["Bed"], interaction_progress=0.2)
    steps[39] = replace(steps[39], meters=(0.0,) + (1.0,) * 7, done=True)
    episode = sample_episode(steps=steps, reasons=("stage_2_post_transition",))
    notes = make_score(EpisodeEvents(episode), make_timeline(40, steps_per_second=8))
    heard = {note.name: round(note.at / RATE * 8) for note in notes if not note.name.startswith("action")}
    assert heard == {
        "stage": 0, "best_reward": 10, "reward_up": 10, "reward_down": 20, "use_Bed": 30, "alarm": 39, "death": 39,
    }  # fmt: skip


def test_a_fast_episode_has_no_buzz_of_ticks_and_a_part_has_only_its_sounds() -> None:
    events = EpisodeEvents(sample_episode(steps=calm_steps(300)))
    notes = make_score(events, make_timeline(300, steps_per_second=300))
    assert len([note for note in notes if note.name.startswith("action")]) <= 14
    part = make_score(events, make_timeline(300, steps_per_second=10, first_step=100, end_step=110))
    assert [note.at for note in part] == [round(i / 10 * RATE) for i in range(10)]


@pytest.mark.parametrize(("codec", "name", "heard"), [("libvpx-vp9", "v.webm", "opus"), ("libx264", "v.mkv", "aac")])
def test_other_files_have_their_codec_and_begin_with_the_picture(
    recordings: Recordings, tmp_path: Path, codec: str, name: str, heard: str
) -> None:
    recordings.add_file(1, sample_file(steps=calm_steps(4)), 4)
    export(recordings, tmp_path / name, codec=codec, effects="wood", steps_per_second=2)
    assert heard in audio_of(tmp_path / name)
    assert "start: 0.0" in facts_of(tmp_path / name).text
    onsets = onsets_of(samples_of(tmp_path / name))
    assert np.allclose(onsets, [0, 0.5, 1, 1.5], atol=0.03)


def test_an_episode_of_one_step_has_a_short_sound(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, 1)
    video = export(recordings, tmp_path / "v.mp4", effects="arcade")
    assert video.n_frames == 2  # at ten frames and eight steps a second
    assert "aac" in audio_of(tmp_path / "v.mp4")
    assert measure_loudness(tmp_path / "v.mp4").peak <= -1


def test_what_has_no_sound_says_so_before_anything_is_written(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, 3)
    with pytest.raises(UsageError, match="a GIF has no sound"):
        export(recordings, tmp_path / "v.gif", codec="gif", effects="soft")
    with pytest.raises(UsageError, match=r"effects must be one of soft, .* did you mean 'arcade'"):
        export(recordings, tmp_path / "v.mp4", effects="arcad")
    assert list(tmp_path.glob("*v*")) == []


def write_wav(path: Path, samples, *, rate: int = RATE, width: int = 2, channels: int = 1) -> None:
    scaled = (np.asarray(samples) * (2 ** (8 * width - 1) - 1)).astype(int)
    data = b"".join(int(value).to_bytes(width, "little", signed=True) for value in scaled.ravel())
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(data)


def test_your_own_sounds_replace_those_of_the_theme(recordings: Recordings, tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    folder.mkdir()
    tone = np.sin(2 * np.pi * 1000 * np.arange(2205) / 22_050)
    write_wav(folder / "action.wav", 0.5 * tone, rate=22_050)
    write_wav(folder / "action_Up.wav", tone, rate=22_050, width=3)
    write_wav(folder / "end.wav", tone, rate=22_050)
    write_wav(folder / "use_Bed.wav", np.stack([tone, 0 * tone], axis=1), rate=22_050, channels=2)
    sounds = read_own_sounds(folder, ACTIONS)
    assert sorted(sounds) == ["action", "action_0", "end", "use_Bed"]
    bank = SoundBank("soft", 1, list(PLACES), sounds)
    assert len(bank.sound("action_3")) == 4800
    assert abs(np.abs(bank.sound("action_3")).max() - 0.5) < 0.02
    assert abs(np.abs(bank.sound("action_0")).max() - 1) < 0.02
    assert np.abs(bank.sound("use_Bed")[:, 1]).max() < 0.01
    assert bank.sound("use_Job") is not bank.sound("use_Bed")
    recordings.add_file(1, sample_file(steps=calm_steps(4)), 4)
    export(recordings, tmp_path / "v.mp4", effects="soft", studio=Studio(sounds_dir=folder), steps_per_second=2)
    spectrum = np.abs(np.fft.rfft(samples_of(tmp_path / "v.mp4")[: 2 * RATE, 0]))
    assert abs(int(spectrum.argmax()) / 2 - 1000) < 30


def test_a_sound_that_cannot_be_used_is_named_with_the_way_out(tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    with pytest.raises(UsageError, match="can't read the folder of sounds"):
        read_own_sounds(folder, ())
    folder.mkdir()
    with pytest.raises(UsageError, match=r"no \.wav file"):
        read_own_sounds(folder, ())
    for name, data, message in (
        ("deth.wav", b"", "did you mean death.wav"),
        ("action_.wav", b"", "a sound is called"),
        ("death.wav", b"", "it is cut off"),
        ("death.wav", b"ID3 not a wave file", "ffmpeg -i IN"),
        (
            "death.wav",
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 3, 1, 48000, 192000, 4, 32),
            "ffmpeg -i IN",
        ),
    ):
        path = folder / name
        path.write_bytes(data)
        with pytest.raises(UsageError, match=message):
            read_own_sounds(folder, ())
        path.unlink()
    write_wav(folder / "end.wav", np.zeros(8000 * 11), rate=8000)
    with pytest.raises(UsageError, match="can last 10 seconds"):
        read_own_sounds(folder, ())
    write_wav(folder / "end.wav", np.zeros((100, 3)), channels=3)
    with pytest.raises(UsageError, match="1 or 2 channels"):
        read_wav(folder / "end.wav")


def test_the_page_about_videos_names_every_sound_and_theme() -> None:
    page = (Path(__file__).parents[3] / "docs" / "video.md").read_text(encoding="utf-8")
    for name in (*SOUND_NAMES, *THEMES):
        assert f"`{name}`" in page, name
