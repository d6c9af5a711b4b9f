"""Every window, theme, key and reader: what a person needs to use the player at all."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import CELLS, SHAPES, Site
from tests.page.looking import (
    agent_cell,
    agent_point,
    open_episode,
    pixels_of,
    shown_step,
)

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("path", [f"{SHAPES}/2?t=50", f"{SHAPES}/2?compare=3", "/?run=demo"])
def test_no_page_scrolls_sideways(page: Page, site: Site, path: str) -> None:
    page.goto(site.address + path)
    page.wait_for_selector(".player[data-step], .episode-link")
    for width in (360, 800, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{width} pixels"


def test_a_phone_shows_agent_and_controls_at_once(page: Page, site: Site) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    open_episode(page, f"{site.address}{SHAPES}/2?t=50")
    assert agent_cell(page) == CELLS[50]
    expect(page.get_by_role("button", name="Play (space)")).to_be_in_viewport(ratio=1)


def test_each_theme_has_its_colours(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2?t=50")
    page.get_by_role("button", name="Switch between dark and light").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert agent_cell(page, theme="light") == CELLS[50]
    assert pixels_of(page, "body")[60, 4].min() > 230
    open_episode(page, f"{site.address}{SHAPES}/2?t=50&theme=dark")
    assert agent_cell(page) == CELLS[50]


def test_help_lists_the_keys_and_closes_by_escape(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard help")).to_contain_text("previous marker")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "/episodes/2" in page.url


def test_screen_readers_announce_the_step_once_playback_pauses(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2?t=20")
    page.keyboard.press(".")
    slider = page.get_by_role("slider", name="Step")
    expect(slider).to_have_attribute("aria-valuenow", "21")
    expect(page.locator("[aria-live=polite]")).to_contain_text("Step 21, ")


def test_the_reduced_motion_setting_is_respected(page: Page, site: Site) -> None:
    page.emulate_media(reduced_motion="reduce", color_scheme="dark")
    open_episode(page, f"{site.address}{SHAPES}/2?t=50&speed=0.25&autoplay=1")
    first = shown_step(page)
    points = {tuple(np.round(agent_point(page))) for _ in range(8)}
    assert len(points) <= shown_step(page) - first + 1, "the agent is painted between two cells"


def test_fingers_have_targets_of_44_pixels(browser: Browser, site: Site) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    for path, there in ((f"{SHAPES}/2", ".player[data-step]"), ("/?run=demo", "a.episode-link")):
        page.goto(site.address + path)
        page.wait_for_selector(there)
        # A row of the list opens its episode as its link does.
        small = page.evaluate(
            """() => [...document.querySelectorAll("button, a:not(.episode-link), select, input:not([type=checkbox]), tbody tr")]
              .filter((node) => node.offsetParent && node.getBoundingClientRect().height < 44)
              .map((node) => node.getAttribute("aria-label") ?? node.textContent)"""
        )
        assert small == [], path
    context.close()
