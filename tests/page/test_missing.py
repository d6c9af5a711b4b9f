"""Addresses that have no episode or no page, and names that are markup."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import HOSTILE, SHAPES, Site

pytestmark = pytest.mark.browser


def test_names_from_files_are_never_run_as_markup(page: Page, site: Site) -> None:
    page.goto(site.address)
    page.locator(".run-name", has_text="onerror").click()
    # A row of that run: those of the run before stand there for a moment.
    page.locator("tr", has_text=HOSTILE).locator("a.episode-link").first.click()
    page.wait_for_selector(".player[data-step]")
    expect(page.locator("h1.where")).to_be_focused()
    for place in (".meter .name", ".legend span", ".chip.reason", ".run-link", ".q-value .name"):
        expect(page.locator(place).first).to_have_text(HOSTILE)
    expect(page.locator("img")).to_have_count(0)
    assert "broken" not in page.title()[:6]


def test_a_missing_episode_is_explained_in_words(page: Page, site: Site) -> None:
    page.goto(f"{site.address}{SHAPES}/99")
    missing = page.locator(".missing")
    expect(missing.get_by_role("heading")).to_have_text("Episode 99 is not here")
    expect(missing).to_contain_text("Recording not found")
    assert str(site.recordings) not in missing.inner_text()
    missing.get_by_role("link", name="Nearest kept: 7").click()
    page.wait_for_selector(".player[data-step]")
    expect(missing).to_be_hidden()


def test_an_episode_that_was_not_kept_says_why_and_leads_to_the_nearest_one(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/runs/demo/episodes/13")
    missing = page.locator(".missing")
    expect(missing.get_by_role("heading")).to_have_text("Episode 13 was not kept")
    missing.get_by_role("button", name="Why not kept?").click()
    expect(missing).to_contain_text("no explanation")  # this run has none
    expect(missing.get_by_role("link", name="Nearest kept: 10")).to_be_visible()
    missing.get_by_role("link", name="All episodes").click()
    expect(page.locator(".episodes tbody tr")).to_have_count(6)


def test_an_address_without_a_page_shows_the_way_on(page: Page, site: Site) -> None:
    answer = page.request.get(f"{site.address}/runs/demo/episodes/abc", headers={"Accept": "text/html"})
    assert answer.status == 404
    page.set_content(answer.text())
    expect(page.get_by_role("heading")).to_have_text("Page not found")
    expect(page.get_by_role("link", name="All episodes")).to_have_attribute("href", "/")
    page.goto(f"{site.address}/runs/demo/episodes/")
    page.wait_for_url("**/?run=demo")


def test_a_missing_episode_keeps_its_address(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/?episode=99999")
    expect(page.locator(".missing")).to_contain_text("99,999")
    page.keyboard.press(" ")
    page.keyboard.press("c")
    page.get_by_label("Episode to compare with").fill("2")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?episode=99999&compare=2&align=divergence")


def test_a_path_that_cannot_be_decoded_opens_the_list_of_episodes(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/runs/%E0%A4%A/episodes/5")
    expect(page.locator("tbody tr").first).to_be_visible()
