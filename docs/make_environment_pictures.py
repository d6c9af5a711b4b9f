"""Take the pictures of MuJoCo, MiniGrid, a chat and a PettingZoo game that the documentation shows: ``python -m
docs.make_environment_pictures``. With names, such as ``knights``, only these.

Needs ``pip install 'gymnasium[mujoco]' minigrid 'pettingzoo[butterfly]'``, and ``MUJOCO_GL=egl`` on a machine without a screen.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from minigrid.minigrid_env import MiniGridEnv
from pettingzoo.butterfly import knights_archers_zombies_v11
from PIL import Image
from playwright.sync_api import sync_playwright

from docs.make_pictures import FLAGS, PICTURES, serving, show_step, tab, take
from recorder import Catalog, EpisodeRecorder, RecordingWriter, open_episode
from recorder.wrappers import RecordEpisode
from recorder.wrappers.pettingzoo import RecordEpisode as RecordTeam
from worker.video.renderer import EpisodeVideoRenderer

SHOWN = {"mujoco": 60, "minigrid": 14, "chat": 4, "knights": 150}
"""By run, the step that is shown."""

LEFT, RIGHT, FORWARD, PICKUP, TOGGLE = 0, 1, 2, 3, 5


def main() -> None:
    """Play one episode of each, and take a picture of the page and a frame of the video."""
    with tempfile.TemporaryDirectory(prefix="hamlet-environments-") as name:
        folder = Path(name)
        plays = {"mujoco": play_mujoco, "minigrid": play_minigrid, "chat": play_chat, "knights": play_knights}
        shown = {run_id: step for run_id, step in SHOWN.items() if run_id in (sys.argv[1:] or plays)}
        for run_id in shown:
            plays[run_id](folder)
        with Catalog(folder / "catalog.db") as catalog:
            rows = {row["run_id"]: row for row in catalog.query_recordings()}
        for run_id, step in shown.items():
            episode = open_episode(folder / rows[run_id]["file_path"])
            frame = EpisodeVideoRenderer(episode, width=1280, height=720).frame(step)
            save(Image.fromarray(frame.copy()), PICTURES / f"video_{run_id}.png")
        chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        with serving(folder) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for run_id, step in shown.items():
                with tab(browser, "dark") as page:
                    show_step(page, f"{address}/runs/{run_id}/episodes/{rows[run_id]['episode_id']}?t={step}")
                    take(page, f"{run_id}-dark")
                    path = PICTURES / f"{run_id}-dark.png"
                    save(Image.open(path), path)
            browser.close()


def save(picture: Image.Image, path: Path) -> None:
    """With 256 colours, which take a third of the bytes."""
    picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path)


def writer(recorder: EpisodeRecorder, folder: Path) -> RecordingWriter:
    """Keeps every episode."""
    return RecordingWriter(recorder, folder / "catalog.db", folder, criteria={"periodic": {"interval": 1}})


def play_mujoco(folder: Path) -> None:
    """A cheetah with a steady gait; what it renders is recorded."""
    recorder = EpisodeRecorder(run_id="mujoco")
    with writer(recorder, folder):
        made = gymnasium.make("HalfCheetah-v5", render_mode="rgb_array", width=320, height=240, max_episode_steps=120)
        env = RecordEpisode(made, recorder, frames="render")
        env.reset(seed=1)
        for step in range(120):
            env.step(np.sin(step * 0.6 + np.array([0.0, 1.0, 2.0, 3.1, 4.1, 5.1])).astype(np.float32))
        env.close()


def play_minigrid(folder: Path) -> None:
    """Fetch the key, open the door, walk to the goal."""
    recorder = EpisodeRecorder(run_id="minigrid")
    with writer(recorder, folder):
        env = RecordEpisode(gymnasium.make("MiniGrid-DoorKey-8x8-v0"), recorder)
        env.reset(seed=5)
        world = grid_world(env)
        found = {
            thing.type: (column, row)
            for row in range(world.height)
            for column in range(world.width)
            if (thing := world.grid.get(column, row)) is not None
        }
        go_beside(env, found["key"])
        env.step(PICKUP)
        go_beside(env, found["door"])
        env.step(TOGGLE)
        go_beside(env, found["goal"])
        env.step(FORWARD)
        env.close()


def grid_world(env: gymnasium.Env[Any, Any]) -> MiniGridEnv:
    """The environment below the wrappers."""
    world = env.unwrapped
    assert isinstance(world, MiniGridEnv)
    return world


def go_beside(env: gymnasium.Env[Any, Any], goal: tuple[int, int]) -> None:
    """Walk until the agent faces a cell: the shortest way through free cells."""
    world = grid_world(env)
    x, y = map(int, world.agent_pos)
    start = (x, y, int(world.agent_dir))
    ways: dict[tuple[int, int, int], list[int]] = {start: []}
    waiting = [start]
    while waiting:
        column, row, turned = place = waiting.pop(0)
        ahead = (column + (1, 0, -1, 0)[turned], row + (0, 1, 0, -1)[turned])
        if ahead == goal:
            for action in ways[place]:
                env.step(action)
            return
        one = world.grid.get(*ahead)
        reached = {LEFT: (column, row, (turned - 1) % 4), RIGHT: (column, row, (turned + 1) % 4)}
        if one is None or one.can_overlap():
            reached[FORWARD] = (*ahead, turned)
        for action, later in reached.items():
            if later not in ways:
                ways[later] = [*ways[place], action]
                waiting.append(later)


def play_knights(folder: Path) -> None:
    """Two knights and two archers walk, turn and strike at random."""
    recorder = EpisodeRecorder(run_id="knights")
    with writer(recorder, folder):
        made = knights_archers_zombies_v11.parallel_env(render_mode="rgb_array")
        teams = {f"{kind}_{number}": f"{kind}s" for kind in ("knight", "archer") for number in (0, 1)}
        env = RecordTeam(made, recorder, teams=teams, every=2)
        env.reset(seed=4)
        random = np.random.default_rng(4)
        while env.agents:
            chances = [0.25, 0.05, 0.15, 0.15, 0.4, 0.0]
            env.step({agent: int(random.choice(6, p=chances)) for agent in env.agents})
        env.close()


def play_chat(folder: Path) -> None:
    """A language model guesses a number; a turn is a step."""
    recorder = EpisodeRecorder(run_id="chat")
    secret, low, high = 64, 1, 100
    with writer(recorder, folder):
        episode_id = recorder.new_episode_id()
        answer = f"I think of a number from {low} to {high}. Guess it."
        for turn in range(12):
            guess = (low + high) // 2
            said = [
                {"role": "user", "content": answer},
                {"role": "assistant", "content": f"It is between {low} and {high}. My guess is {guess}."},
            ]
            is_right = guess == secret
            recorder.record_turn(
                episode_id,
                turn,
                messages=said,
                reward=1.0 if is_right else -0.05,
                terminated=is_right,
                tool_calls=[{"name": "guess", "arguments": {"number": guess}}],
                prompt_tokens=40 + 31 * turn,
                completion_tokens=18,
            )
            if is_right:
                break
            low, high = (guess + 1, high) if guess < secret else (low, guess - 1)
            answer = "Higher." if guess < secret else "Lower."
        recorder.finish_episode(episode_id)


if __name__ == "__main__":
    main()
