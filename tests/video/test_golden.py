"""Frames equal golden pictures. After an intended change, run ``python -m tests.video.test_golden`` and look at them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread, imsave

from recorder.video.timeline import make_timeline
from tests.video.sample import observed_steps, sample_episode, sample_steps
from worker.video import EpisodeVideoRenderer, VideoOptions
from worker.video.compare import ComparisonRenderer
from worker.video.episode.series import LearningPoint

FOLDER = Path(__file__).parent / "golden"
CURVE = [LearningPoint(i, 40 * np.log1p(i / 60) - 15 + 12 * np.sin(i * 2.4)) for i in range(0, 900, 5)]
EPISODE = sample_episode(120)


def wide(frame, **options):
    return EpisodeVideoRenderer(EPISODE, width=640, height=360, **options).frame(frame)


def aspatial():
    steps = [replace(step, position=()) for step in sample_steps(80)]
    return EpisodeVideoRenderer(sample_episode(steps=steps, affordance_layout={}), width=640, height=360).frame(50)


def observed():
    steps = [
        replace(step, extras={**step.extras, "joints": np.sin(step.step / 9 + np.arange(40) / 5)})
        for step in observed_steps(80)
    ]
    episode = sample_episode(
        steps=steps, affordance_layout={}, meter_names=(), action_names=("push left", "push right")
    )
    return EpisodeVideoRenderer(episode, width=640, height=360, style="light").frame(50)


def curious(frame):
    steps = [replace(step, intrinsic_reward=0.5 + 0.02 * step.step) for step in sample_steps(80)]
    rewards = {"extrinsic_reward": 98.7, "intrinsic_reward": 103.2, "total_reward": 124.5, "intrinsic_weight": 0.25}
    timeline = make_timeline(80, title_secs=1)
    return EpisodeVideoRenderer(sample_episode(steps=steps, **rewards), width=960, height=540, timeline=timeline).frame(
        frame
    )


def comparison():
    renderer = ComparisonRenderer(
        EPISODE,
        sample_episode(60, episode_id=480),
        VideoOptions(width=960, height=540, style="light", steps_per_second=30.0),
    )
    renderer.draw(75)
    return renderer.canvas.pixels


PICTURES = {
    "dark": lambda: wide(74),
    "light": lambda: wide(34, style="light", learning_curve=CURVE),
    "title": lambda: wide(0, timeline=make_timeline(120, title_secs=1), learning_curve=CURVE, caption="stage 2: best"),
    "without_space": aspatial,
    "observed": observed,
    "comparison": comparison,
    "intrinsic": lambda: curious(70),
    "title_intrinsic": lambda: curious(0),
}


@pytest.mark.parametrize("name", list(PICTURES))
def test_a_frame_equals_its_golden_picture(name: str) -> None:
    expected = np.round(imread(FOLDER / f"{name}.png")[:, :, :3] * 255)
    found = PICTURES[name]().astype(float)
    assert found.shape == expected.shape
    difference = np.abs(found - expected).max(axis=2)
    # Another version of the rasteriser may place the edge of a letter differently; a panel that moved is far more.
    assert difference.mean() < 1.0
    assert (difference > 64).mean() < 0.004


def test_the_tolerance_detects_a_moved_panel() -> None:
    picture = wide(74).astype(float)
    moved = np.roll(picture, 3, axis=0)
    assert (np.abs(moved - picture).max(axis=2) > 64).mean() > 0.004


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for picture_name, draw in PICTURES.items():
        imsave(FOLDER / f"{picture_name}.png", draw())
