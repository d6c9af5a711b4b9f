"""An episode of several agents on the page: all on the board, one selected, and when each takes part."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from recorder.agents import AgentInfo
from recorder.agents.columns import ROSTER, agent_column
from recorder.agents.info import ACTION_NAMES
from recorder.capture import EpisodeRecorder
from recorder.catalog import Catalog
from recorder.episode_file import open_episode as open_file
from recorder.html_file import export_episode_html
from recorder.outline.looks import DARK
from tests.agent_episodes import JOINS_AT, LEAVES_AT, add_agent_episode, agent_episode_columns, write_agent_episode
from tests.episodes import make_episode_file
from tests.page.conftest import Site
from tests.page.looking import count_pixels, pixels_of, wait_for_step
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

RED_0, RED_1, BLUE_0 = (tuple(int(DARK.agents[number][at : at + 2], 16) for at in (1, 3, 5)) for number in (21, 22, 0))
COLUMNS = agent_episode_columns(40)


@pytest.fixture(scope="module")
def exported(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """An HTML export of the recording, which has the player in it."""
    folder = tmp_path_factory.mktemp("agents")
    path = export(folder)
    page = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark").new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_selector(".player[data-step]")
    yield page
    page.context.close()
    assert errors == []


def export(folder: Path) -> Path:
    path = folder / "episode.html"
    info = {ACTION_NAMES: {"blue_0": ["north", "south", "rest"]}}
    export_episode_html(open_file(write_agent_episode(folder / "episode.msgpack.lz4", info=info)), path)
    return path


def blue_bar(page: Page) -> NDArray[np.bool_]:
    """Where the lower bars of the timeline have the colour of ``blue_0``."""
    pixels = pixels_of(page, ".timeline-strip").astype(int)[-32:-18]
    return (np.abs(pixels - BLUE_0).max(axis=2) <= 3).any(axis=0)


def test_all_agents_that_take_part_are_on_the_board_in_their_colours(exported: Page) -> None:
    exported.keyboard.press("Home")
    wait_for_step(exported, lambda step: step == 0)
    board = pixels_of(exported, ".stage .board")
    assert count_pixels(board, RED_0) > 100
    assert count_pixels(board, RED_1) > 100
    assert count_pixels(board, BLUE_0) == 0
    expect(exported.locator(".agents .agent")).to_have_count(3)
    expect(exported.locator(".agents .absent")).to_contain_text("blue_0")
    exported.keyboard.press("End")
    wait_for_step(exported, lambda step: step == 39)
    board = pixels_of(exported, ".stage .board")
    assert count_pixels(board, RED_1) == 0
    assert count_pixels(board, BLUE_0) > 100


def test_the_agent_with_the_highest_return_is_selected_and_others_by_key_list_and_click(exported: Page) -> None:
    exported.keyboard.press("Home")
    for _ in range(JOINS_AT + 2):
        exported.keyboard.press(".")
    at = wait_for_step(exported, lambda step: step == JOINS_AT + 2)
    facts = exported.locator(".info")
    expect(facts).to_contain_text("Step of blue_0")
    expect(facts).to_contain_text(re.compile("north|south|rest"))
    expect(exported.locator(".q-values")).to_contain_text("north")
    expect(facts.locator("div", has_text="Return so far").locator("dd")).to_have_text("6.00")
    expect(exported.locator(".meter .number").first).to_have_text(f"{1 - at / 40:.0%}")
    expect(exported.locator(".q-value.chosen .number")).to_have_text(
        f"{COLUMNS['extras.agents.1.q_values'][at, 0, COLUMNS['extras.agents.1.action'][at, 0]]:.2f}".replace("-", "−")
    )
    expect(facts).to_contain_text("speed")
    expect(facts).not_to_contain_text("agents.")
    expect(exported.locator(".texts")).to_be_hidden()
    exported.keyboard.press("]")
    expect(facts).to_contain_text("Step of red_0")
    expect(facts.locator("div", has_text="Return so far").locator("dd")).to_have_text(f"{at + 1}.00")
    exported.keyboard.press("[")
    exported.keyboard.press("[")
    expect(exported.locator(".stage-action")).to_contain_text("red_1: ")
    exported.locator(".agents .agent", has_text="red_0").click()
    expect(facts).to_contain_text("Step of red_0")
    rows, columns = np.nonzero(np.abs(pixels_of(exported, ".stage .board").astype(int) - BLUE_0).max(axis=2) <= 2)
    middle = {"x": float(np.median(columns)), "y": float(np.median(rows))}
    exported.locator(".stage .board.pickable").click(position=middle)
    expect(facts).to_contain_text("Step of blue_0")
    exported.keyboard.press("m")
    wait_for_step(exported, lambda step: step > at)


def test_the_timeline_has_a_bar_for_each_agent_and_trails_are_drawn_on_demand(exported: Page) -> None:
    exported.keyboard.press("Home")
    for _ in range(LEAVES_AT - 1):
        exported.keyboard.press(".")
    wait_for_step(exported, lambda step: step == LEAVES_AT - 1)
    exported.locator(".agents .agent", has_text="blue_0").click()
    expect(exported.locator(".info")).to_contain_text("Step of blue_0")
    wait_until(lambda: blue_bar(exported).any(), message="the bar of the selected agent")
    bar = blue_bar(exported)
    first = np.flatnonzero(bar).min()
    assert first / len(bar) == pytest.approx(JOINS_AT / 39, abs=0.03)
    expect(exported.locator(".curve-key")).to_contain_text("red")
    expect(exported.locator(".curve-key")).to_contain_text("blue")
    before = pixels_of(exported, ".stage .board")
    exported.get_by_role("button", name="Trails").click()
    wait_until(lambda: (pixels_of(exported, ".stage .board") != before).sum() > 300, message="trails")
    exported.get_by_role("button", name="Trails").click()
    exported.keyboard.press("?")
    expect(exported.locator("dialog")).to_contain_text("of several agents the next one; else the next marker")
    exported.keyboard.press("Escape")


def test_of_many_agents_the_best_have_rows_and_the_others_on_demand(page: Page, tmp_path: Path) -> None:
    n_steps, agents = (
        8,
        tuple(AgentInfo(f"agent_{k}", slot=k, last_step=7, return_=float(k), n_steps=8) for k in range(300)),
    )
    columns: dict[str, np.ndarray] = {
        "reward": np.zeros(n_steps),
        agent_column(0, "present"): np.ones((n_steps, 300), np.bool_),
        agent_column(0, "position"): np.tile(np.arange(600).reshape(300, 2) % 20, (n_steps, 1, 1)),
        agent_column(0, "reward"): np.ones((n_steps, 300)),
        ROSTER: np.array([json.dumps([[it.agent_id, "", 0, it.slot] for it in agents])] * n_steps, object),
    }
    data = make_episode_file(columns=columns, n_steps=n_steps, agents=agents, affordance_layout={})
    export_episode_html(open_file(data), tmp_path / "many.html")
    page.goto((tmp_path / "many.html").as_uri())
    rows = page.locator(".agents .agent")
    expect(rows).to_have_count(32)
    expect(rows.first).to_contain_text("agent_299")
    page.keyboard.press("]")  # after the last comes the first, which is not among the best
    expect(rows).to_have_count(33)
    expect(page.locator(".agents .agent[aria-pressed=true]")).to_contain_text("agent_0")
    page.get_by_role("button", name="Show more of 300 agents").click()
    expect(rows).to_have_count(129)
    page.get_by_role("button", name="Show more of 300 agents").click()
    expect(rows).to_have_count(300)
    expect(page.get_by_role("button", name="Show more of 300 agents")).to_be_hidden()


def test_agents_of_a_live_episode_join_the_list(page: Page, site: Site) -> None:
    with EpisodeRecorder(site.redis_url, run_id="team", grid_size=8, strict=True) as recorder:

        def record(first: int, end: int, *ids: str) -> None:
            for step in range(first, end):
                earns = {"red_1": 2.0 if step >= 30 else 1.0}
                agents = {
                    name: {"position": (step % 8, row), "reward": earns.get(name, 1.0)} for row, name in enumerate(ids)
                }
                recorder.record_agents(5, step, agents, teams={"red_0": "red", "red_1": "red"})

        record(0, 30, "red_0", "red_1")
        page.goto(f"{site.address}/?follow=team")
        wait_for_step(page, lambda step: step == 29)
        expect(page.locator(".agents .agent")).to_have_count(2)
        assert count_pixels(pixels_of(page, ".stage .board"), RED_1) > 100
        record(30, 60, "red_0", "red_1", "extra")
        wait_for_step(page, lambda step: step == 59)
        expect(page.locator(".agents .agent")).to_have_count(3)
        expect(page.locator(".agents [aria-pressed=true]")).to_contain_text("red_0")  # though red_1 has more now
        row = page.locator(".agents .agent", has_text="extra")
        expect(row.locator(".number")).to_have_text("30.00")
        row.click()
        expect(page.locator(".info")).to_contain_text("Step of extra")
        page.wait_for_url(re.compile("agent=extra"))
        recorder.finish_episode(5)
        page.keyboard.press("[")
        expect(page.locator(".info")).to_contain_text("Step of red_1")


def test_two_episodes_of_agents_are_compared_agent_by_agent(page: Page, site: Site) -> None:
    with Catalog(site.recordings / "catalog.db") as catalog:
        for episode_id, n_steps in ((1, 40), (2, 60)):
            add_agent_episode(catalog, site.recordings, run_id="pair", episode_id=episode_id, n_steps=n_steps)
    page.goto(f"{site.address}/runs/pair/episodes/1?t=12&compare=2&agent=red_1")
    wait_for_step(page, lambda step: step == 12)
    expect(page.locator(".agents [aria-pressed=true]")).to_contain_text(["red_1", "red_1"])
    expect(page.locator(".delta div", has_text="Return so far").locator("dd")).to_have_text("0.000")
    expect(page.locator(".delta div", has_text="energy").locator("dd")).to_have_text("+0.100")
    page.keyboard.press("]")
    expect(page.locator(".agents [aria-pressed=true]")).to_contain_text(["blue_0", "blue_0"])
    expect(page.locator(".stage-action")).to_contain_text(["blue_0", "blue_0"])
