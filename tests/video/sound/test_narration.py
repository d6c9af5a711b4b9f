"""Narration: what is said is recorded, sentences do not overlap, and a video without a voice has its captions."""

from __future__ import annotations

import math
import random
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from recorder.errors import MissingExtraError, UsageError, VideoError
from recorder.outline import EpisodeEvents
from recorder.video.episode_timeline import timeline_of
from recorder.video.options import VideoOptions
from recorder.video.sound_choices import NARRATION_STYLES, VOICES
from tests.video.conftest import Recordings
from tests.video.decoding import frame_hashes_of, n_frames_of
from tests.video.sample import METERS, sample_episode, sample_file, sample_steps
from tests.video.sound.hearing import audio_of, measure_loudness
from tests.video.sound.random_episodes import random_episode, wrong_in
from tests.video.sound.several import facts_of_several
from worker.video import export_episode_video
from worker.video.narration.captions import Cue, srt_text, vtt_text
from worker.video.narration.facts import make_fact_sheet
from worker.video.narration.grammar import GrammarWriter
from worker.video.narration.names import shown_name, speakable
from worker.video.narration.narration import _estimate, narrate
from worker.video.narration.schedule import Candidate, schedule
from worker.video.narration.vocabulary import BRIEF, style_sentences
from worker.video.sound.mixing import Speech, mixed
from worker.video.sound.programmes.episode import EpisodeProgramme
from worker.video.sound.score import make_score
from worker.video.sound.studio import Studio
from worker.video.sound.themes import SoundBank
from worker.video.sound.waves import RATE
from worker.voices import voice as voices
from worker.voices.speaker import SPEAKERS
from worker.voices.voice import Voice, choose_voice

QUICK = {"dpi": 20, "preset": "ultrafast", "crf": 40, "fps": 10, "steps_per_second": 4}


def export(recordings: Recordings, path: Path, **choices):
    return export_episode_video(1, recordings.database, recordings.folder, path, **{**QUICK, **choices})


def written(episode, *, style="commentator", seed=1, **options):
    chosen = VideoOptions(narrate=style, voice="none", **{"steps_per_second": 4, "hold_secs": 6, **options})
    script = EpisodeProgramme(episode, timeline_of(episode, chosen), agent=None).script()
    return narrate(script, chosen, Studio(), seed=seed, folder=Path())


def test_narration_comments_on_the_episode_with_a_voice(recordings: Recordings, tmp_path: Path) -> None:
    """The original specification: "Narration: AI-generated commentary"."""
    recordings.add(1, 48)
    path = tmp_path / "video.mp4"
    video = export(recordings, path, narrate="teacher", voice="espeak", effects="soft", captions="srt")
    export(recordings, tmp_path / "silent.mp4")
    assert video.notes == ()
    assert "aac" in audio_of(path)
    assert frame_hashes_of(path) == frame_hashes_of(tmp_path / "silent.mp4")
    heard = measure_loudness(path)
    assert abs(heard.lufs + 14) <= 0.5, heard
    assert heard.peak <= -1, heard
    assert video.captions == tmp_path / "video.srt"
    text = video.captions.read_text(encoding="utf-8")
    assert "episode 1" in text
    assert any(meter in text.casefold() for meter in METERS)
    times = [float(secs.replace(",", ".")) for secs in re.findall(r"00:00:(\d\d,\d{3})", text)]
    assert times == sorted(times)
    assert times[-1] <= 12
    assert [name.name for name in tmp_path.iterdir() if ".part" in name.name] == []


def test_every_number_and_name_of_many_narrations_is_recorded() -> None:
    n_sentences, different = 0, set()
    for seed in range(24):
        episode = random_episode(seed)
        for line in written(episode, style=NARRATION_STYLES[seed % 3], seed=seed, steps_per_second=1.0).lines:
            assert wrong_in(line, episode) == "", (seed, line.text)
            assert line.fact.over_at is None or line.start < line.fact.over_at, (seed, line.text)
            n_sentences += 1
            different.add(line.text)
            for digit in re.findall(r"\d+%", line.text)[:1]:
                changed = replace(line, text=line.text.replace(digit, f"{int(digit[:-1]) + 3}%"))
                assert wrong_in(changed, episode) != "", "the check must find a wrong number"
    assert n_sentences > 150
    assert len(different) > 0.7 * n_sentences


def test_sentences_never_overlap_and_the_climax_has_its_silence() -> None:
    chance = np.random.default_rng(3)
    for _ in range(50):
        candidates = [
            Candidate(*row)
            for row in zip(chance.uniform(0, 60, 80), chance.uniform(0.5, 5, 80), chance.random(80), strict=True)
        ]
        climax = float(chance.uniform(5, 55))
        placed = schedule(candidates, video_secs=60, climaxes=[climax])
        assert placed
        for one, other in pairwise(placed):
            assert one.end < other.start
            assert one.at <= other.at
        for one in placed:
            assert candidates[one.place].at <= one.start <= candidates[one.place].at + 3.5
            assert one.end <= 60
            assert one.end <= climax - 0.29 or one.start >= climax + 0.99
        most = max(range(80), key=lambda i: candidates[i].importance)
        assert (
            most in {one.place for one in placed} or candidates[most].at > 51 or abs(candidates[most].at - climax) < 6
        )


def test_important_sentences_displace_others() -> None:
    candidates = [Candidate(1, 3, 0.2), Candidate(2, 3, 0.9), Candidate(4.5, 3, 0.1)]
    assert [one.place for one in schedule(candidates, video_secs=20)] == [1, 2]
    assert schedule([Candidate(0, 3, 1)], video_secs=2) == []


def test_a_small_event_is_told_while_it_is_seen_and_a_great_one_also_later() -> None:
    spoken = Candidate(0, 4, 1)
    for importance, at, is_told in ((0.5, 2.0, False), (0.5, 3.5, True), (0.9, 2.0, True), (0.9, 0.5, False)):
        placed = schedule([spoken, Candidate(at, 1, importance)], video_secs=60)
        assert (len(placed) == 2) == is_told, (importance, at)


def test_the_same_seed_writes_the_same_and_another_one_varies() -> None:
    episode = sample_episode(120)
    texts = [[line.text for line in written(episode, seed=seed).lines] for seed in (1, 1, 2)]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


@pytest.mark.parametrize("style", NARRATION_STYLES)
def test_a_style_has_sentences_for_every_fact_and_no_number_of_its_own(style: str) -> None:
    sentences = style_sentences(style)
    facts = {fact.kind: fact for seed in range(40) for fact in sheet_of(random_episode(seed)).facts}
    facts |= {fact.kind: fact for fact in facts_of_several()}
    assert set(sentences) == {*facts, *BRIEF.values()}
    for kind, forms in sentences.items():
        for form in forms:
            assert not re.search(r"\d", re.sub(r"\{\w+\}", "", form)), form
            assert form.count("[") == form.count("]")
        if kind not in BRIEF.values():
            assert len({GrammarWriter(style, seed).write(facts[kind]) for seed in range(30)}) > 2, kind


def sheet_of(episode):
    options = VideoOptions(steps_per_second=4)
    return make_fact_sheet(episode, EpisodeEvents(episode), options.timeline(episode.n_steps))


@pytest.mark.parametrize("n_steps", [1, 2])
def test_an_episode_too_short_for_a_sentence_says_so(recordings: Recordings, tmp_path: Path, n_steps: int) -> None:
    recordings.add(1, n_steps)
    video = export(recordings, tmp_path / "v.mp4", narrate="deadpan", voice="espeak")
    assert "too short for a sentence" in video.notes[0]
    assert video.captions is not None
    assert video.captions.read_text() == "WEBVTT\n"
    assert audio_of(tmp_path / "v.mp4") == ""


def test_without_a_voice_there_are_captions_and_the_command_to_install_one(
    recordings: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voices, "find_spec", lambda _: None)
    recordings.add(1, 30)
    video = export(recordings, tmp_path / "v.mp4", narrate="commentator", effects="wood")
    assert "pip install 'hamlet-recorder[voice]'" in video.notes[0]
    assert "WEBVTT" in (tmp_path / "v.vtt").read_text()
    assert "-->" in (tmp_path / "v.vtt").read_text()
    assert "aac" in audio_of(tmp_path / "v.mp4")
    unheard = export(recordings, tmp_path / "u.mp4", narrate="commentator", captions="none")
    assert "so there is no narration: pip install" in unheard.notes[0]
    assert unheard.captions is None
    with pytest.raises(MissingExtraError, match=r"hamlet-recorder\[voice\]"):
        export(recordings, tmp_path / "w.mp4", narrate="commentator", voice="piper")
    assert not (tmp_path / "w.mp4").exists()


def test_a_voice_that_dies_leaves_the_captions(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, 30)
    broken = Studio(voice_model=tmp_path / "missing.onnx")
    video = export(recordings, tmp_path / "v.mp4", narrate="teacher", voice="piper", studio=broken)
    assert "the voice piper failed" in video.notes[0]
    assert "captions only" in video.notes[0]
    assert "-->" in (tmp_path / "v.vtt").read_text()
    assert n_frames_of(tmp_path / "v.mp4") == video.n_frames


@pytest.mark.parametrize("name", sorted(SPEAKERS))
def test_a_voice_speaks_for_about_as_long_as_a_person_and_as_is_planned(tmp_path: Path, name: str) -> None:
    assert choose_voice(name) == name
    sentences = [
        "Let us look at episode 1813.", "The end comes after 25 steps.", "Energy is at 9%, and below that there is little room.",
    ]  # fmt: skip
    with Voice(name) as voice:
        said = [voice.speak(text, tmp_path / "a.wav") for text in sentences]
        planned = [_estimate(text) for text in sentences]
        assert 0.8 < sum(said) / sum(planned) < 1.2, (said, planned)
        secs = voice.speak("At step 42 the energy falls to 7 percent.", tmp_path / "a.wav")
        assert 1.5 < secs < 6
        assert voice.speak("", tmp_path / "b.wav") < 0.2
        voice._process.kill()
        with pytest.raises(VideoError, match=f"the voice {name} failed: it has ended"):
            voice.speak("And now?", tmp_path / "c.wav")


def test_the_voices_are_those_that_can_be_chosen() -> None:
    assert {"auto", "none", *SPEAKERS} == set(VOICES)


def test_effects_are_quieter_under_a_voice() -> None:
    from worker.video.sound.score import Note

    notes = [Note(RATE // 2 * i, "hum", 0.5) for i in range(10)]
    hum = np.ones(RATE // 2, np.float32)
    speech = Speech(2 * RATE, RATE, lambda: np.zeros(RATE, np.float32))
    level = np.concatenate(list(mixed(notes, lambda _: hum, [speech], 5 * RATE)))[:, 0]
    assert np.allclose(level[:RATE], 0.5, atol=0.01)
    assert np.allclose(level[2 * RATE : 3 * RATE], 0.5 * 10 ** (-12 / 20), atol=0.01)
    assert np.allclose(level[4 * RATE : 4 * RATE + 100], 0.5, atol=0.01)
    assert np.abs(np.diff(level[: 4 * RATE])).max() < 0.001


def test_names_keep_their_letters_in_captions_and_are_readable_for_a_voice() -> None:
    assert shown_name("a\u202eb\nc\x00") == "a b c\ufffd"
    assert shown_name("x" * 90) == "x" * 39 + "…"
    assert (
        speakable("GPU_temp is at 7%, with −0.500 and +12,345.60!")
        == "GPU temp is at 7 percent, with minus 0.5 and plus 12345.6!"
    )
    assert speakable("🎉 Party & 冷蔵庫: <b>on</b>") == "Party and: b on b"
    cues = [Cue(0, 1.5, "<b>a & b</b> --> {\\an8}")]
    assert vtt_text(cues) == "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n&lt;b&gt;a &amp; b&lt;/b&gt; --&gt; {\\an8}\n"
    assert srt_text(cues) == "1\n00:00:00,000 --> 00:00:01,500\n‹b›a & b‹/b› --› (/an8)\n"


def test_an_episode_without_events_and_names_has_a_narration(recordings: Recordings, tmp_path: Path) -> None:
    steps = [replace(step, meters=(), position=(), reward=0.0, interaction_progress=None) for step in sample_steps(24)]
    recordings.add_file(1, sample_file(steps=steps, meter_names=(), affordance_layout={}, action_names=()), 24)
    video = export(recordings, tmp_path / "v.gif", codec="gif", captions="vtt")
    assert "pisode 500" in video.captions.read_text()


def test_numbers_and_names_that_make_no_sense_are_narrated_and_heard() -> None:
    unusual = [math.nan, math.inf, -math.inf, 1e308, -1e308, 0.0, -5.0, 1e-320, 3.0]
    for seed in range(15):
        chance = random.Random(seed)
        steps = [
            replace(
                step,
                position=(chance.choice(unusual), chance.choice(unusual)),
                meters=tuple(chance.choice(unusual) for _ in range(3)),
                reward=chance.choice(unusual),
                action=chance.choice([0, -1, 2**62]),
                interaction_progress=chance.choice(unusual),
            )
            for step in sample_steps(chance.randrange(1, 60))
        ]
        episode = sample_episode(
            steps=steps,
            meter_names=("\x07", "", "\n"),
            affordance_layout={"\u202e": (0.0, 0.0), "": (3.0, 0.0)},
            action_names=(),
            total_reward=chance.choice(unusual),
        )
        options = VideoOptions(pace=chance.choice(["story", "steady"]))
        bank = SoundBank("wood", seed, ["\u202e", ""])
        notes = make_score(EpisodeEvents(episode), timeline_of(episode, options))
        assert all(np.isfinite(block).all() for block in mixed(notes, bank.sound, (), 2 * RATE))
        assert all(line.text.isprintable() for line in written(episode, seed=seed).lines)


def test_a_choice_that_does_not_exist_names_the_others(recordings: Recordings, tmp_path: Path) -> None:
    recordings.add(1, 3)
    for wrong, message in (
        ({"narrate": "techer"}, "did you mean 'teacher'"),
        ({"narrate": "teacher", "voice": "espaek"}, "did you mean 'espeak'"),
        ({"captions": "vt"}, "did you mean 'vtt'"),
        ({"narrate": "teacher", "codec": "gif"}, "a GIF has no sound"),
    ):
        with pytest.raises(UsageError, match=message):
            export(recordings, tmp_path / ("v.gif" if "codec" in wrong else "v.mp4"), **wrong)


def test_the_end_of_a_short_life_is_said_in_the_time_that_is_left(tmp_path: Path) -> None:
    """The climax has its silence first, so three and a half seconds of the last step leave two for words."""
    steps = [replace(step, meters=(max(0.0, 0.5 - step.step / 50),) * 8) for step in sample_steps(26)]
    episode = sample_episode(steps=steps, episode_id=1813)
    options = VideoOptions.chosen("youtube-1080p", narrate="teacher", voice="espeak")
    script = EpisodeProgramme(episode, timeline_of(episode, options), agent=None).script()
    last = narrate(script, options, Studio(), seed=4, folder=tmp_path).lines[-1]
    assert last.fact.kind == "death"
    assert last.end < script.secs
    fact = replace(last.fact, values={**last.fact.values, "steps": "25 steps"})
    assert GrammarWriter("teacher", 1).write(fact, has_room=lambda text: len(text) < 12) == "25 steps."
