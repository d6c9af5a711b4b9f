"""What takes the board's place in an episode without positions: its numbers as curves."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import SHAPES, Site
from tests.page.looking import (
    count_pixels,
    open_episode,
    pixels_of,
    wait_for_step,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.browser


def test_an_episode_without_positions_shows_its_curves(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/5?t=100")
    expect(page.locator(".grid-view:visible")).to_have_count(0)
    assert count_pixels(pixels_of(page, ".history-canvas"), (0xF2, 0xB8, 0x4B), 20) > 100


def history_row(page: Page, row: int, n_rows: int) -> np.ndarray:
    """Which pixels of one row's plot have the colour of its line: ``bool[height, width]``, bright ones only."""
    pixels = pixels_of(page, ".history-canvas").astype(int)
    height = len(pixels) // n_rows
    return np.abs(pixels[row * height : (row + 1) * height] - (0xF2, 0xB8, 0x4B)).max(axis=2) <= 20


def test_an_observation_is_shown_over_time_with_value_and_action(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/6?t=50")
    names = [f"observation {number}" for number in range(4)]
    expect(page.locator(".history-canvas")).to_have_attribute(
        "aria-label", f"{', '.join(['reward', 'action', *names, 'value'])} over time"
    )
    rows, columns = np.nonzero(history_row(page, 2, 7))
    step_up = rows[columns < columns.min() + 0.3 * np.ptp(columns)].mean(), rows[columns > columns.max() - 20].mean()
    assert step_up[0] > step_up[1] + 20, "the observation does not go up at step 20"
    reach = {}
    for step in (50, 90):
        page.goto(f"{site.address}{SHAPES}/6?t={step}")
        wait_for_step(page, lambda shown: shown == step)  # noqa: B023 - called at once
        columns = np.nonzero(history_row(page, 2, 7))[1]
        reach[step] = np.ptp(columns)
    assert reach[90] / reach[50] == pytest.approx(90 / 50, rel=0.05), "what is to come is as bright as what was"


def test_curves_include_the_steps_before_a_linked_step(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/6?t=128")  # the first step of a chunk
    wait_until(lambda: history_row(page, 2, 7).any(axis=0).sum() > 150, message="the curve of the chunk before")


def test_many_numbers_are_one_band_of_lines(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/7?t=199")
    expect(page.locator(".history-canvas")).to_have_attribute(
        "aria-label", "reward, action, observation, value over time"
    )
    rows = pixels_of(page, ".history-canvas").astype(int)
    height = len(rows)
    is_great = rows[height * 2 // 6 + 8 : height * 5 // 6 - 8, 150:-100, 0] > 150
    tenth = len(is_great) // 10
    assert is_great[:tenth].mean() > 0.9, "the first numbers are great from the start"
    assert is_great[-tenth:].mean() < 0.3, "the last numbers come late"


def test_an_observation_is_shown_completely_beside_its_curves(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/6?t=50")
    fact = page.locator(".facts div", has=page.locator("dt", has_text="observation")).locator("dd")
    expect(fact).to_have_text("1, 1, 0, 0")
    for width in (360, 1024, 1280):
        page.set_viewport_size({"width": width, "height": 768})
        cut = "[...document.querySelectorAll('.facts dd')].filter(fact => fact.scrollWidth > fact.clientWidth).length"
        assert page.evaluate(cut) == 0, f"{width} pixels"
    expect(page.locator(".facts dt", has_text="Position")).to_have_count(0)


def test_the_curves_of_a_narrow_comparison_have_its_whole_width(page: Page, site: Site) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_episode(page, f"{site.address}{SHAPES}/6?compare=7&t=80")

    lines = history_row(page, 2, 7)
    rises = np.nonzero(lines.any(axis=0))[0].min()
    assert rises < 0.2 * lines.shape[1], "step 20 of 200 is a tenth from the left"
