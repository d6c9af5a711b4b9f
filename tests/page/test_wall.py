"""Many lanes of a run at once, live, in Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from recorder.capture import EpisodeRecorder
from tests.agent_episodes import SEEN
from tests.page.conftest import Site
from tests.page.lives import ACTIONS, METERS
from tests.page.looking import AGENT, count_pixels, pixels_of, wait_for_step
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

N_LANES = 18
MOST = 16


@pytest.fixture
def recorder(site: Site) -> Iterator[EpisodeRecorder]:
    with EpisodeRecorder(
        site.redis_url, run_id="unstaged", meter_names=METERS, action_names=ACTIONS, grid_size=8, strict=True
    ) as recorder:
        yield recorder


def record(recorder: EpisodeRecorder, lane: int, episode_id: int, first: int, end: int) -> None:
    for step in range(first, end):
        recorder.record_step(
            episode_id=episode_id,
            step=step,
            lane=lane,
            position=(step % 8, lane % 8),
            meters=np.full(8, 0.5, np.float32),
            action=3,
            reward=1.0,
        )


def test_a_wall_shows_the_lanes_of_a_run_side_by_side(page: Page, site: Site, recorder: EpisodeRecorder) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.set_viewport_size({"width": 1440, "height": 900})
    for lane in range(N_LANES):
        record(recorder, lane, 100 + lane, 0, 20)
    wait_until(lambda: recorder.stats().n_bytes_sent > 0, message="the steps in the stream")
    page.goto(f"{site.address}/?run=unstaged")
    page.get_by_role("link", name="All lanes").click()
    page.wait_for_url(re.compile(r"\?wall=unstaged$"))
    tiles = page.locator(".tile")
    expect(tiles).to_have_count(MOST)
    for number in range(MOST):
        expect(tiles.nth(number)).to_have_attribute("data-step", "19")
    first = tiles.first
    lane = int(first.get_attribute("data-lane") or -1)
    expect(first).to_contain_text(f"Lane {lane}episode {100 + lane}20.00")
    assert len(sockets) == 1
    boxes = [tile.bounding_box() for tile in tiles.all()]
    assert all(box and box["y"] + box["height"] <= 900 and box["x"] + box["width"] <= 1440 for box in boxes)
    assert count_pixels(pixels_of(page, ".tile"), AGENT["dark"]) > 20

    recorder.finish_episode(100 + lane)
    record(recorder, lane, 200, 0, 10)
    expect(first).to_contain_text("episode 200")
    expect(first).to_have_attribute("data-step", "9")

    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_be_focused()
    other = int(tiles.nth(1).get_attribute("data-lane") or -1)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"\?follow=unstaged&lane={other}$"))
    wait_for_step(page, lambda step: step == 19)
    expect(page.get_by_label("Episode", exact=True)).to_have_value(str(100 + other))
    page.keyboard.press("w")
    page.wait_for_url(re.compile(r"\?wall=unstaged$"))
    expect(tiles).to_have_count(MOST)
    page.get_by_role("link", name="One lane").click()
    page.wait_for_url(re.compile(r"\?follow=unstaged$"))


def test_a_wall_says_that_no_lane_is_recorded_and_goes_on_by_itself(
    page: Page, site: Site, recorder: EpisodeRecorder
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{site.address}/?wall=unstaged")
    expect(page.locator(".stage-message")).to_contain_text("No lane is being recorded right now")
    for lane in (3, 1):
        record(recorder, lane, 300 + lane, 0, 5)
    expect(page.locator(".tile strong")).to_have_text(["Lane 1", "Lane 3"])
    expect(page.locator(".stage-message")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    left, right = (box for tile in page.locator(".tile").all() if (box := tile.bounding_box()))
    assert min(left["width"], left["height"]) >= 300
    page.set_viewport_size({"width": 640, "height": 420})
    expect(page.locator(".tile").nth(1)).to_be_in_viewport(ratio=1)
    assert left["x"] == right["x"]


def test_a_lane_of_several_agents_shows_what_one_of_them_sees(
    page: Page, site: Site, recorder: EpisodeRecorder
) -> None:
    for step in range(4):
        agents = {name: {"reward": 1.0, "extras": {"observation": SEEN[name][step]}} for name in ("red_0", "red_1")}
        recorder.record_agents(300, step, agents, lane=2)
    wait_until(lambda: recorder.stats().n_bytes_sent > 0, message="the steps in the stream")
    page.goto(f"{site.address}/?wall=unstaged")
    tile = page.locator(".tile[data-lane='2']")
    expect(tile).to_have_attribute("data-step", "3")
    expect(tile.locator("canvas.picture")).to_be_visible()
    assert tile.locator("canvas.picture").evaluate("canvas => [canvas.width, canvas.height]") == [24, 20]
