"""The colours of the system, as in the high contrast of Windows: in Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.page.conftest import Site
from tests.page.looking import count_pixels, open_episode, pixels_of

pytestmark = pytest.mark.browser

KEPT, MEAN = (0xE9, 0xA2, 0x3B), (0x6A, 0xA5, 0xFF)


@pytest.fixture
def forced(page: Page) -> Page:
    page.emulate_media(color_scheme="dark", forced_colors="active")
    return page


def test_charts_have_a_key_and_the_chosen_run_a_mark(forced: Page, site: Site) -> None:
    forced.goto(f"{site.address}/?run=demo")
    forced.locator(".card").last.wait_for()
    key = pixels_of(forced, ".key")
    assert count_pixels(key, KEPT, 12) > 20
    assert count_pixels(key, MEAN, 12) > 20
    styles = forced.locator(".runs li").evaluate_all("rows => rows.map((row) => getComputedStyle(row).outlineStyle)")
    assert sorted(styles) == ["none"] * (len(styles) - 1) + ["solid"]


def test_the_rows_of_a_comparison_do_not_look_disabled(forced: Page, site: Site) -> None:
    open_episode(forced, f"{site.address}/runs/shapes/episodes/2?compare=3&t=80")
    colour = "row => getComputedStyle(row).color"
    first, second = (forced.locator(".pane").nth(pane).locator(".meter.row").first for pane in (0, 1))
    assert first.evaluate(colour) == second.evaluate(colour)
    bars = pixels_of(forced, ".pane-side", 1)
    assert count_pixels(bars, (0x4C, 0xC3, 0x8A), 12) > 50, "the bars of the meters are gone"
