"""Asking for a video of an episode, and getting it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from recorder.catalog import Catalog
from tests.page.conftest import SHAPES, Site
from tests.page.looking import (
    open_episode,
    shown_step,
)
from tests.waiting import wait_until
from worker.video import export_episode_video

pytestmark = pytest.mark.browser


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
