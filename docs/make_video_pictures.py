"""Draw the pictures of ``docs/video.md``: ``python -m docs.make_video_pictures``."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.image import imsave
from numpy.typing import NDArray

from recorder.video.timeline import make_timeline
from tests.video.sample import observed_steps, sample_episode, sample_steps
from worker.video import EpisodeVideoRenderer, VideoOptions
from worker.video.compare import ComparisonRenderer
from worker.video.reel import Clip, ReelRenderer
from worker.video.series import LearningPoint

FOLDER = Path(__file__).parent / "pictures"

N_STEPS = 300
CURVE = [LearningPoint(i, 40 * math.log1p(i / 60) - 15 + 12 * math.sin(i * 2.4)) for i in range(0, 900, 3)]


def main() -> None:
    """Draw them all."""
    FOLDER.mkdir(exist_ok=True)
    episode = sample_episode(N_STEPS)
    timeline = make_timeline(N_STEPS, fps=30, steps_per_second=6, title_secs=1)
    for style in ("dark", "light"):
        renderer = EpisodeVideoRenderer(
            episode,
            width=1280,
            height=720,
            style=style,
            timeline=timeline,
            learning_curve=CURVE,
            caption="stage 2: best",
        )
        save(f"video_{style}", renderer.frame(timeline.frame_of_step(93) + 3))
        if style == "dark":
            save("video_title", renderer.frame(0))
    comparison = ComparisonRenderer(episode, sample_episode(200, episode_id=480), VideoOptions(width=1280, height=720))
    comparison.draw(150)
    save("video_comparison", comparison.canvas.pixels)
    save("video_reel", reel())
    steps = [
        replace(step, position=(step.step // 9 % 5, step.step % 5, step.step // 60 % 3))
        for step in sample_steps(180, n_meters=4, n_actions=90)
    ]
    many = sample_episode(
        steps=steps,
        affordance_layout={"Lift": (2, 2, 0), "Roof": (4, 0, 2)},
        meter_names=(),
        action_names=(),
        grid_size=5,
    )
    seen = sample_episode(
        steps=observed_steps(240), affordance_layout={}, meter_names=(), action_names=("left", "right")
    )
    save("video_observation", EpisodeVideoRenderer(seen, width=1280, height=720).frame(160))
    save("video_floors", EpisodeVideoRenderer(many, width=1280, height=720).frame(130))


def reel() -> NDArray[np.uint8]:
    """Cards and frames of a reel, side by side."""
    options = VideoOptions(width=640, height=360, title_secs=1.0)
    captions = {120: "stage 1: worst", 431: "stage 1: best", 500: "stage 2: best"}
    clips = [
        Clip(sample_episode(90 + 60 * i, episode_id=episode_id, curriculum_stage=int(caption[6])), options, caption)
        for i, (episode_id, caption) in enumerate(captions.items())
    ]
    renderer = ReelRenderer(clips, CURVE)
    columns, start = [], 0
    for clip in clips:
        shown = []
        for frame in (start, start + 80):
            renderer.draw(frame)
            shown.append(renderer.canvas.pixels.copy())
        columns.append(np.vstack(shown))
        start += clip.episode.n_steps + 30
    return np.hstack(columns)


def save(name: str, pixels: NDArray[np.uint8]) -> None:
    """Write ``docs/pictures/<name>.png``."""
    imsave(FOLDER / f"{name}.png", pixels)


if __name__ == "__main__":
    main()
