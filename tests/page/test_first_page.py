"""The page of a run in Chromium: what happened in it, at the first look; its measures; several runs."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from recorder.catalog import Catalog
from recorder.highlights import find_highlights
from tests.page.conftest import Site
from tests.page.looking import pixels_of

pytestmark = pytest.mark.browser


@pytest.fixture
def first_page(page: Page, site: Site) -> Page:
    page.goto(f"{site.address}/?run=demo")
    expect(page.locator(".card")).not_to_have_count(0)
    expect(page.locator(".episodes tbody tr")).to_have_count(6)
    return page


def test_the_page_says_what_the_catalog_says(first_page: Page, site: Site) -> None:
    with Catalog(site.recordings / "catalog.db", read_only=True) as catalog:
        found = find_highlights(catalog, "demo")
    expect(first_page.locator(".sentence")).to_have_text(found.sentence)
    assert "60 episodes" in found.sentence
    assert "6 kept" in found.sentence
    cards = first_page.locator(".card")
    assert cards.locator(".card-title").all_inner_texts() == [each.title for each in found.highlights]
    assert cards.locator(".card-value").all_inner_texts() == [each.text for each in found.highlights]
    best = found.highlights[0]
    cards.first.hover()
    expect(first_page.get_by_role("tooltip")).to_contain_text("highest value")
    cards.first.click()
    first_page.wait_for_url(f"**/runs/demo/episodes/{best.episode.episode_id}*")


def test_cards_move_unless_the_person_prefers_stillness(first_page: Page) -> None:
    film = first_page.locator(".card .film").first
    position = "node => getComputedStyle(node).backgroundPositionY"
    at_first = film.evaluate(position)
    first_page.wait_for_function(
        "before => getComputedStyle(document.querySelector('.card .film')).backgroundPositionY !== before", arg=at_first
    )
    first_page.emulate_media(reduced_motion="reduce")
    assert film.evaluate("node => getComputedStyle(node).animationName") == "none"


def test_charts_have_titles_names_of_axes_and_a_key(first_page: Page) -> None:
    chart = first_page.locator(".curve")
    expect(chart.get_by_role("heading")).to_have_text("Return by episode")
    expect(chart.locator(".key")).to_have_text(re.compile(r"kept\s*not kept\s*mean of \d+ episodes"))
    expect(first_page.locator(".histogram").get_by_role("heading")).to_have_text("Episodes by return")


def test_the_measure_is_chosen_and_stays_in_the_address(first_page: Page) -> None:
    first_page.get_by_label("Measure").select_option("steps")
    expect(first_page.locator(".curve").get_by_role("heading")).to_have_text("Steps survived by episode")
    expect(first_page.locator(".card-best .card-value")).to_have_text(re.compile("steps"))
    assert "measure=steps" in first_page.url
    first_page.reload()
    expect(first_page.locator(".curve").get_by_role("heading")).to_have_text("Steps survived by episode")


def test_a_number_in_the_info_of_the_episodes_is_a_measure(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/?run=metrics")
    page.get_by_label("Measure").select_option("success rate")
    expect(page.locator(".curve").get_by_role("heading")).to_have_text("success rate by episode")
    expect(page.locator(".card-best .card-value")).to_have_text("0.500")
    page.locator(".curve-canvas").hover()
    expect(page.locator(".curve-bubble")).to_contain_text("success rate 0.")
    page.reload()
    expect(page.get_by_label("Measure")).to_have_value("info.success_rate")


def test_curves_of_several_runs_are_drawn_over_each_other(first_page: Page) -> None:
    expect(first_page.locator(".curve-canvas")).to_be_visible()
    before = pixels_of(first_page, ".curve-canvas")
    first_page.get_by_label("Show the curve of shapes too").click()
    expect(first_page.locator(".key-other")).to_have_text("shapes")
    assert "over=shapes" in first_page.url
    assert not np.array_equal(before, pixels_of(first_page, ".curve-canvas"))
    first_page.get_by_label("Show the curve of shapes too").click()
    expect(first_page.locator(".key-other")).to_have_count(0)


def test_pointing_at_the_curve_names_the_nearest_episode_beside_its_point(first_page: Page) -> None:
    canvas = first_page.locator(".curve-canvas")
    canvas.hover()
    pixels = pixels_of(first_page, ".curve-canvas").astype(int)
    rows, columns = np.nonzero(np.abs(pixels - (0xE9, 0xA2, 0x3B)).max(axis=2) <= 12)
    is_best = columns > columns.max() - 8  # the disc of episode 50
    x, y = float(np.median(columns[is_best])), float(np.median(rows[is_best]))
    canvas.hover(position={"x": x + 3, "y": y + 2})
    bubble = first_page.locator(".curve-bubble")
    expect(bubble).to_contain_text("Episode 50")
    expect(bubble).to_contain_text("Return 99.73")
    expect(bubble.locator("img")).to_be_visible()
    box, frame = bubble.bounding_box(), canvas.bounding_box()
    assert box is not None
    assert frame is not None
    assert box["x"] > frame["x"] + x + 5 or box["x"] + box["width"] < frame["x"] + x - 5, "the bubble covers its point"
    canvas.click(position={"x": x + 3, "y": y + 2})
    first_page.wait_for_url("**/runs/demo/episodes/50*")


def test_pointing_at_a_thumbnail_plays_the_episode(first_page: Page) -> None:
    first_page.locator("td.col-preview").nth(1).hover()
    film = first_page.locator(".film-bubble .film")
    expect(film).to_be_visible()
    assert "/demo/40/film.png" in film.evaluate("node => node.style.backgroundImage")
    first_page.mouse.move(5, 5)
    expect(film).to_be_hidden()


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_first_page_fits_in_both_themes(browser: Browser, site: Site, theme: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    page.goto(f"{site.address}/?run=demo")
    expect(page.locator(".card")).not_to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    ground = pixels_of(page, ".card .film").reshape(-1, 3)
    is_light = float(np.median(ground)) > 128
    assert is_light == (theme == "light"), "the pictures have the other theme's ground"
    heights = page.locator(".episodes tbody tr").evaluate_all("rows => rows.map(row => row.offsetHeight)")
    assert len(set(heights)) == 1, "rows of different heights"
    page.close()


def test_no_page_shows_an_underscore(page: Page, site: Site) -> None:
    for path in ("/?run=demo", "/runs/demo/episodes/40"):
        page.goto(site.address + path)
        if path.startswith("/?"):
            expect(page.locator(".card")).not_to_have_count(0)
            expect(page.locator(".chip.reason")).not_to_have_count(0)
        else:
            page.wait_for_selector(".player[data-step]")
        words = page.evaluate("""
            () => [...document.querySelectorAll("body *")].flatMap((node) => [
                ...[...node.childNodes].filter((child) => child.nodeType === 3).map((child) => child.data),
                ...["title", "aria-label", "placeholder"].map((name) => node.getAttribute(name) ?? ""),
            ])
        """)
        assert [text for text in words if "_" in text] == [], path


def test_a_reason_says_its_value_and_threshold_and_filters(first_page: Page) -> None:
    chip = first_page.locator(".chip.reason").filter(has_text="top 10 %").first
    chip.hover()
    expect(first_page.get_by_role("tooltip")).to_contain_text("Click to see all of them.")
    chip.click()
    expect(first_page.locator(".episodes tbody tr")).to_have_count(3)
    assert "reason=top_10.0pct" in first_page.url


def test_each_heading_has_an_explanation(first_page: Page) -> None:
    for heading in first_page.locator(".episodes thead [data-tip]").all():
        heading.hover()
        expect(first_page.get_by_role("tooltip")).to_have_text(re.compile(r"\w.*\."))
        first_page.mouse.move(0, 0)
    assert first_page.locator(".episodes thead [data-tip]").count() == 7


def test_a_run_that_is_not_here_is_said_in_words(browser: Browser, site: Site) -> None:
    page = browser.new_page()  # the browser logs the 404
    page.goto(f"{site.address}/?run=nobody")
    expect(page.locator(".trouble")).to_have_text(
        "There is no run named nobody here. Choose one of the runs in the list."
    )
    for part in (".episodes", ".filters", ".curve-panel"):
        expect(page.locator(part)).to_be_hidden()
    page.get_by_role("link", name="demo").click()
    expect(page.locator(".episodes tbody tr")).to_have_count(6)
    page.close()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_chips_and_fields_stand_out_from_their_ground(browser: Browser, site: Site, theme: str) -> None:
    page = browser.new_page(color_scheme=theme)  # type: ignore[arg-type]
    page.goto(f"{site.address}/?run=demo")
    expect(page.locator(".status-complete").first).to_be_visible()

    def contrast(selector: str, front: str) -> float:
        colors = page.locator(selector).first.evaluate(
            "(node, front) => [front, 'backgroundColor'].map((name) => getComputedStyle(node)[name])", front
        )
        one, other = sorted(map(luminance, colors), reverse=True)
        return (one + 0.05) / (other + 0.05)

    assert contrast(".status-complete", "color") >= 4.5
    assert contrast(".chip.reason", "color") >= 4.5
    assert contrast(".filters .select", "borderTopColor") >= 3
    page.close()


def luminance(color: str) -> float:
    """The relative luminance of ``rgb(r, g, b)``, as WCAG defines it."""
    shares = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
