"""Playing an episode in Chromium: what is painted, and what the keys, buttons and links do."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.page.conftest import CELLS, SHAPES, Site
from tests.page.looking import (
    agent_cell,
    agent_point,
    count_pixels,
    open_episode,
    pixels_of,
    shown_step,
    wait_for_step,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

KEYS = (
    (".", 1),
    ("ArrowRight", 2),
    (",", 1),
    ("Shift+ArrowRight", 31),
    ("5", 150),
    ("End", 299),
    ("Home", 0),
    ("ArrowLeft", 0),
)
DULL = range(138, 215)
"""Steps of episode 4 in which nothing happens, between two markers."""


def test_a_deep_link_paints_the_agent_in_the_cell_of_that_step(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2?t=37")
    assert shown_step(page) == 37
    assert agent_cell(page) == CELLS[37]
    expect(page.locator(".counter")).to_have_text("37 / 299")


def test_a_link_with_a_query_string_opens_the_episode_too(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}/?episode=2&run=shapes&t=9")
    assert shown_step(page) == 9
    assert agent_cell(page) == CELLS[9]


def test_keys_step_jump_and_seek(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2")
    for key, expected in KEYS:
        page.keyboard.press(key)
        assert wait_for_step(page, lambda step: step == expected) == expected  # noqa: B023 - called at once
    page.keyboard.press("]")
    first = wait_for_step(page, lambda step: step > 0)
    page.keyboard.press("]")
    wait_for_step(page, lambda step: step > first)
    page.keyboard.press("[")
    wait_for_step(page, lambda step: step == first)


def test_every_step_is_painted_at_its_recorded_position(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2?t=100")
    for expected in range(101, 108):
        page.keyboard.press(".")
        wait_for_step(page, lambda step: step == expected)  # noqa: B023 - called at once
        assert agent_cell(page) == CELLS[expected]


def test_playing_is_smooth_and_pausing_stops_at_once(page: Page, site: Site) -> None:
    moving = next(step for step in range(50, 250) if all(CELLS[i] != CELLS[i + 1] for i in range(step, step + 6)))
    open_episode(page, f"{site.address}{SHAPES}/2?t={moving}&speed=0.25")
    page.keyboard.press(" ")
    points = {tuple(np.round(agent_point(page))) for _ in range(8)}
    assert len(points) > 4, "the agent jumps from cell to cell"
    page.keyboard.press("k")
    expect(page.get_by_role("button", name="Play (space)")).to_be_visible()
    rest = shown_step(page)
    assert agent_cell(page) == CELLS[rest]


def test_speed_is_chosen_by_key_and_by_list(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2")
    speed = page.get_by_label("Speed")
    page.keyboard.press("l")
    expect(speed).to_have_value("2")
    page.keyboard.press("<")
    page.keyboard.press("j")
    expect(speed).to_have_value("0.5")
    speed.select_option("max")
    page.get_by_role("button", name="Play (space)").click()
    wait_for_step(page, lambda step: step == 299)
    expect(page.get_by_role("button", name="Play (space)")).to_be_visible()


def test_dragging_the_timeline_scrubs(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}/runs/demo/episodes/50")
    box = page.locator(".timeline-strip").bounding_box()
    assert box is not None
    last = int(page.locator(".timeline-strip").get_attribute("aria-valuemax") or 0)
    y = box["y"] + 20
    page.mouse.move(box["x"] + 7, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, y, steps=5)
    page.mouse.up()
    wait_for_step(page, lambda step: abs(step - last / 2) <= 2)
    expect(page.locator(".timeline .bubble")).to_contain_text("Step ")
    assert count_pixels(pixels_of(page, ".bubble-stage .board"), (0x4C, 0x8D, 0xFF)) > 10, "the preview has no agent"


def test_the_address_shows_the_step_once_playback_pauses(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2?t=10")
    page.keyboard.press(".")
    page.wait_for_url("**/runs/shapes/episodes/2?t=11")
    page.keyboard.press("i")
    for _ in range(3):
        page.keyboard.press(".")
    page.keyboard.press("o")
    page.wait_for_url("**/2?t=14&sel=11..14")
    page.reload()
    wait_for_step(page, lambda step: step == 14)
    page.get_by_role("button", name="Copy link at this step").click()
    expect(page.locator("#message")).to_contain_text("Link to step 14 copied")
    assert page.evaluate("navigator.clipboard.readText()").endswith("/runs/shapes/episodes/2?t=14&sel=11..14")


def test_gaps_are_hatched_and_step_numbers_continue_after_them(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/4?t=319")
    page.keyboard.press(".")
    wait_for_step(page, lambda step: step == 384)
    strip = pixels_of(page, ".timeline-canvas")
    x = int(strip.shape[1] * 350 / 400)
    assert count_pixels(strip[:, x - 8 : x + 8], (0xE9, 0xA2, 0x3B), 40) > 50, "the gap is not hatched"
    assert count_pixels(strip[:, x - 300 : x - 280], (0xE9, 0xA2, 0x3B), 40) < 50


def test_dull_stretches_are_skipped_on_request(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/4?t=130&speed=4")
    before = pixels_of(page, ".timeline-canvas")
    page.evaluate(
        """() => {
          const player = document.querySelector(".player");
          window.painted = [];
          const annotation = () => window.painted.push(Number(player.dataset.step));
          new MutationObserver(annotation).observe(player, { attributeFilter: ["data-step"] });
        }"""
    )
    page.keyboard.press("s")
    page.keyboard.press("k")
    wait_for_step(page, lambda step: step > 230)
    painted = page.evaluate("window.painted")
    assert min(painted) < DULL.start
    assert [step for step in painted if step in DULL] == []
    assert (before != pixels_of(page, ".timeline-canvas")).mean() > 0.05, "the cut does not show"


def test_skipping_says_that_nothing_is_dull(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2")
    page.keyboard.press("s")
    expect(page.get_by_role("status").filter(has_text="Nothing is dull in this episode")).to_be_visible()


def test_a_meters_curve_appears_on_the_timeline_on_demand(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2")
    amber = (0xF2, 0xB8, 0x4B)
    assert count_pixels(pixels_of(page, ".timeline-canvas"), amber, 20) < 20
    page.locator(".meter").first.click()
    expect(page.locator(".meter").first).to_have_attribute("aria-pressed", "true")
    wait_until(
        lambda: count_pixels(pixels_of(page, ".timeline-canvas"), amber, 20) > 200, message="the curve on the timeline"
    )


def test_the_timeline_names_its_curves_switches_markers_and_zooms(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2?t=100")
    page.locator(".meter").first.click()
    expect(page.locator(".curve-key li")).to_have_text(
        [re.compile("Return so far.* to "), re.compile("energy.*0% to 100%")]
    )
    used = page.get_by_role("button", name="Affordance used: ")
    before = pixels_of(page, ".timeline-canvas")
    used.click()
    expect(used).to_have_attribute("aria-pressed", "false")
    wait_until(lambda: (before != pixels_of(page, ".timeline-canvas")).any(), message="markers that are gone")
    expect(page.locator(".timeline-overview")).to_be_hidden()
    page.locator(".timeline-strip").hover(position={"x": 800, "y": 20})
    page.mouse.wheel(0, -100)
    page.keyboard.press("+")
    expect(page.locator(".timeline-overview")).to_be_visible()
    page.keyboard.press("End")
    wait_for_step(page, lambda step: step == 299)
    expect(page.locator(".playhead")).to_be_visible()
    for _ in range(3):
        page.keyboard.press("-")
    expect(page.locator(".timeline-overview")).to_be_hidden()


def test_a_caption_names_what_happens_while_it_plays(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2?speed=4&autoplay=1")
    expect(page.locator(".stage-caption")).to_have_text(re.compile("^[◆▼?★] "))


def test_a_recording_plays_from_its_bytes_without_a_server(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2")
    page.evaluate(
        """async () => {
          const file = await fetch("/api/v1/episodes/shapes/2/file");
          const opened = await new Promise((resolve) => {
            const socket = new WebSocket(`ws://${location.host}/ws`);
            socket.onopen = () => socket.send('{"type": "open", "id": 1, "run_id": "shapes", "episode_id": 2, "credit": 0}');
            socket.onmessage = ({ data }) => JSON.parse(data).type === "opened" && resolve(JSON.parse(data));
          });
          const { playBytes } = await import("/static/pages/baked_page.js");
          document.querySelector(".outlet").replaceChildren();
          playBytes(new Uint8Array(await file.arrayBuffer()), opened, document.querySelector(".outlet"));
        }"""
    )
    page.wait_for_selector(".player[data-step]")
    page.keyboard.press("5")
    wait_for_step(page, lambda step: step == 150)
    assert agent_cell(page) == CELLS[150]
    expect(page.locator(".stage")).to_have_count(1)
    assert count_pixels(pixels_of(page, ".timeline-canvas"), (0x6A, 0xA5, 0xFF), 12) > 200, "no reward curve"


def test_a_lost_connection_is_shown_and_restored(page: Page, site: Site) -> None:
    lost: list[WebSocketRoute] = []
    page.route_web_socket("**/ws", lambda route: (lost.append(route), route.connect_to_server()))
    open_episode(page, f"{site.address}/runs/demo/episodes/50?t=20")
    lost[0].close()
    expect(page.locator(".banner")).to_contain_text("connection to the server is lost")
    expect(page.locator(".banner")).to_be_hidden()
    assert shown_step(page) == 20
    page.keyboard.press("9")
    wait_for_step(page, lambda step: step > 400)


def test_a_link_with_any_speed_is_safe(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/4?speed=1e300&skip=1&autoplay=1")
    wait_for_step(page, lambda step: step > 390)
