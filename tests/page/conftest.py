"""A real Chromium on the page of a real replay server, over recordings that are made here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from recorder.catalog import Catalog
from recorder.redis_server.embedded import EmbeddedServer
from tests.page.lives import Life, add_life, add_lives, observed
from tests.processes import PythonProcess
from tests.waiting import DEADLINE_SECS

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first one has no window to draw beside the page: a test takes half the time."""
DEADLINE_MILLIS = 1000 * DEADLINE_SECS
SHAPES = "/runs/shapes/episodes"
WALK = Life(seed=5, n_steps=300).columns()
"""The steps of episode 2 of the run ``shapes``."""
CELLS = [tuple(cell) for cell in WALK["position"].tolist()]
HOSTILE = "<img src=x onerror=\"document.title='broken'\">"


@dataclass(frozen=True)
class Site:
    """Where the page is served, the stream that its server watches, and the folder that it shows."""

    address: str
    redis_url: str
    recordings: Path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests, with a separate context for each."""
    chromium = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if chromium is None:
        reason = "needs Chromium: apt-get install chromium-headless-shell"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        expect.set_options(timeout=DEADLINE_MILLIS)
        for name in ("new_context", "new_page"):
            setattr(browser, name, patient(getattr(browser, name)))
        yield browser
        browser.close()


def patient(make: Callable[..., BrowserContext | Page]) -> Callable[..., BrowserContext | Page]:
    """``make`` a context or a page that waits as long as all tests, not for Playwright's 30 s."""

    def made(**options: Any) -> BrowserContext | Page:
        new = make(**options)
        new.set_default_timeout(DEADLINE_MILLIS)
        return new

    return made


def said_in(n_steps: int, colour: str) -> np.ndarray:
    """A text that changes with every third step."""
    return np.array([f"turn {n // 3}: go to the {colour} door, then wait" for n in range(n_steps)], np.object_)


MANY_NAMES: dict[str, Any] = {
    "meter_names": [f"meter with a long name {number}" for number in range(30)],
    "action_names": [f"ACTION_WITH_A_LONG_NAME_{number}" for number in range(40)],
}


def many(n_steps: int) -> dict[str, np.ndarray]:
    """30 meters, of which the last empties, and 40 actions, of which action 39 is worth the least and is always chosen."""
    meters = np.full((n_steps, 30), 0.8, np.float32)
    meters[:, 29] = np.linspace(1, 0, n_steps)
    return {
        "meters": meters,
        "action": np.full(n_steps, 39),
        "reward": np.ones(n_steps),
        "q_values": np.tile(np.arange(40, 0, -1, dtype=np.float32), (n_steps, 1)),
    }


def spoiled(walk: dict[str, np.ndarray], value: float) -> dict[str, np.ndarray]:
    """A walk with this value as a reward, as a Q-value, as a meter, and as the progress of an interaction."""
    columns = {name: values.copy() for name, values in walk.items()}
    columns["reward"][40] = columns["q_values"][50:60, 2] = columns["meters"][70:90, 3] = value
    columns["interaction_progress"][50:60] = value
    return columns


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, redis_server: EmbeddedServer) -> Iterator[Site]:
    """The replay server over two runs: ``demo``, an agent that learns, and ``shapes``, one episode of each kind."""
    recordings = tmp_path_factory.mktemp("recordings")
    with Catalog(recordings / "catalog.db") as catalog:
        add_lives(catalog, recordings, run_id="demo", n_episodes=60, recorded=range(0, 60, 10), n_steps=500)
        add_life(catalog, recordings, "shapes", 2, WALK)
        forked = {name: values.copy() for name, values in WALK.items()}
        forked["action"][37] = (forked["action"][37] + 1) % 6
        add_life(catalog, recordings, "shapes", 3, forked, info={"seed": 1002})
        dull = Life(seed=6, n_steps=400, waits=(60, 260)).columns()
        add_life(catalog, recordings, "shapes", 4, dull, chunk_steps=64, missing=(5,))
        bare = {name: WALK[name] for name in ("meters", "action", "reward")}
        add_life(catalog, recordings, "shapes", 5, bare, affordance_layout={})
        scene = {"meter_names": (), "affordance_layout": {}}
        add_life(catalog, recordings, "shapes", 6, observed(300), chunk_steps=64, **scene)
        add_life(catalog, recordings, "shapes", 7, observed(200, n_numbers=40, apart=4), **scene)
        for number in range(6):
            metrics = {"success_rate": number / 10}
            add_life(catalog, recordings, "metrics", number, many(100), info=metrics)
        add_life(catalog, recordings, "unstaged", 1, WALK, stage=None)
        add_life(catalog, recordings, "many", 1, many(100), **MANY_NAMES)
        for number, value in enumerate((np.nan, np.inf, 1e30), start=2):
            add_life(catalog, recordings, "many", number, spoiled(WALK, value))
        for episode_id, colour in ((1, "red"), (2, "blue")):
            said = {name: WALK[name] for name in ("action", "reward")} | {"extras.mission": said_in(300, colour)}
            add_life(catalog, recordings, "said", episode_id, said, chunk_steps=64, **scene)
        hostile = {
            "meter_names": (HOSTILE, *map(str, range(7))),
            "action_names": (HOSTILE,),
            "affordance_layout": {HOSTILE: (1, 1)},
            "reasons": (HOSTILE,),
            "info": {"seed": HOSTILE},
        }
        add_life(catalog, recordings, HOSTILE, 1, WALK, **hostile)
    environment = {"HAMLET_RECORDER_REDIS__URL": redis_server.url}
    with PythonProcess(
        "-m", "recorder", "serve", "--recordings", str(recordings), "--port", "0", environment=environment
    ) as server:
        line = server.wait_for("http://")
        yield Site(line[line.index("http://") :].split()[0].rstrip("/"), redis_server.url, recordings)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new tab, dark, 1280 by 800; an error in its console fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if is_error(message) else None)
    yield page
    context.close()
    assert errors == []


def is_error(message: ConsoleMessage) -> bool:
    """Whether the console shows an error."""
    return message.type == "error"
