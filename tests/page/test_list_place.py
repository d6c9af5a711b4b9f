"""The list of episodes in Chromium keeps its place, and new episodes come by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from recorder.catalog import Catalog
from tests.page.conftest import Site
from tests.page.lives import Life, add_life
from tests.processes import PythonProcess

pytestmark = pytest.mark.browser

COLUMNS = Life(seed=5, n_steps=30).columns()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server over an empty folder of recordings."""
    folder = tmp_path_factory.mktemp("growing")
    with Catalog(folder / "catalog.db"):
        pass
    with PythonProcess("-m", "recorder", "serve", "--recordings", str(folder), "--port", "0") as server:
        line = server.wait_for("http://")
        yield line[line.index("http://") :].split()[0].rstrip("/"), folder


@pytest.fixture
def growing(page: Page, served: tuple[str, Path]) -> Iterator[tuple[Page, str, Path]]:
    yield page, *served
    page.goto("about:blank")  # asks the server nothing more


def add(folder: Path, run_id: str, *episode_ids: int, **options: object) -> None:
    with Catalog(folder / "catalog.db") as catalog:
        for episode_id in episode_ids:
            add_life(catalog, folder, run_id, episode_id, COLUMNS, **options)


def test_the_first_episode_appears_by_itself(growing: tuple[Page, str, Path]) -> None:
    page, address, folder = growing
    page.goto(address)
    expect(page.get_by_role("heading", name="Nothing recorded yet")).to_be_visible()
    add(folder, "one", 0)
    expect(page.locator(".episodes tbody tr")).to_have_count(1)
    expect(page.locator(".list-count")).to_have_text("1 of 1 episodes kept")


def test_back_returns_to_the_row_and_its_filters(growing: tuple[Page, str, Path]) -> None:
    page, address, folder = growing
    add(folder, "many", *range(120))
    page.goto(f"{address}/?run=many&reason=periodic_10&sort=episode_id")
    rows = page.locator(".episodes tbody tr")
    expect(rows).to_have_count(50)
    page.mouse.wheel(0, 20000)
    expect(rows).to_have_count(100)
    row = rows.nth(80)
    row.scroll_into_view_if_needed()
    before = row.bounding_box()
    row.locator("a").click()
    page.wait_for_selector(".player[data-step]")
    page.go_back()
    expect(row.locator("a")).to_be_focused()
    after = row.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 3
    expect(page.get_by_label("Reason", exact=True)).to_have_value("periodic_10")
    expect(page.locator("th.col-episode")).to_have_attribute("aria-sort", "ascending")
    head = page.locator("th.col-episode").bounding_box()
    assert head is not None
    assert 0 <= head["y"] < 60, "the head is not at the top of the window"


def test_new_episodes_wait_for_a_click_if_they_would_move_what_is_read(growing: tuple[Page, str, Path]) -> None:
    page, address, folder = growing
    add(folder, "grows", *range(60))
    page.goto(f"{address}/?run=grows")
    rows = page.locator(".episodes tbody tr")
    expect(rows).to_have_count(50)
    row = rows.nth(20)
    row.scroll_into_view_if_needed()
    shown = row.locator("a").inner_text()
    add(folder, "grows", 60, 61)
    button = page.get_by_role("button", name="2 new episodes")
    expect(button).to_be_visible()
    assert row.locator("a").inner_text() == shown
    button.click()
    expect(rows.first.locator("a")).to_have_text("61")
    expect(button).to_be_hidden()
    expect(page.locator(".list-count")).to_have_text("62 of 62 episodes kept")


def test_broken_off_episodes_come_after_all_others(growing: tuple[Page, str, Path]) -> None:
    page, address, folder = growing
    add(folder, "broken", 1, 2)
    add(folder, "broken", 3, status="truncated")
    page.goto(f"{address}/?run=broken")
    links = page.locator("a.episode-link")
    expect(links).to_have_text(["2", "1", "3"])
    expect(page.locator("td.col-status")).to_have_text(["complete", "complete", "broken off"])
    page.get_by_role("button", name="Finished").click()
    expect(links).to_have_text(["1", "2", "3"])
    page.get_by_role("button", name="Finished").click()
    expect(links).to_have_text(["3", "2", "1"])


def test_the_list_stays_while_the_server_is_away(browser: Browser, site: Site) -> None:
    context = browser.new_context()
    page = context.new_page()  # the browser logs each failed request
    page.goto(f"{site.address}/?run=demo")
    rows = page.locator(".episodes tbody tr")
    expect(rows).to_have_count(6)
    context.set_offline(True)
    trouble = page.locator(".trouble")
    expect(trouble).to_have_text("The server does not answer. Trying again…")
    expect(rows).to_have_count(6)
    context.set_offline(False)
    expect(trouble).to_be_hidden()
    expect(rows).to_have_count(6)
    context.close()
