"""Recorded texts on the page: those of the step, as text and never as markup."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from recorder.agents.columns import agent_text_column
from recorder.chunk import ColumnData, encode_chunk, spec_of
from recorder.episode import EpisodeMetadata
from recorder.episode_file import build_version2
from recorder.episode_file import open_episode as open_file
from recorder.html_file import export_episode_html
from recorder.schema import EpisodeSchema
from tests.agent_episodes import agent_episode_columns, agent_episode_table
from tests.episodes import make_chunks
from tests.page.conftest import Site
from tests.page.looking import open_episode, wait_for_step

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror='window.struck = 1'><script>window.struck = 2</script> & </p>"
MISSIONS = ["go to the red ball", HOSTILE, "öffne die Tür\n→ 門", "x" * 200_000]
HAS_REPLY = np.array([True, False, True, True])


def recording() -> bytes:
    replies = np.array(["yes", "no", "</script><b>"], np.object_)
    columns = {
        "reward": ColumnData(np.ones(4, "<f4")),
        "extras.mission": ColumnData(np.array(MISSIONS, np.object_)),
        "extras.reply": ColumnData(replies, HAS_REPLY),
    }
    schema = EpisodeSchema(tuple(spec_of(name, data.values) for name, data in columns.items()))
    chunk = encode_chunk(schema, first_step=0, n_steps=4, columns=columns)
    metadata = EpisodeMetadata(episode_id=1, run_id="said", n_steps=4)
    return build_version2(metadata=metadata, reasons=["periodic_1"], schema=schema, chunks=[(0, 4, chunk)])[0]


def test_texts_of_agents_have_their_names(browser: Browser, tmp_path: Path) -> None:
    n_steps = 40
    says = np.array([f"I am at {step}" for step in range(n_steps)], np.object_)
    columns = {**agent_episode_columns(n_steps), agent_text_column(0, 1, "says.aloud"): says}
    schema, chunks = make_chunks(columns, chunk_steps=16)
    metadata = EpisodeMetadata(episode_id=1, run_id="said", n_steps=n_steps, agents=agent_episode_table(n_steps))
    data = build_version2(metadata=metadata, reasons=["periodic_1"], schema=schema, chunks=chunks)[0]
    path = tmp_path / "episode.html"
    export_episode_html(open_file(data), path)
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector(".player[data-step]")
    page.keyboard.press("Home")
    expect(page.locator(".texts .text-body")).to_have_count(1)
    expect(page.locator(".texts .text-body[aria-label='red_1: says.aloud']")).to_have_text("I am at 0")
    page.close()


def test_the_texts_of_a_step_are_shown_as_text_and_markup_in_them_is_inert(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "episode.html"
    export_episode_html(open_file(recording()), path)
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_selector(".player[data-step]")
    mission, reply = (page.locator(f".texts .text-body[aria-label='{name}']") for name in ("mission", "reply"))
    page.keyboard.press("Home")
    replies = ["yes", "no text", "no", "</script><b>"]
    for step, (text, answer) in enumerate(zip(MISSIONS, replies, strict=True)):
        expect(page.locator(".player")).to_have_attribute("data-step", str(step))
        expect(reply).to_have_text(answer)
        shown = mission.evaluate("node => node.textContent")
        assert shown == (text if len(text) < 1000 else f"{text[:20_000]} …")
        assert mission.evaluate("node => node.childElementCount") == 0
        page.keyboard.press(".")
    assert page.evaluate("window.struck") is None
    page.close()
    assert errors == []


def test_the_log_follows_the_playhead_and_the_search_finds_steps_that_are_not_loaded(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}/runs/said/episodes/1?t=10")
    current = page.locator(".text-log [aria-current]")
    expect(current).to_contain_text("step 9turn 3:")
    page.keyboard.press("End")
    wait_for_step(page, lambda step: step == 299)
    expect(current).to_contain_text("turn 99:")
    assert page.locator(".text-log").evaluate("node => node.scrollTop > 0")
    page.locator(".text-log button").first.click()
    wait_for_step(page, lambda step: step < 299)

    search = page.get_by_role("searchbox", name="Search the texts")
    for typed, key, found in (
        ("turn 41:", "Enter", 123),
        ("TURN 4", "Enter", 126),
        ("turn 4", "Shift+Enter", 123),
        ("turn 4:", "Enter", 12),
    ):
        search.fill(typed)
        search.press(key)
        wait_for_step(page, lambda step, found=found: step == found)
        expect(page.locator(".text-search [role=status]")).to_have_text(f"step {found}")
        expect(page.locator(".text-body mark")).to_have_text(typed.lower())
    search.fill("a green door")
    search.press("Enter")
    expect(page.locator(".text-search [role=status]")).to_have_text("no step has it")
    wait_for_step(page, lambda step: step == 12)


def test_a_compared_text_marks_the_words_that_the_other_episode_lacks(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}/runs/said/episodes/1?compare=2&t=30")
    second = page.locator(".pane").nth(1)
    expect(second.locator(".text-body mark")).to_have_text(["blue"])
    expect(page.locator(".pane").first.locator(".text-body mark")).to_have_count(0)
    page.keyboard.press("Home")
    expect(second.locator(".text-body")).to_have_text("turn 0: go to the blue door, then wait")
    expect(second.locator(".text-body mark")).to_have_text(["blue"])
    second.locator(".text-log button").nth(2).click()
    wait_for_step(page, lambda step: step == 6)
