"""Numbers that are none, infinite or huge, recorded as reward, meter, Q-value and progress: in Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import Site
from tests.page.looking import count_pixels, open_episode, pixels_of

pytestmark = pytest.mark.browser

CURVE = (0x6A, 0xA5, 0xFF)


@pytest.mark.parametrize(
    ("episode", "text", "share", "progress"), [(2, "—", 0, ""), (3, "∞", 1, "100%"), (4, "1.0e+30", 1, "100%")]
)
def test_odd_numbers_stay_in_their_rows_and_end_no_curve(
    page: Page, site: Site, episode: int, text: str, share: int, progress: str
) -> None:
    open_episode(page, f"{site.address}/runs/many/episodes/{episode}?t=69")
    row = page.locator("[data-meter='3']")
    before = row.bounding_box()
    page.keyboard.press(".")
    expect(row.locator(".number")).to_have_text(text)
    expect(row).to_have_attribute("data-level", "good")
    expect(row.locator(".bar-fill")).to_have_attribute("style", re.compile(rf"scaleX\({share}\)"))
    assert row.bounding_box() == before
    pixels = pixels_of(page, ".timeline-canvas")
    assert count_pixels(pixels[:, pixels.shape[1] // 2 :], CURVE, 12) > 100, "the curve ends at the number"
    open_episode(page, f"{site.address}/runs/many/episodes/{episode}?t=55")
    expect(page.locator(".q-value .number").nth(2)).to_have_text(text)
    expect(page.locator(".stage-progress")).to_have_text(progress)


def test_the_list_and_a_comparison_show_odd_numbers(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/?run=many&sort=episode_id")
    rows = page.locator("tr:has(a.episode-link)")
    expect(rows).to_have_count(4)
    expect(rows.filter(has_text="1.0e+30")).to_have_count(1)
    expect(page.locator("main")).not_to_contain_text(re.compile("NaN|Infinity"))
    open_episode(page, f"{site.address}/runs/many/episodes/2?compare=4&t=75")
    expect(page.locator(".pane-title").nth(1)).to_have_text("Episode 4 · return 1.0e+30")
    expect(page.locator("main")).not_to_contain_text(re.compile("NaN|Infinity"))


def test_a_long_number_neither_wraps_nor_is_cut_and_a_sign_is_never_cut(page: Page, site: Site) -> None:
    for width, height, query in ((1440, 900, "?compare=2&t=99"), (720, 450, "?t=99"), (640, 420, "?embed=1&t=99")):
        page.set_viewport_size({"width": width, "height": height})
        open_episode(page, f"{site.address}/runs/many/episodes/1{query}")
        row = page.locator(".q-value:visible").first
        before = row.bounding_box()
        number = row.locator(".number")
        number.evaluate("number => number.textContent = '−3.6e-3'")
        assert row.bounding_box() == before, width
        assert number.evaluate("number => number.scrollWidth <= number.clientWidth"), width
        critical = page.locator(".meter[data-level='critical']:visible").first
        assert critical.evaluate("row => getComputedStyle(row, '::before').content") == '"▼"', width
