"""Annotations: written, marked, read again, changed and deleted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from recorder.catalog import Catalog
from tests.page.conftest import HOSTILE, SHAPES, Site
from tests.page.looking import (
    count_pixels,
    open_episode,
    pixels_of,
    wait_for_step,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

ANNOTATION = (0x58, 0xC8, 0xDE)


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
