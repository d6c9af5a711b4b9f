"""Finding an episode in Chromium: runs, learning curve, filters, table."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocket, expect

from recorder.catalog import Catalog
from tests.page.conftest import Site
from tests.page.lives import Life, add_life
from tests.page.looking import count_pixels, open_episode, pixels_of
from tests.processes import PythonProcess
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

KEPT = (0xE9, 0xA2, 0x3B)
ALL_RETURNS = re.compile("Return of 60 episodes, from ")


@pytest.fixture
def rows(page: Page, site: Site) -> Page:
    page.goto(f"{site.address}/?run=demo")
    expect(page.locator("tbody tr")).to_have_count(6)
    expect(page.locator(".histogram-canvas")).to_have_attribute("aria-label", ALL_RETURNS)  # drawn after the curve
    return page


def episodes(page: Page) -> list[str]:
    return page.locator("a.episode-link").all_inner_texts()


def test_the_curve_marks_the_recorded_episodes(rows: Page) -> None:
    pixels = pixels_of(rows, ".curve-canvas")
    assert count_pixels(pixels, KEPT, 12) > 6 * 8
    assert count_pixels(pixels, (0x6A, 0xA5, 0xFF), 12) > 300, "no moving mean"


def test_the_table_sorts_by_its_headers(rows: Page) -> None:
    assert episodes(rows) == ["50", "40", "30", "20", "10", "0"]
    rows.get_by_role("button", name="Episode", exact=True).click()
    expect(rows.locator("th.col-episode")).to_have_attribute("aria-sort", "descending")
    rows.get_by_role("button", name="Episode", exact=True).click()
    expect(rows.locator("a.episode-link").first).to_have_text("0")
    assert episodes(rows) == ["0", "10", "20", "30", "40", "50"]


def test_filters_narrow_the_table_and_are_cleared(rows: Page) -> None:
    rows.get_by_label("Reason", exact=True).select_option("top_10.0pct")
    expect(rows.locator("tbody tr")).to_have_count(3)
    rows.get_by_label("Stage", exact=True).select_option("1")
    expect(rows.locator("tbody tr")).to_have_count(1)
    rows.get_by_role("button", name="Clear").click()
    expect(rows.locator("tbody tr")).to_have_count(6)
    rows.get_by_label("Minimum return").fill("100000")
    expect(rows.locator(".table-foot")).to_have_text("No kept episode matches these filters.")


def test_brushing_the_curve_chooses_a_range_of_episodes(rows: Page) -> None:
    box = rows.locator(".curve-canvas").bounding_box()
    assert box is not None
    rows.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 80)
    rows.mouse.down()
    rows.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 80, steps=4)
    rows.mouse.up()
    expect(rows.locator("tbody tr")).to_have_count(3)
    assert episodes(rows) == ["40", "30", "20"]
    rows.get_by_label("Clear the selected range").click()
    expect(rows.locator("tbody tr")).to_have_count(6)


def test_the_keyboard_walks_the_table_and_opens_an_episode(rows: Page) -> None:
    for _ in range(3):
        rows.keyboard.press("ArrowDown")
    rows.keyboard.press("ArrowUp")
    expect(rows.locator("a.episode-link").nth(1)).to_be_focused()
    rows.keyboard.press("Enter")
    rows.wait_for_url("**/runs/demo/episodes/40*")
    rows.wait_for_selector(".player[data-step]")
    rows.keyboard.press("ArrowDown")
    rows.wait_for_url("**/runs/demo/episodes/50*")
    rows.wait_for_selector(".player[data-step]")
    rows.keyboard.press("n")
    expect(rows.locator("#message")).to_contain_text("last kept episode")
    rows.keyboard.press("Escape")
    expect(rows.locator("tbody tr")).to_have_count(6)
    rows.go_back()
    rows.wait_for_selector(".player[data-step]")


def test_an_episode_is_fetched_on_mouse_down_and_shown_on_click(page: Page, site: Site) -> None:
    socket, sent = watch_socket(page, site)
    page.get_by_role("link", name="30", exact=True).hover()
    with socket.expect_event("framesent", lambda text: '"open"' in text):
        page.mouse.down()
    assert page.url.endswith("/?run=demo")
    assert page.title() == "demo · episodes"
    page.mouse.up()
    page.wait_for_selector(".player[data-step]")
    expect(page).to_have_title("Episode 30 · demo")
    assert sum('"open"' in text for text in sent) == 1


def test_a_cancelled_click_opens_nothing(page: Page, site: Site) -> None:
    socket, _ = watch_socket(page, site)
    page.get_by_role("link", name="30", exact=True).hover()
    page.mouse.down()
    with socket.expect_event("framesent", lambda text: '"close"' in text):
        page.get_by_role("heading", name="demo").hover()
        page.mouse.up()
    assert page.url.endswith("/?run=demo")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="20", exact=True)).to_be_focused()


def watch_socket(page: Page, site: Site) -> tuple[WebSocket, list[str]]:
    """Open the run ``demo``; returns the page's WebSocket, and all that it sends from now on."""
    with page.expect_websocket() as opened:
        page.goto(f"{site.address}/?run=demo")
    sent: list[str] = []
    opened.value.on("framesent", lambda text: sent.append(str(text)))
    expect(page.locator("tbody tr")).to_have_count(6)
    page.wait_for_load_state("networkidle")  # until the cards and charts above have come, the rows move down
    return opened.value, sent


def test_each_episode_has_its_thumbnail(rows: Page) -> None:
    loaded = "[...document.querySelectorAll('.thumbnail')].slice(0, 3).every(picture => picture.naturalWidth > 0)"
    wait_until(lambda: rows.evaluate(loaded), message="the thumbnails")
    assert len({pixels_of(rows, ".thumbnail", index).tobytes() for index in range(3)}) == 3


def test_brushing_the_histogram_chooses_a_range_of_returns(rows: Page) -> None:
    assert count_pixels(pixels_of(rows, ".histogram-canvas"), KEPT, 12) > 50, "recorded episodes do not stand out"
    rows.get_by_label("Stage", exact=True).select_option("2")
    expect(rows.locator("tbody tr")).to_have_count(2)
    expect(rows.locator(".histogram-canvas")).to_have_attribute(
        "aria-label", re.compile("Return of 20 episodes, from ")
    )
    rows.get_by_role("button", name="Clear").click()
    expect(rows.locator(".histogram-canvas")).to_have_attribute("aria-label", ALL_RETURNS)
    box = rows.locator(".histogram-canvas").bounding_box()
    assert box is not None
    rows.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60)
    rows.mouse.down()
    rows.mouse.move(box["x"] + box["width"] * 0.97, box["y"] + 60, steps=4)
    rows.mouse.up()
    expect(rows.get_by_label("Minimum return")).not_to_have_value("")
    least, greatest = (float(rows.get_by_label(f"{which} return").input_value()) for which in ("Minimum", "Maximum"))
    with rows.expect_response(re.compile(r"/api/v1/episodes\?.*sort=-reward")) as answered:
        rows.get_by_role("button", name="Return", exact=True).click()
    found = [episode["total_reward"] for episode in answered.value.json()["episodes"]]
    assert 0 < len(found) < 6
    assert all(least <= total <= greatest for total in found)
    expect(rows.locator("tbody tr")).to_have_count(len(found))


def test_a_click_on_a_bar_selects_it_and_another_click_clears_it(rows: Page) -> None:
    bar = rows.locator(".histogram-canvas")
    bar.click(position={"x": 40, "y": 100})
    expect(rows.get_by_label("Minimum return")).not_to_have_value("")
    bar.click(position={"x": 40, "y": 100})
    expect(rows.get_by_label("Minimum return")).to_have_value("")
    expect(rows.locator("tbody tr")).to_have_count(6)


def test_a_narrow_screen_never_scrolls_sideways(rows: Page) -> None:
    for width in (320, 360, 720):
        rows.set_viewport_size({"width": width, "height": 640})
        assert rows.evaluate("document.documentElement.scrollWidth") == width


def test_a_narrow_screen_shows_whole_run_names_with_the_current_one_in_view(page: Page, tmp_path: Path) -> None:
    names = [f"cart-pole-seed-{number}" for number in range(6)]
    with Catalog(tmp_path / "catalog.db") as catalog:
        for name in names:
            add_life(catalog, tmp_path, name, 7, Life(seed=5, n_steps=30).columns())
    page.set_viewport_size({"width": 390, "height": 844})
    with PythonProcess("-m", "recorder", "serve", "--recordings", str(tmp_path), "--port", "0") as server:
        line = server.wait_for("http://")
        address = line[line.index("http://") :].split()[0].rstrip("/")
        for name in (names[0], names[-1]):
            page.goto(f"{address}/?run={name}")
            expect(page.locator(".runs a[aria-current]")).to_be_in_viewport(ratio=0.95)
            cut = (
                "[...document.querySelectorAll('.run-name')].filter(name => name.scrollWidth > name.clientWidth).length"
            )
            assert page.evaluate(cut) == 0
            assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.goto("about:blank")  # asks the server nothing more, which ends now


def test_a_very_long_run_name_leaves_room_for_the_rest(page: Page, tmp_path: Path) -> None:
    run_id = "x" * 3000
    with Catalog(tmp_path / "catalog.db") as catalog:
        add_life(catalog, tmp_path, run_id, 7, Life(seed=5, n_steps=30).columns())
    with PythonProcess("-m", "recorder", "serve", "--recordings", str(tmp_path), "--port", "0") as server:
        line = server.wait_for("http://")
        page.goto(line[line.index("http://") :].split()[0])
        row = page.get_by_role("row").filter(has_text="7").last
        row.wait_for()
        assert page.get_by_text("1 episode", exact=True).is_visible()
        for name in (page.get_by_role("heading", name=run_id), page.locator(".run-name")):
            assert name.text_content() == run_id
            assert name.bounding_box()["height"] < 120
        row.click()
        link = page.locator(".run-link")
        link.wait_for()
        assert link.bounding_box()["height"] < 120
        page.goto("about:blank")  # asks the server nothing more, which ends now


def test_a_run_with_refused_episodes_shows_their_number(page: Page, tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog.db") as catalog:
        add_life(catalog, tmp_path, "again", 7, Life(seed=5, n_steps=30).columns())
        cursor = catalog.load_run_state("again").cursor
        assert catalog.commit_evaluation(
            "again",
            old_cursor=cursor,
            new_cursor="5-0",
            criteria_state={},
            new_episodes=[],
            decided=[],
            n_refused=3,
            at=datetime.now(UTC),
        )
    with PythonProcess("-m", "recorder", "serve", "--recordings", str(tmp_path), "--port", "0") as server:
        line = server.wait_for("http://")
        page.goto(line[line.index("http://") :].split()[0])
        link = page.locator(".runs a")
        expect(link).to_contain_text("3 refused")
        link.hover()
        expect(page.get_by_role("tooltip")).to_contain_text("resume=True")
        page.goto("about:blank")  # asks the server nothing more, which ends now


def test_an_episode_of_unknown_stage_is_listed_and_played_without_one(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/?run=unstaged")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("td.col-stage")).to_have_text("—")
    assert page.get_by_label("Stage", exact=True).locator("option").all_inner_texts() == ["All stages"]
    open_episode(page, f"{site.address}/runs/unstaged/episodes/1")
    expect(page.locator(".chip.reason")).not_to_have_count(0)
    assert [text for text in page.locator(".chip").all_inner_texts() if "stage" in text.lower()] == []
    facts = page.locator(".info dt").all_inner_texts()
    assert "Return" in facts
    assert "Stage" not in facts
