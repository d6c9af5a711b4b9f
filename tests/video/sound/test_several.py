"""Reels and comparisons are heard and introduced, and what is said of them is right."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from recorder.episode_file import open_episode
from recorder.outline.divergence import first_divergence
from recorder.video.options import VideoOptions
from recorder.video.sound_choices import NARRATION_STYLES
from tests.video.conftest import Recordings
from tests.video.decoding import n_frames_of
from tests.video.sample import sample_file, sample_steps
from tests.video.sound.hearing import audio_of, measure_loudness
from tests.video.sound.several import comparison_of, episode_of, reel_of
from worker.video import export_comparison_video, export_reel_video
from worker.video.narration.narration import narrate
from worker.video.sound.studio import Studio

QUICK = {"dpi": 20, "preset": "ultrafast", "crf": 40, "fps": 10, "steps_per_second": 4}

ODD_NAMES = ("<b>x</b>", "🏖️", "カフェ", "a\nb", "${x}", "%s", "{name}", "م")


def said(programme, *, style="teacher", seed=1):
    options = VideoOptions(narrate=style, voice="none")
    return narrate(programme.script(), options, Studio(), seed=seed, folder=Path()).lines


def test_a_comparison_says_who_is_ahead_where_they_part_and_who_wins() -> None:
    left = episode_of(7, [1.0] * 8 + [5.0] * 8 + [0.0] * 8)
    right = episode_of(9, [1.0] * 8 + [0.0] * 8 + [9.0] * 24)
    facts = {(fact.kind, fact.values.get("side", "")): fact for fact, *_ in comparison_of(left, right).script().facts}
    assert facts["versus", ""].values == {"episode": "7", "other": "9"}
    assert facts["split", ""].values == {"step": "8", "what": "reward"}
    assert facts["lead", "left"].values["ahead"] == "7"
    # after 8 steps of 5 it is 40 ahead; nine steps more of 9 than 0, 21.6 is five per cent of the last lead, take it back
    assert facts["lead", "right"].index == 16 + 5 + int(0.05 * (8 * 9 + 16 * 9 - 40) / 9)
    assert facts["first_end", "left"].values["steps"] == "24 steps"
    assert facts["win", "right"].values == {"side": "right", "ahead": "9", "return": "224.00", "lead": "176.00"}
    for style in NARRATION_STYLES:
        text = " ".join(line.text for line in said(comparison_of(left, right), style=style))
        assert re.search(r"[Ss]tep 8\b", text), text


def test_the_winner_is_named_in_the_four_seconds_of_the_last_step() -> None:
    programme = comparison_of(episode_of(1813, [1.0] * 6), episode_of(952, [1.0] * 30))
    for style in NARRATION_STYLES:
        for seed in range(8):
            last = said(programme, style=style, seed=seed)[-1]
            assert (last.fact.kind, "952" in last.text) == ("win", True), (style, seed, last.text)


def test_equal_episodes_have_no_winner_and_never_part() -> None:
    episode = episode_of(7, [1.0, 2.0, 3.0])
    kinds = [fact.kind for fact, *_ in comparison_of(episode, episode).script().facts]
    assert kinds == ["versus", "same", "tie"]
    assert first_divergence(episode, episode) is None
    assert first_divergence(episode, episode_of(8, [1.0, 2.0, 3.0, 0.0])) == (2, "end")


def test_a_comparison_without_finite_returns_names_no_winner() -> None:
    kinds = [
        fact.kind
        for fact, *_ in comparison_of(episode_of(1, [1.0, float("nan"), 1.0]), episode_of(2, [1.0, float("inf"), 2.0]))
        .script()
        .facts
    ]
    assert "win" not in kinds
    assert "tie" not in kinds


def test_each_side_of_a_comparison_is_heard_from_its_side() -> None:
    notes = comparison_of(episode_of(1, [1.0] * 5), episode_of(2, [1.0] * 9)).notes()
    late = [note for note in notes if note.at > 6 * 48_000 / 2]
    assert late
    assert all(note.pan > 0 for note in late)
    assert min(note.pan for note in notes) < 0


def test_a_reel_introduces_each_stage_and_has_a_bed_that_rises() -> None:
    worst, best, other = (episode_of(i, [float(i)] * 12) for i in (1, 2, 3))
    reel = reel_of((worst, 1, "worst"), (best, 1, "best"), (other, 2, "best"))
    introduced = [timed.fact for timed in reel.script().facts if timed.fact.kind in ("reel_stage", "clip")]
    assert [(fact.kind, fact.values.get("stage"), fact.values["pick"]) for fact in introduced] == [
        ("reel_stage", "1", "worst"),
        ("clip", None, "best"),
        ("reel_stage", "2", "best"),
    ]
    for style in NARRATION_STYLES:
        lines = [line for line in said(reel, style=style) if line.fact.kind in ("reel_stage", "clip")]
        assert [line.start for line in lines] == [0.0, 12.0, 24.0]
        assert "tage 2" in lines[2].text
    assert all(line.end < 12.0 or line.start >= 12.0 for line in said(reel)), "no sentence reaches into the next clip"
    beds = [note for note in reel.notes() if note.name.startswith("bed_")]
    first = {at: next(note.name for note in beds if note.at == at * 48_000) for at in (0, 12, 24)}
    assert first == {0: "bed_0", 12: "bed_0", 24: "bed_1"}
    assert [note.at for note in reel.notes() if note.name == "stage"] == [0, 24 * 48_000]
    assert np.all(np.diff([note.at for note in reel.notes()]) >= 0)


def test_a_crisis_soon_after_the_start_of_a_clip_does_not_displace_its_introduction() -> None:
    steps = [replace(step, meters=(0.01 if step.step in (2, 3) else 1.0,) * 8, done=False) for step in sample_steps(30)]
    crisis = open_episode(sample_file(steps=steps, episode_id=5))
    reel = reel_of((crisis, 1, "worst"), (crisis, 2, "best"))
    for style in NARRATION_STYLES:
        introduced = [line.fact.kind for line in said(reel, style=style) if "pick" in line.fact.values]
        assert introduced == ["reel_stage", "reel_stage"]


def test_a_comparison_of_different_starts_begins_with_both_names() -> None:
    left, right = episode_of(7, [1.0] * 30), episode_of(9, [2.0] * 30)
    assert said(comparison_of(left, right))[0].fact.kind == "versus"


def test_reel_and_comparison_have_sound_voice_and_captions_and_the_frames_of_silent_ones(
    recordings: Recordings, tmp_path: Path
) -> None:
    recordings.add(1, 24, curriculum_stage=1, total_reward=1.0)
    recordings.add_file(2, sample_file(steps=sample_steps(30), episode_id=2), 30, curriculum_stage=2, total_reward=2.0)
    sound = {"effects": "soft", "narrate": "teacher", "voice": "espeak", "captions": "srt", "hold_secs": 3.0, **QUICK}
    reel = export_reel_video(recordings.database, recordings.folder, tmp_path / "reel.mp4", **sound).video
    both = export_comparison_video(1, 2, recordings.database, recordings.folder, tmp_path / "both.mp4", **sound)
    recordings.add(3, 1, curriculum_stage=3, total_reward=float("nan"), meter_names=ODD_NAMES)
    longer = {**sound, "hold_secs": 8.0}
    odd = export_comparison_video(3, 3, recordings.database, recordings.folder, tmp_path / "odd.mp4", **longer)
    assert odd.captions is not None
    assert "pisode 3" in odd.captions.read_text(encoding="utf-8")
    for video, words in ((reel, "tage 1"), (both, "pisode 1")):
        assert video.notes == ()
        assert "aac" in audio_of(video.path)
        heard = measure_loudness(video.path)
        assert abs(heard.lufs + 14) <= 0.5, heard
        assert heard.peak <= -1, heard
        assert video.captions is not None
        assert words in video.captions.read_text(encoding="utf-8")
    assert n_frames_of(both.path) == round(30 / 4 * 10) + 30
