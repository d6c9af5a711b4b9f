"""Playing an episode in Chromium: what is painted, and what the keys, buttons and links do."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from recorder.catalog import Catalog
from recorder.values.number_format import format_meter, format_number
from tests.page.conftest import HOSTILE, Site
from tests.page.lives import Life
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
from worker.video import export_episode_video

pytestmark = pytest.mark.browser

WALK = Life(seed=5, n_steps=300).columns()
CELLS = [tuple(cell) for cell in WALK["position"].tolist()]
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
SHAPES = "/runs/shapes/episodes"
DULL = range(138, 215)
"""Steps of episode 4 in which nothing happens, between two markers."""
ANNOTATION = (0x58, 0xC8, 0xDE)


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


def test_numbers_beside_the_grid_are_those_of_the_step(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2?t=40")
    expect(page.locator(".meter").first).to_contain_text(format_meter(float(WALK["meters"][40][0]), 0, 1))
    chosen = page.locator(".q-value.chosen")
    expect(chosen).to_have_count(1)
    expect(chosen.locator(".number")).to_have_text(format_number(float(WALK["q_values"][40][WALK["action"][40]])))
    assert page.locator(".q-value.masked").count() == int((~WALK["action_masks"][40]).sum())
    total = page.locator(".facts div", has_text="Return so far").locator("dd")
    expect(total).to_have_text(format_number(WALK["reward"][:41].astype(float).sum()))


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


def test_the_end_of_an_episode_says_how_it_ended_and_leads_on(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2?t=290&speed=16&autoplay=1")
    end = page.get_by_role("region", name="End of the episode")
    expect(end).to_contain_text(re.compile(r"The episode is over.*300 steps · return", re.DOTALL))
    end.get_by_role("button", name="Replay").click()
    expect(end).to_be_hidden()
    expect(end).to_be_visible()
    end.get_by_role("button", name="Compare with best").click()
    page.wait_for_url(re.compile("/2.*compare=\\d"))
    page.goto(f"{site.address}{SHAPES}/2?t=290&speed=16&autoplay=1")
    end.get_by_role("button", name="Next kept (n)").click()
    page.wait_for_url("**/shapes/episodes/3*")


def test_of_many_actions_and_meters_the_important_ones_are_shown(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}/runs/many/episodes/1?t=99")
    for panel, first, n_more in ((".q-values", "39", 32), (".meters", "0", 22)):
        rows = page.locator(f"{panel} .rows > :visible")
        expect(rows).to_have_count(8)
        names = rows.locator(".name").all_inner_texts()
        assert first in names
        fold = page.locator(f"{panel} .fold-rows")
        expect(fold).to_have_text(f"{n_more} more")
        fold.click()
        expect(rows).to_have_count(n_more + 8)
        fold.click()
        expect(rows).to_have_count(8)
    chosen, best = (page.locator(".q-values .row", has=page.get_by_text(name, exact=True)) for name in ("39", "0"))
    assert chosen.bounding_box()["y"] < best.bounding_box()["y"]  # type: ignore[index]
    expect(page.locator(".meters .row:visible").filter(has_text="29")).to_have_attribute("data-level", "critical")


def test_a_panel_folds_and_stays_folded(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2")
    meters = page.locator(".meters .row").first
    expect(meters).to_be_visible()
    page.get_by_role("button", name="Fold meters").click()
    expect(meters).to_be_hidden()
    expect(page.locator(".q-values .row").first).to_be_visible()
    open_episode(page, f"{site.address}{SHAPES}/3")
    expect(meters).to_be_hidden()
    expect(page.get_by_role("heading", name="Meters")).to_be_visible()
    page.get_by_role("button", name="Unfold meters").click()
    expect(meters).to_be_visible()


def test_an_episode_is_shared_by_links_code_and_files(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2?t=20&sel=10..30")
    copied = {}
    for label in ("Copy link to step 20", "Copy link that loops", "Copy embed code"):
        page.get_by_role("button", name="Share").click()
        page.get_by_role("button", name=label).click()
        expect(page.locator("#message")).to_contain_text("copied")
        copied[label] = page.evaluate("navigator.clipboard.readText()")
    assert copied["Copy link to step 20"].endswith("/2?t=20&sel=10..30")
    assert "sel=10..30&autoplay=1" in copied["Copy link that loops"]
    assert 'src="http' in copied["Copy embed code"]
    assert "embed=1" in copied["Copy embed code"]
    saved = {}
    for label in (
        "Picture of this step (PNG)",
        "Player in one HTML file",
        "Steps as a table (CSV)",
        "Steps as arrays (npz)",
        "Recording",
    ):
        page.get_by_role("button", name="Share").click()
        with page.expect_download() as download:
            page.get_by_role("link", name=label).click()
        saved[download.value.suggested_filename] = download.value.path().read_bytes()
    table = list(csv.DictReader(io.StringIO(saved["episode_000002.csv"].decode())))
    assert [float(row["reward"]) for row in table] == pytest.approx(WALK["reward"].tolist())
    assert [float(row["meters.1"]) for row in table] == pytest.approx(WALK["meters"][:, 1].tolist())
    assert saved["step-20.png"].startswith(b"\x89PNG")
    assert b"Episode 2 of shapes" in saved["episode_000002.html"]
    arrays = np.load(io.BytesIO(saved["episode_000002.npz"]))
    assert arrays["reward"].tolist() == WALK["reward"].tolist()
    assert (arrays["meters"] == WALK["meters"]).all()
    assert len(saved) == 5


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


def test_names_from_files_are_never_run_as_markup(page: Page, site: Site) -> None:
    page.goto(site.address)
    page.locator(".run-name", has_text="onerror").click()
    page.locator("a.episode-link").first.click()
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


def test_a_button_requests_a_video(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2")
    with page.expect_response(f"{site.address}/api/v1/videos") as asked:
        page.get_by_role("button", name="Make video").click()
        page.get_by_role("button", name="Make this video").click()
    assert asked.value.status == 202
    expect(page.get_by_role("button", name="Queued")).to_be_disabled()


def test_a_dialog_asks_what_a_video_should_be_like(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2")
    button = page.get_by_role("button", name="Make video")
    button.click()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    button.click()
    preview = page.get_by_role("dialog").get_by_alt_text("A frame of this video")
    expect(preview).to_be_visible()
    assert preview.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [640, 360]
    first = preview.get_attribute("src")
    page.get_by_label("Theme", exact=True).select_option("light")
    expect(preview).not_to_have_attribute("src", first)
    page.get_by_label("Theme", exact=True).select_option("")
    page.get_by_label("Profile", exact=True).select_option("debug-720p")
    page.get_by_label("Sound effects", exact=True).select_option("arcade")
    page.get_by_label("Pace", exact=True).select_option("story")
    page.get_by_label("Zoom to crises").check()
    with page.expect_response(f"{site.address}/api/v1/videos") as asked:
        page.get_by_role("button", name="Make this video").click()
    assert asked.value.status == 202
    wanted = {"profile": "debug-720p", "effects": "arcade", "pace": "story", "emphasis": True}
    assert json.loads(asked.value.request.post_data) == {**wanted, "run_id": "shapes", "episode_id": 2}


def test_a_finished_video_is_saved_and_the_page_stays(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/3?t=20")
    with page.expect_response(f"{site.address}/api/v1/videos") as asked:
        page.get_by_role("button", name="Make video").click()
        page.get_by_role("button", name="Make this video").click()
    videos = site.recordings / "videos"
    videos.mkdir(exist_ok=True)
    (videos / "made.mp4").write_bytes(b"a video")
    with Catalog(site.recordings / "catalog.db") as catalog:
        video_id = asked.value.headers["location"].rsplit("/", 1)[1]
        assert catalog.finish_video(video_id, file_path="made.mp4", file_size_bytes=7, at=datetime.now(UTC))
    button = page.get_by_role("button", name="Download video")
    with page.expect_download() as saved:
        button.click()
    assert saved.value.suggested_filename == "episode_000003.mp4"
    assert saved.value.path().read_bytes() == b"a video"
    assert shown_step(page) == 20


def test_a_link_to_a_video_plays_it_in_the_browser(page: Page, site: Site) -> None:
    answer = page.request.post(
        f"{site.address}/api/v1/videos",
        data={"run_id": "shapes", "episode_id": 2, "profile": "webm"},
        headers={"Origin": site.address},
    )
    address = answer.headers["location"]
    path = site.recordings / "videos" / "linked.webm"
    with Catalog(site.recordings / "catalog.db") as catalog:
        export_episode_video(
            2, catalog, site.recordings, path, run_id="shapes", profile="webm", dpi=20, fps=10, end_step=8
        )
        video_id = address.rsplit("/", 1)[1]
        assert catalog.finish_video(
            video_id, file_path=path.name, file_size_bytes=path.stat().st_size, at=datetime.now(UTC)
        )
    page.goto(f"{site.address}{address.removeprefix(site.address)}/file")
    wait_until(lambda: page.evaluate("document.querySelector('video').readyState >= 2"), message="a frame to show")
    assert page.evaluate("document.querySelector('video').videoWidth") == 320


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


@pytest.fixture
def catalog(site: Site) -> Iterator[Catalog]:
    """The catalog of the site, whose annotations are taken away after the test."""
    with Catalog(site.recordings / "catalog.db") as catalog:
        yield catalog
        for annotation in catalog.list_annotations("shapes", 2):
            catalog.delete_annotation(annotation.annotation_id)


def test_an_annotation_is_written_by_key_marked_and_read_again(page: Page, site: Site, catalog: Catalog) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2?t=120")
    before = count_pixels(pixels_of(page, ".timeline-canvas"), ANNOTATION)
    page.keyboard.press("a")
    field = page.get_by_label("Annotation", exact=True)
    field.fill(f"{HOSTILE}\nwhy here?")
    field.press("Control+Enter")
    annotation = page.locator(".annotation-list li")
    expect(annotation.locator(".annotation-text")).to_have_text(f"{HOSTILE} why here?")
    assert [(row.step, row.text) for row in catalog.list_annotations("shapes", 2)] == [(120, f"{HOSTILE}\nwhy here?")]
    wait_until(
        lambda: count_pixels(pixels_of(page, ".timeline-canvas"), ANNOTATION) > before + 20,
        message="the annotation's marker",
    )

    page.reload()
    wait_for_step(page, lambda step: step == 120)
    expect(annotation).to_have_attribute("aria-current", "step")
    page.keyboard.press("Home")
    expect(annotation).not_to_have_attribute("aria-current", "step")
    annotation.locator(".annotation-go").press("Enter")
    wait_for_step(page, lambda step: step == 120)
    page.keyboard.press(",")
    page.keyboard.press("]")
    expect(page.locator("[aria-live=polite]")).to_contain_text("Step 120, ")
    expect(page.locator("[aria-live=polite]")).to_contain_text(HOSTILE)
    expect(page.locator("img")).to_have_count(0)


def test_an_annotation_is_changed_deleted_and_cancelled(page: Page, site: Site, catalog: Catalog) -> None:
    catalog.add_annotation("shapes", 2, step=30, text="wrong")
    open_episode(page, f"{site.address}{SHAPES}/2?t=10")
    page.get_by_role("button", name="Annotate this step (a)").click()
    page.get_by_label("Annotation", exact=True).fill("never mind")
    page.keyboard.press("Escape")
    change = page.get_by_role("button", name="Change the annotation at step 30")
    change.click()
    page.get_by_label("Annotation", exact=True).fill("right")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".annotation-text")).to_have_text("right")
    change.click()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(".annotations")).to_be_hidden()
    assert catalog.list_annotations("shapes", 2) == []


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


def test_a_link_with_any_speed_is_safe(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/4?speed=1e300&skip=1&autoplay=1")
    wait_for_step(page, lambda step: step > 390)
