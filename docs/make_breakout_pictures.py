"""Take the pictures of Breakout that the documentation shows: ``python docs/make_breakout_pictures.py``.

Five episodes are played by a player that follows the ball, better from episode to episode, and recorded as they are. The best
one is shown on the page, and in a frame of a video.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import ale_py
import gymnasium
import numpy as np
from make_pictures import FLAGS, IMAGES, serving, show_step, tab, take
from matplotlib.image import imsave
from numpy.typing import NDArray
from playwright.sync_api import sync_playwright

from recorder import Catalog, EpisodeRecorder, RecordingWriter, open_episode
from recorder.wrappers import RecordEpisode
from worker.video.renderer import EpisodeVideoRenderer

N_EPISODES = 5
MAX_STEPS = 1200
FIRE, RIGHT, LEFT = 1, 2, 3
BALL = (200, 72, 72)
"""The colour of the ball, and of the paddle."""
FIELD, PADDLE = slice(93, 188), slice(189, 193)
"""Rows of the picture where each moves."""


def main() -> None:
    """Play, and take both pictures."""
    with tempfile.TemporaryDirectory(prefix="hamlet-breakout-") as name:
        folder = Path(name)
        play(folder)
        with Catalog(folder / "catalog.db") as catalog:
            best = max(catalog.query_recordings(), key=lambda row: row["total_reward"])
        episode = open_episode(folder / best["file_path"])
        middle = episode.n_steps * 2 // 3
        imsave(
            IMAGES.parent / "pictures" / "video_breakout.png",
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
