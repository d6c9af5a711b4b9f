"""Two episodes side by side, and an episode that is still being recorded, in Chromium."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from recorder.capture import EpisodeRecorder
from tests.page.conftest import CELLS, Site
from tests.page.lives import ACTIONS, METERS, Life
from tests.page.looking import agent_cell, open_episode, resize, shown_step, wait_for_step
from tests.processes import ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.browser


def test_a_comparison_jumps_to_the_first_difference(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}/runs/shapes/episodes/2?compare=3&align=divergence")
    wait_for_step(page, lambda step: step == 37)
    expect(page.locator(".comparison")).to_contain_text("Compared with episode 3 · aligned")
    expect(page.locator(".comparison")).to_contain_text("first difference: action at step 37 (")
    expect(page.locator(".pane-title").first).to_contain_text("Episode 2 · return")
    expect(page.locator(".curve-key li").nth(1)).to_contain_text("Episode 3")
    names = [page.locator("section[aria-label]").nth(n).get_attribute("aria-label") for n in range(6)]
    assert len(set(names)) == 6, "landmarks have equal names"
    assert agent_cell(page, pane=0) == agent_cell(page, pane=1) == CELLS[37]


def test_both_panes_follow_one_timeline(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}/runs/shapes/episodes/2?compare=4&t=10")
    page.keyboard.press(".")
    wait_for_step(page, lambda step: step == 11)
    other = Life(seed=6, n_steps=400, waits=(60, 260)).columns()
    assert agent_cell(page, pane=0) == CELLS[11]
    assert agent_cell(page, pane=1) == tuple(other["position"][11])
    delta = other["meters"][11][0] - Life(seed=5, n_steps=300).columns()["meters"][11][0]
    shown = page.locator(".delta div", has_text="energy").locator("dd").inner_text().replace("−", "-")
    assert float(shown) == pytest.approx(delta, abs=0.0006)


def test_rows_of_the_second_episode_say_how_much_they_differ(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}/runs/shapes/episodes/2?compare=4&t=100")
    one = Life(seed=5, n_steps=300).columns()
    other = Life(seed=6, n_steps=400, waits=(60, 260)).columns()
    deltas = other["meters"][100] - one["meters"][100]
    meter = int(np.abs(deltas).argmax())
    assert abs(deltas[meter]) > 0.01
    second = page.locator(".pane").nth(1)
    row = second.locator(".meter").nth(meter)
    expect(row).to_have_class(re.compile("differs"))
    shown = row.locator(".change").inner_text().replace("−", "-").removesuffix("%")
    assert float(shown) == pytest.approx(100 * deltas[meter], abs=0.06)
    bar, outline = row.locator(".bar").bounding_box(), row.locator(".bar-other").bounding_box()
    assert bar is not None
    assert outline is not None
    assert (outline["x"], outline["width"] / bar["width"]) == pytest.approx(
        (bar["x"], one["meters"][100][meter]), abs=0.02
    )
    row = second.locator(".q-value").nth(0)
    expect(row.locator(".bar-other")).to_be_visible()
    shown = row.locator(".change").inner_text().replace("−", "-")
    assert float(shown) == pytest.approx(other["q_values"][100][0] - one["q_values"][100][0], abs=0.006)
    fact = second.locator(".info .differs", has_text="Return so far").locator(".change")
    difference = other["reward"][:101].sum() - one["reward"][:101].sum()
    assert float(fact.inner_text().replace("−", "-")) == pytest.approx(difference, abs=0.01)
    expect(page.locator(".pane").nth(0).locator(".differs, .bar-other:visible")).to_have_count(0)


def test_a_comparison_takes_the_episode_before_or_after(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}/runs/shapes/episodes/3")
    page.keyboard.press("c")
    page.get_by_role("button", name="The one after").click()
    page.wait_for_url(re.compile(r"episodes/3\?compare=4&"))
    open_episode(page, f"{site.address}/runs/shapes/episodes/3")
    page.keyboard.press("c")
    page.get_by_role("button", name="The one before").click()
    page.wait_for_url(re.compile(r"episodes/3\?compare=2&"))


def test_a_comparison_in_a_frame_shows_two_large_boards(page: Page, site: Site) -> None:
    page.set_viewport_size({"width": 640, "height": 420})
    open_episode(page, f"{site.address}/runs/shapes/episodes/2?compare=4&t=60&embed=1")
    boards = page.locator(".stage .board:visible")
    expect(boards).to_have_count(2)
    assert min(min(box["width"], box["height"]) for board in boards.all() if (box := board.bounding_box())) >= 200
    assert page.evaluate("document.documentElement.scrollWidth") <= 640


def test_equal_values_of_a_comparison_show_no_difference(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}/runs/shapes/episodes/2?compare=3&t=36")
    second = page.locator(".pane").nth(1)
    expect(second.locator(".against").first).to_contain_text("episode 2")
    expect(second.locator(".differs")).to_have_count(0)
    page.keyboard.press(".")
    wait_for_step(page, lambda step: step == 37)
    expect(second.locator(".differs dt")).to_have_text(["Action"])


def test_panels_of_a_comparison_never_overlap(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}/runs/shapes/episodes/2?compare=3&t=10")
    expect(page.locator(".comparison")).to_contain_text("first difference")
    for width, height in ((390, 844), (870, 610), (1024, 768), (1024, 620), (1440, 900)):
        resize(page, width, height)
        panels_are_apart(page)


def panels_are_apart(page: Page) -> None:
    panels = ".stage, .pane-side, .delta"
    boxes = [panel.bounding_box() for panel in page.locator(panels).all()]
    places = [(box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]) for box in boxes if box]
    assert len(places) == 5
    for number, (left, top, right, bottom) in enumerate(places):
        for other in places[number + 1 :]:
            apart = right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
            assert apart, f"{places[number]} covers {other}"
    boards = page.locator(".stage .board:visible")
    assert min(board.bounding_box()["height"] for board in boards.all()) >= 80  # type: ignore[index]


def test_a_comparison_starts_by_key_and_ends_by_button(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}/runs/shapes/episodes/2")
    page.keyboard.press("c")
    page.get_by_label("Episode to compare with").fill("3")
    page.keyboard.press("Enter")
    expect(page.locator(".pane")).to_have_count(2)
    page.keyboard.press("c")
    page.get_by_label("Episode to compare with").fill("episode 5")
    dialog = page.get_by_role("dialog", name="Compare")
    expect(dialog.locator("li")).to_have_count(1)
    dialog.get_by_label("Episode to compare with").fill("nothing like it")
    expect(dialog).to_contain_text("Nothing found.")
    dialog.get_by_label("Episode to compare with").fill("episode 5")
    page.keyboard.press("Enter")
    page.wait_for_url("**compare=5*")
    page.keyboard.press("c")
    dialog.get_by_role("button", name="Same seed").click()
    expect(dialog.get_by_role("button", name="Episode 2 of said")).to_be_visible()
    dialog.get_by_role("button", name="Episode 3 return").click()
    page.wait_for_url("**compare=3*")
    page.keyboard.press("c")
    page.get_by_role("button", name="Best of the run").click()
    page.wait_for_url(re.compile(r"compare=(?!3)\d"))  # the best one is asked for
    expect(page.locator(".pane")).to_have_count(2)
    page.get_by_role("button", name="Stop comparing").click()
    expect(page.locator(".pane")).to_have_count(1)


@pytest.fixture
def recorder(site: Site) -> Iterator[EpisodeRecorder]:
    with EpisodeRecorder(
        site.redis_url, run_id="demo", meter_names=METERS, action_names=ACTIONS, grid_size=8, strict=True
    ) as recorder:
        yield recorder


def record(recorder: EpisodeRecorder, episode_id: int, first: int, end: int) -> None:
    for step in range(first, end):
        recorder.record_step(
            episode_id=episode_id,
            step=step,
            position=(step % 8, episode_id % 8),
            meters=np.full(8, 0.5, np.float32),
            action=3,
            reward=1.0,
        )


FIRST_STEP = """new MutationObserver((_, observer) => {
  const player = document.querySelector(".player[data-step]");
  if (!player) return;
  observer.disconnect();
  window.firstStep = Number(player.dataset.step);
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-step"] });"""
"""Keeps the step that is painted first: the page plays on while the test asks for it."""


def test_a_live_episode_is_followed_scrubbed_and_followed_again(
    page: Page, site: Site, recorder: EpisodeRecorder
) -> None:
    record(recorder, 3, 0, 40)
    page.add_init_script(FIRST_STEP)
    page.goto(f"{site.address}/?follow=demo")
    wait_for_step(page, lambda _: True)
    assert page.evaluate("firstStep") < 30, "the episode does not begin with its first steps"
    expect(page.get_by_label("Speed")).to_have_value("4")
    wait_for_step(page, lambda step: step == 39)
    expect(page.get_by_role("button", name="Live", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".chip.status-live")).to_be_visible()
    record(recorder, 3, 40, 60)
    wait_for_step(page, lambda step: step == 59)
    assert agent_cell(page) == (59 % 8, 3)
    facts = page.locator(".info .facts").last
    expect(facts.locator("div", has_text="Steps").locator("dd")).to_have_text("60")
    expect(facts.locator("div", has_text="Return").locator("dd")).to_have_text("—")

    page.keyboard.press("Home")
    wait_for_step(page, lambda step: step == 0)
    record(recorder, 3, 60, 80)
    expect(facts.locator("div", has_text="Steps").locator("dd")).to_have_text("80")
    expect(page.locator(".counter")).to_have_text("0 / 79")
    assert shown_step(page) == 0
    page.keyboard.press("End")
    wait_for_step(page, lambda step: step == 79)
    record(recorder, 3, 80, 90)
    wait_for_step(page, lambda step: step == 89)

    recorder.finish_episode(3)
    record(recorder, 4, 0, 30)
    wait_for_step(page, lambda step: step == 29)
    assert agent_cell(page) == (29 % 8, 4)


def test_a_viewer_who_scrubbed_back_stays_on_the_episode_until_go_live(
    page: Page, site: Site, recorder: EpisodeRecorder
) -> None:
    record(recorder, 5, 0, 40)
    page.goto(f"{site.address}/?follow=demo&speed=16")
    wait_for_step(page, lambda step: step == 39)
    page.keyboard.press("5")
    wait_for_step(page, lambda step: step == 20)
    record(recorder, 5, 40, 50)
    expect(page.locator(".counter")).to_have_text("20 / 49")

    recorder.finish_episode(5)
    expect(page.locator(".chip.status-live")).to_have_count(0)
    record(recorder, 6, 0, 30)
    expect(page.locator(".live-button")).to_have_text("1 episode behind · Go live")
    assert shown_step(page) == 20
    expect(page.get_by_label("Episode", exact=True)).to_have_value("5")
    for key, expected in ((".", 21), ("Home", 0), ("End", 49)):
        page.keyboard.press(key)
        wait_for_step(page, lambda step: step == expected)  # noqa: B023 - called at once
        assert agent_cell(page) == (expected % 8, 5)

    page.keyboard.press("k")
    page.keyboard.press(",")
    page.get_by_role("button", name="Go live").click()
    wait_for_step(page, lambda step: step == 29)
    assert agent_cell(page) == (29 % 8, 6)
    expect(page.get_by_role("button", name="Live", exact=True)).to_have_attribute("aria-pressed", "true")
    record(recorder, 6, 30, 45)
    wait_for_step(page, lambda step: step == 44)


def test_the_end_key_goes_live_from_the_end_of_an_ended_episode(
    page: Page, site: Site, recorder: EpisodeRecorder
) -> None:
    record(recorder, 7, 0, 40)
    page.goto(f"{site.address}/?follow=demo&speed=16")
    wait_for_step(page, lambda step: step == 39)
    page.keyboard.press("Home")
    recorder.finish_episode(7)
    expect(page.locator(".chip.status-live")).to_have_count(0)
    page.keyboard.press("End")
    wait_for_step(page, lambda step: step == 39)
    page.keyboard.press("End")
    expect(page.locator(".banner")).to_contain_text("Waiting for the next one")
    record(recorder, 8, 0, 20)
    wait_for_step(page, lambda step: step == 19)
    expect(page.locator(".banner")).to_be_hidden()


def test_markers_of_a_live_episode_appear_once_and_in_order(page: Page, site: Site, recorder: EpisodeRecorder) -> None:
    for step in range(600):
        low = 0.05 if 100 <= step < 400 else 0.5
        recorder.record_step(
            episode_id=11,
            step=step,
            position=(0, 0),
            meters=np.full(8, low, np.float32),
            action=3,
            reward=1.0,
        )
    page.goto(f"{site.address}/?follow=demo&speed=16")
    wait_for_step(page, lambda step: step == 599)
    page.keyboard.press("Home")
    wait_for_step(page, lambda step: step == 0)
    page.keyboard.press("]")
    wait_for_step(page, lambda step: step == 100)
    expect(page.locator("[aria-live=polite]")).to_contain_text("energy at 5%, hygiene at 5%")
    page.keyboard.press("]")
    page.keyboard.press(",")
    wait_for_step(page, lambda step: step == 99)


def test_the_browser_offers_to_watch_a_run_that_is_being_recorded(
    page: Page, site: Site, recorder: EpisodeRecorder
) -> None:
    record(recorder, 9, 0, 20)
    wait_until(lambda: recorder.stats().n_bytes_sent > 0, message="the steps in the stream")
    page.goto(f"{site.address}/?run=demo")
    page.get_by_role("link", name="Watch live").click()
    wait_for_step(page, lambda step: step == 19)


def test_only_a_run_that_is_being_recorded_is_offered_live(page: Page, site: Site) -> None:
    with page.expect_response("**/runs/shapes/live") as answered:
        page.goto(f"{site.address}/?run=shapes")
    answered.value.finished()
    page.evaluate("new Promise(requestAnimationFrame)")
    expect(page.get_by_role("link", name="Watch live")).to_be_hidden()


@pytest.fixture
def tell_page(page: Page) -> Callable[..., None]:
    """Sends the page a message in the server's name, on its latest stream."""
    sockets: list[WebSocketRoute] = []
    streams: list[int] = []

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        sockets.append(socket)

        def pass_on(message: str | bytes) -> None:
            asked = json.loads(message)
            if asked["type"] == "follow":
                streams.append(asked["id"])
            server.send(message)

        socket.on_message(pass_on)

    page.route_web_socket("**/ws", between)
    return lambda **message: sockets[-1].send(json.dumps({"id": streams[-1], **message}))


def test_an_outage_is_shown_until_steps_arrive_again(
    page: Page, site: Site, recorder: EpisodeRecorder, tell_page: Callable[..., None]
) -> None:
    record(recorder, 12, 0, 40)
    page.goto(f"{site.address}/?follow=demo&speed=16")
    wait_for_step(page, lambda step: step == 39)
    tell_page(type="error", code="unavailable", message="the step stream is away")
    expect(page.locator(".stage-message")).to_have_text("the step stream is away")
    record(recorder, 12, 40, 60)
    wait_for_step(page, lambda step: step == 59)
    expect(page.locator(".stage-message")).to_be_hidden()


def test_the_timeline_appears_when_an_episode_opens_at_the_second_attempt(
    page: Page, site: Site, recorder: EpisodeRecorder, tell_page: Callable[..., None]
) -> None:
    page.goto(f"{site.address}/?follow=demo&speed=16")
    expect(page.locator(".stage-message")).to_contain_text("Waiting for the next one")
    tell_page(type="error", code="unavailable", message="the step stream is away")
    expect(page.locator(".deck")).to_be_hidden()
    record(recorder, 13, 0, 40)
    wait_for_step(page, lambda step: step == 39)
    expect(page.locator(".stage-message")).to_be_hidden()
    expect(page.locator(".deck")).to_be_visible()


def test_the_video_button_belongs_to_the_shown_episode(page: Page, site: Site, recorder: EpisodeRecorder) -> None:
    progress: list[Route] = []
    page.route("**/api/v1/videos/of-14", lambda route: progress.append(route))

    def asked_for(route: Route) -> None:
        if route.request.method == "POST":
            route.fulfill(status=202, headers={"Location": "/api/v1/videos/of-14"}, json={})
        else:
            route.continue_()

    page.route("**/api/v1/videos", asked_for)
    # No worker writes the episode, so the server has no frame of it.
    page.route("**/api/v1/videos/still", lambda route: route.fulfill(path=ROOT / "replay_server/page/icon.png"))
    record(recorder, 14, 0, 20)
    page.goto(f"{site.address}/?follow=demo&speed=16")
    wait_for_step(page, lambda step: step == 19)
    button = page.locator(".episode-header .button", has_text="video")
    expect(button).to_be_hidden()
    recorder.finish_episode(14)
    button.click()
    page.get_by_role("button", name="Make this video").click()
    expect(page.get_by_role("button", name="Queued")).to_be_disabled()
    wait_until(lambda: page.evaluate("true") and progress, message="the question how far the video is")

    record(recorder, 15, 0, 30)
    wait_for_step(page, lambda step: step == 29)
    expect(page.get_by_role("button", name="Queued")).to_have_count(0)
    with page.expect_response("**/api/v1/videos/of-14"):
        progress[0].fulfill(json={"state": "done", "progress": 1, "error": None})
    expect(button).to_be_hidden()
    recorder.finish_episode(15)
    expect(button).to_have_text("Make video")
    expect(button).to_be_enabled()
