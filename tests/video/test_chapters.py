from __future__ import annotations

import re
from dataclasses import replace

from recorder.episode import Gap
from recorder.video.timeline import make_timeline
from tests.video.sample import sample_episode, sample_steps
from worker.video.chapters import chapter_file, chapter_markers, webvtt


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
    text = webvtt(episode, make_timeline(30, fps=10))
    assert text.startswith("WEBVTT\n\n")
    assert "using &lt;Bed&gt; &amp; Breakfast" in text
    times = re.findall(r"(\S+) --> (\S+)", text)
    assert times[0][0] == "00:00:00.000"
    assert times[-1][1] == "00:00:03.000"
    assert [end for _, end in times[:-1]] == [start for start, _ in times[1:]]


def test_a_chapter_file_escapes_ffmpegs_special_characters() -> None:
    with chapter_file(sample_episode(5, run_id="a=b;c#d\\e"), make_timeline(5)) as path:
        assert "comment=run a\\=b\\;c\\#d\\\\e" in path.read_text()
    assert not path.exists()


def test_chapters_can_be_switched_off() -> None:
    with chapter_file(sample_episode(5), make_timeline(5), enabled=False) as path:
        assert path is None
