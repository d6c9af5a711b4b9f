"""What a link asks of the player, in Chromium: which marker, which panels, and to be alone in another page's frame."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, expect

from recorder.catalog import Catalog
from tests.page.conftest import Site
from tests.page.looking import open_episode, shown_step, wait_for_step

pytestmark = pytest.mark.browser

EPISODE = "/runs/shapes/episodes/2"
PANELS = {"grid": ".stage", "meters": ".meters", "q": ".q-values", "info": ".info"}


def test_a_link_can_open_a_marker_by_its_number(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{EPISODE}")
    steps = []
    for _ in range(3):
        page.keyboard.press("]")
        steps.append(wait_for_step(page, lambda step: step not in [0, *steps]))
    open_episode(page, f"{site.address}{EPISODE}?marker=3")
    assert shown_step(page) == steps[2]
    open_episode(page, f"{site.address}{EPISODE}?marker=3&t=7")
    assert shown_step(page) == 7
    open_episode(page, f"{site.address}{EPISODE}?marker=9999")
    assert shown_step(page) == 0


@pytest.mark.parametrize("chosen", [["grid"], ["meters", "q"], ["grid", "info"], [*PANELS]])
def test_a_link_chooses_the_panels(page: Page, site: Site, chosen: list[str]) -> None:
    open_episode(page, f"{site.address}{EPISODE}?t=20&panels={','.join(chosen)},nonsense")
    for name, place in PANELS.items():
        expect(page.locator(place)).to_be_visible(visible=name in chosen)
    page.keyboard.press(".")
    page.wait_for_url(f"**/2?t=21&panels={'%2C'.join(chosen)}")
    box = page.locator(".panes > .pane").bounding_box()
    assert box is not None
    if chosen == ["grid"]:
        stage = page.locator(".stage").bounding_box()
        assert stage is not None
        assert stage["width"] == box["width"], "the stage leaves room for panels that are not shown"


def test_a_link_without_a_known_panel_shows_all(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{EPISODE}?panels=everything")
    for place in PANELS.values():
        expect(page.locator(place)).to_be_visible()


def test_a_link_can_repeat_a_whole_episode(page: Page, site: Site) -> None:
    open_episode(page, f"{site.address}{EPISODE}?t=297&loop=1&speed=4&autoplay=1")
    wait_for_step(page, lambda step: step < 100)


@pytest.fixture
def show_in_frame(page: Page) -> Iterator[Callable[[str], None]]:
    """Opens a page of another origin on this machine, which has this address in a frame."""
    addresses: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<!doctype html><iframe width=640 height=420 src='{html.escape(addresses[-1])}'></iframe>".encode()
            self.send_response(200 if self.path == "/" else 204)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body if self.path == "/" else b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def show(address: str) -> None:
        addresses.append(address)
        page.goto(f"http://127.0.0.1:{server.server_port}/")

    yield show
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_embedded_player_is_alone_in_its_frame_and_read_only(
    page: Page, site: Site, show_in_frame: Callable[[str], None]
) -> None:
    with Catalog(site.recordings / "catalog.db") as catalog:
        annotation = catalog.add_annotation("shapes", 2, step=3, text="to be read only")
        show_in_frame(f"{site.address}{EPISODE}?t=37&embed=1")
        frame = page.frame_locator("iframe")
        expect(frame.locator(".player")).to_have_attribute("data-step", "37")
        expect(frame.locator(".page-header, .episode-header")).to_have_count(0)
        expect(frame.locator(".annotation-text")).to_have_text("to be read only")
        expect(frame.get_by_role("button", name="annotation")).to_have_count(0)
        catalog.delete_annotation(annotation.annotation_id)
    frame.locator(".stage").click()
    for key in ("a", "c", "n", "Escape", "."):
        page.keyboard.press(key)
    expect(frame.locator(".player")).to_have_attribute("data-step", "38")
    expect(frame.get_by_role("dialog")).to_have_count(0)
    board, deck = frame.locator(".board:visible").bounding_box(), frame.locator(".deck").bounding_box()
    assert board is not None
    assert deck is not None
    assert board["y"] + board["height"] <= deck["y"], "the deck covers the grid"
    with page.context.expect_page() as opened:
        frame.get_by_role("button", name="Open in a new page").click()
    opened.value.wait_for_selector(".page-header")
    assert opened.value.url == f"{site.address}{EPISODE}?t=38"
