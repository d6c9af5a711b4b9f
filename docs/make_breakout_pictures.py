"""Take the pictures of Breakout that the documentation shows: ``python -m docs.make_breakout_pictures``.

Five episodes are played by a player that follows the ball, better from episode to episode, and recorded as they are. The best
one is shown on the page, and in a frame of a video; the worst and the best side by side in a moving picture.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import ale_py
import gymnasium
import numpy as np
from matplotlib.image import imsave
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import sync_playwright

from docs.make_pictures import FLAGS, PICTURES, serving, show_step, tab, take
from recorder import Catalog, Episode, EpisodeRecorder, RecordingWriter, open_episode
from recorder.video.options import VideoOptions
from recorder.wrappers import RecordEpisode
from worker.video.compare import ComparisonRenderer
from worker.video.renderer import EpisodeVideoRenderer

N_EPISODES = 5
MAX_STEPS = 1200
FILM_FPS, FILM_STEPS = 12, 96
FIRE, RIGHT, LEFT = 1, 2, 3
BALL = (200, 72, 72)
"""The colour of the ball, and of the paddle."""
FIELD, PADDLE = slice(93, 188), slice(189, 193)
"""Rows of the picture where each moves."""


def main() -> None:
    """Play, and take the pictures."""
    with tempfile.TemporaryDirectory(prefix="hamlet-breakout-") as name:
        folder = Path(name)
        play(folder)
        with Catalog(folder / "catalog.db") as catalog:
            worst, *_, best = sorted(catalog.query_recordings(), key=lambda row: row["total_reward"])
        episode = open_episode(folder / best["file_path"])
        film(open_episode(folder / worst["file_path"]), episode)
        middle = episode.n_steps * 2 // 3
        imsave(
            PICTURES / "video_breakout.png",
            EpisodeVideoRenderer(episode, width=1280, height=720).frame(middle),
        )
        chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        with serving(folder) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            with tab(browser, "dark") as page:
                show_step(page, f"{address}/runs/breakout/episodes/{best['episode_id']}?t={middle}")
                page.locator(".timeline-strip").hover(position={"x": 300, "y": 40})
                page.locator(".bubble-stage canvas.picture").wait_for()
                take(page, "breakout-dark")
            browser.close()


def film(worst: Episode, best: Episode) -> None:
    """The worst and the best episode side by side, chosen after they were played."""
    options = VideoOptions.chosen(None, width=800, height=400, fps=FILM_FPS, steps_per_second=FILM_FPS)
    renderer = ComparisonRenderer(worst, best, options)
    first = worst.n_steps * 2 // 3
    frames = []
    for number in range(first, first + FILM_STEPS):
        renderer.draw(number)
        frames.append(Image.fromarray(renderer.canvas.pixels.copy()))
    path = PICTURES / "breakout_worst_best.webp"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=round(1000 / FILM_FPS), loop=0, quality=50)
    print(path, path.stat().st_size)


def play(folder: Path) -> None:
    """Record all episodes."""
    gymnasium.register_envs(ale_py)
    recorder = EpisodeRecorder(run_id="breakout", action_names=["NOOP", "FIRE", "RIGHT", "LEFT"])
    chance = np.random.default_rng(1)
    with RecordingWriter(recorder, folder / "catalog.db", folder, criteria={"periodic": {"interval": 1}}):
        env = RecordEpisode(gymnasium.make("ALE/Breakout-v5"), recorder)
        for episode in range(N_EPISODES):
            observation, _ = env.reset(seed=episode)
            for step in range(MAX_STEPS):
                follows = chance.random() < 0.2 + 0.8 * episode / (N_EPISODES - 1)
                action = follow(observation) if follows else int(chance.integers(4))
                observation, _, terminated, truncated, _ = env.step(FIRE if step % 40 == 0 else action)
                if terminated or truncated:
                    break
        env.close()


def follow(observation: NDArray[np.uint8]) -> int:
    """The action that brings the paddle below the ball."""
    is_ball = (observation == BALL).all(axis=2)
    ball, paddle = (np.flatnonzero(is_ball[rows, 8:152].any(axis=0)) for rows in (FIELD, PADDLE))
    if not len(ball) or not len(paddle):
        return FIRE
    return RIGHT if ball.mean() > paddle.mean() + 2 else LEFT if ball.mean() < paddle.mean() - 2 else 0


if __name__ == "__main__":
    main()
