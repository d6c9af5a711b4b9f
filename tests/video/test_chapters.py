from __future__ import annotations

import itertools
import re
from dataclasses import replace

from recorder.episode import Gap
from recorder.outline.events import EpisodeEvents
from recorder.terminal_player import Film, Playback, draw
from recorder.video.timeline import make_timeline
from tests.video.sample import sample_episode, sample_steps
from worker.video.narration.facts import make_fact_sheet
from worker.video.texts.chapters import MIN_CHAPTER_SECS, chapter_file, chapter_markers, chapter_spans, webvtt
from worker.video.texts.youtube_text import youtube_text


def calm_steps(n_steps):
    return [replace(step, interaction_progress=0.0, reward=1.0, position=(3, 3)) for step in sample_steps(n_steps)]


def test_uses_gaps_the_greatest_reward_and_the_end_are_chapters() -> None:
    steps = calm_steps(20)
    steps[5:8] = [replace(step, interaction_progress=0.5, position=(1, 1)) for step in steps[5:8]]
    steps[12] = replace(steps[12], reward=4.5)
    markers = chapter_markers(sample_episode(steps=steps, gaps=(Gap(15, None, "torn file"),)))
    assert [(marker.index, marker.label) for marker in markers if marker.kind != "low_meter"] == [
        (5, "using Bed"),
        (12, "greatest reward +4.50"),
        (15, "steps lost: torn file"),
        (19, "end (complete)"),
    ]


def test_at_most_a_hundred_chapters_include_the_end() -> None:
    steps = [replace(step, interaction_progress=float(step.step % 2), position=(1, 1)) for step in calm_steps(600)]
    markers = chapter_markers(sample_episode(steps=steps))
    assert 90 <= len(markers) <= 100
    assert markers[-1].kind == "end"


def test_the_track_covers_the_video_without_gaps_and_escapes_markup() -> None:
    steps = calm_steps(30)
    steps[10] = replace(steps[10], interaction_progress=0.5, position=(2, 2))
    episode = sample_episode(steps=steps, affordance_layout={"<Bed> & Breakfast": (2, 2)})
    text = webvtt(episode, make_timeline(30, fps=1))
    assert text.startswith("WEBVTT\n\n")
    assert "using &lt;Bed&gt; &amp; Breakfast" in text
    times = re.findall(r"(\S+) --> (\S+)", text)
    assert times == [("00:00:00.000", "00:00:10.000"), ("00:00:10.000", "00:00:30.000")]


def test_every_chapter_takes_ten_seconds_and_the_first_begins_at_0() -> None:
    steps = [replace(step, interaction_progress=float(step.step % 7 == 0), position=(1, 1)) for step in calm_steps(600)]
    episode = sample_episode(steps=steps)
    for steps_per_second in (1, 8, 100):
        spans = chapter_spans(episode, make_timeline(600, steps_per_second=steps_per_second))
        assert spans[0].start == 0.0
        assert spans[-1].end == 600 / steps_per_second
        assert all(span.end - span.start >= MIN_CHAPTER_SECS for span in spans) or len(spans) == 1
        assert [span.end for span in spans[:-1]] == [span.start for span in spans[1:]]
    assert len(spans) == 1


def test_a_chapter_names_what_happens_in_it_once_and_says_if_there_is_more() -> None:
    steps = calm_steps(40)
    for index, place in ((3, (1, 1)), (6, (2, 2)), (9, (1, 1))):
        steps[index] = replace(steps[index], interaction_progress=0.5, position=place)
    layout = {"Bed": (1, 1), "Shower": (2, 2)}
    (first, *_) = chapter_spans(sample_episode(steps=steps, affordance_layout=layout), make_timeline(40, fps=1))
    assert first.title.endswith("using Bed, Shower")
    long = {f"a place with a rather long name {'x' * 30}": (1, 1), "Shower": (2, 2)}
    (first, *_) = chapter_spans(sample_episode(steps=steps, affordance_layout=long), make_timeline(40, fps=1))
    assert len(first.title) <= 82
    assert first.title.endswith(" …")


def test_the_text_for_an_upload_has_a_title_chapters_and_tags_within_the_limits() -> None:
    steps = [replace(step, interaction_progress=float(step.step % 7 == 0), position=(1, 1)) for step in calm_steps(400)]
    episode = sample_episode(steps=steps, run_id="<b>my run</b>", affordance_layout={"Bed, soft": (1, 1)})
    text = youtube_text(episode, make_timeline(400, steps_per_second=8))
    title, description, tags = re.fullmatch(
        r"Title\n(.*)\n\nDescription\n(.*)\n\nTags\n(.*)\n", text, re.DOTALL
    ).groups()
    assert "episode 500" in title
    assert len(title) <= 100
    assert "run ‹b›my run‹/b›" in description
    times = re.findall(r"^(\d+):(\d\d) ", description, re.MULTILINE)
    secs = [60 * int(minutes) + int(rest) for minutes, rest in times]
    assert secs[0] == 0
    assert len(secs) >= 3
    assert all(later - earlier >= 10 for earlier, later in itertools.pairwise(secs))
    assert "Bed  soft" in tags or "Bed soft" in tags
    assert "<" not in text
    short = youtube_text(episode, make_timeline(400, steps_per_second=100))
    assert "The video shows" not in text
    part = youtube_text(episode, make_timeline(400, steps_per_second=8, first_step=10, end_step=61))
    assert "The video shows its steps 10 to 60." in part
    assert "0:00" not in short
    assert "The episode lasts 1 step; " in youtube_text(sample_episode(1), make_timeline(1))


def test_a_chapter_file_escapes_ffmpegs_special_characters() -> None:
    with chapter_file(sample_episode(5, run_id="a=b;c#d\\e"), make_timeline(5)) as path:
        assert "comment=run a\\=b\\;c\\#d\\\\e" in path.read_text()
    assert not path.exists()


def test_chapters_can_be_switched_off() -> None:
    with chapter_file(sample_episode(5), make_timeline(5), enabled=False) as path:
        assert path is None


def test_a_step_has_its_recorded_number_in_chapters_narration_and_the_terminal() -> None:
    steps = calm_steps(200)
    steps = [replace(step, meters=steps[0].meters) for step in steps]
    steps[120] = replace(steps[120], reward=9.0)
    episode = sample_episode(steps=steps)
    timeline = make_timeline(200, fps=8, steps_per_second=8)
    titles = [chapter.title for chapter in chapter_spans(episode, timeline)]
    assert any(title.startswith("Step 120: greatest reward") for title in titles), titles
    facts = make_fact_sheet(episode, EpisodeEvents(episode), timeline).facts
    assert {fact.values["step"] for fact in facts if fact.index == 120} == {"120"}
    assert "step 120 / 199" in draw(Film(episode, ""), Playback(200, index=120), 100, 30)[0].plain
