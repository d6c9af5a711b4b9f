"""Take the pictures of ``docs/agents.md``: ``python -m docs.make_agent_pictures``. Needs Chromium."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.image import imsave
from playwright.sync_api import sync_playwright

from docs.make_pictures import DESKTOP, FLAGS, chromium, take
from recorder.agents import AgentInfo
from recorder.agents.columns import ROSTER, agent_column
from recorder.agents.table import agent_table
from recorder.chunk import decode_chunk
from recorder.episode_file import Episode, open_episode
from recorder.html_file import export_episode_html
from tests.episodes import make_chunks, make_episode_file
from worker.video import EpisodeVideoRenderer

_N_STEPS = 120
_SIDE = 10
_FLAG = (5, 4)
_TEAMS = {"red_0": (0, 9), "red_1": (1, 9), "red_2": (0, 8), "blue_0": (9, 0), "blue_1": (8, 0), "blue_2": (9, 1)}
"""Where each agent starts."""
_STAYS = {"red_2": (0, 70), "blue_1": (25, _N_STEPS)}
"""Steps in which an agent takes part, if not in all."""
_MOVES = np.array([(0, -1), (0, 1), (-1, 0), (1, 0), (0, 0)])
_SHOWN_STEP = 31


def main() -> None:
    """Take them all."""
    episode = team_episode()
    frame = EpisodeVideoRenderer(episode, width=1280, height=720, agent="red_1").frame(_SHOWN_STEP)
    path = Path(__file__).parent / "pictures" / "video_agents.png"
    imsave(path, frame)
    print(path)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "episode.html"
        export_episode_html(episode, file)
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page(viewport=DESKTOP, color_scheme="dark")  # type: ignore[arg-type]
        page.goto(file.as_uri())
        page.wait_for_selector(".player[data-step]")
        for _ in range(_SHOWN_STEP):
            page.keyboard.press(".")
        page.locator(f".player[data-step='{_SHOWN_STEP}']").wait_for()
        page.locator(".agents .agent", has_text="red_1").click()
        page.get_by_role("button", name="Trails").click()
        take(page, "agents-dark")
        browser.close()


def team_episode() -> Episode:
    """Two teams walk to a flag: one agent is caught, and one comes later."""
    random = np.random.default_rng(5)
    columns: dict[str, np.ndarray] = {"reward": np.zeros(_N_STEPS)}
    fields: dict[str, list[np.ndarray]] = {}
    for agent_id, start in _TEAMS.items():
        first, end = _STAYS.get(agent_id, (0, _N_STEPS))
        own = _walk(random, np.array(start), first, end)
        own["terminated"] = np.arange(_N_STEPS) == (end - 1 if end < _N_STEPS else -1)
        columns["reward"] += own["reward"]
        for name, values in own.items():
            fields.setdefault(name, []).append(values)
    for name, each in fields.items():
        columns[agent_column(0, name)] = np.stack(each, axis=1)
    roster = [[agent_id, agent_id.partition("_")[0], 0, slot] for slot, agent_id in enumerate(_TEAMS)]
    columns[ROSTER] = np.array([json.dumps(roster)] * _N_STEPS, object)
    return open_episode(
        make_episode_file(
            n_steps=_N_STEPS, columns=columns, agents=_table(columns), run_id="capture-the-flag", episode_id=500,
            grid_size=_SIDE, affordance_layout={"Flag": _FLAG, "Red base": (0, 9), "Blue base": (9, 0)},
            action_names=("up", "down", "left", "right", "stay"), meter_names=("energy", "shield"),
            total_reward=float(columns["reward"].sum()),
        )
    )  # fmt: skip


def _walk(random: np.random.Generator, place: np.ndarray, first: int, end: int) -> dict[str, np.ndarray]:
    rows: dict[str, list[np.ndarray | float | bool]] = {}
    for step in range(_N_STEPS):
        present = first <= step < end
        far = np.abs(place + _MOVES - _FLAG).sum(axis=1)
        values = 0.6 * (far.min() - far) + random.normal(0, 0.9, len(_MOVES))
        action = int(values.argmax())
        if present:
            place = np.clip(place + _MOVES[action], 0, _SIDE - 1)
        earned = 1.0 / (1 + np.abs(place - _FLAG).sum()) - 0.1
        meters = np.array([1 - (step - first) / 140, 0.55 + 0.4 * np.sin(step / 9 + first)])
        for name, value in {
            "present": present, "position": place, "action": action, "reward": earned, "q_values": values,
            "meters": meters,
        }.items():  # fmt: skip
            rows.setdefault(name, []).append(value if present else value * 0)
    kinds = {"present": "|b1", "position": "<i2", "action": "<i2"}
    return {name: np.array(values, kinds.get(name, "<f4")) for name, values in rows.items()}


def _table(columns: dict[str, np.ndarray]) -> tuple[AgentInfo, ...]:
    schema, chunks = make_chunks(columns)
    return agent_table([decode_chunk(frame, schema) for _, _, frame in chunks])


if __name__ == "__main__":
    main()
