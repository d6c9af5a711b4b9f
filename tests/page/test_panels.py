"""The panels beside the stage, the end of an episode, and what one takes along."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from recorder.values.number_format import format_meter, format_number
from tests.page.conftest import SHAPES, WALK, Site
from tests.page.looking import (
    open_episode,
)

pytestmark = pytest.mark.browser


def test_numbers_beside_the_grid_are_those_of_the_step(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2?t=40")
    expect(page.locator(".meter").first).to_contain_text(format_meter(float(WALK["meters"][40][0]), 0, 1))
    chosen = page.locator(".q-value.chosen")
    expect(chosen).to_have_count(1)
    expect(chosen.locator(".number")).to_have_text(format_number(float(WALK["q_values"][40][WALK["action"][40]])))
    assert page.locator(".q-value.masked").count() == int((~WALK["action_masks"][40]).sum())
    total = page.locator(".facts div", has_text="Return so far").locator("dd")
    expect(total).to_have_text(format_number(WALK["reward"][:41].astype(float).sum()))


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


def test_each_heading_and_number_of_the_player_has_an_explanation(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{SHAPES}/2?t=40")
    for part in (".chip", ".meters h2", ".q-values h2", ".facts dt", ".curve-key li", ".marker-kind", ".counter"):
        for node in page.locator(part).all():
            assert node.evaluate("node => node.closest('[data-tip]') !== null"), node.inner_text()
    page.locator(".meters h2").hover()
    expect(page.get_by_role("tooltip")).to_contain_text("share of its range")
