"""Keyboards of other countries and systems, screens of another density, phones on their side: in Chromium."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import Site
from tests.page.looking import AGENT, count_pixels, open_episode, pixels_of, resize, shown_step, wait_for_step
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

EPISODE = "/runs/shapes/episodes/2"
ALT, CTRL, META, SHIFT = 1, 2, 4, 8
"""Bits of Chromium's own protocol."""


@pytest.fixture
def press(page: Page) -> Callable[..., None]:
    """Presses a key as an operating system reports it: what it types, which key it is, and the modifiers that count."""
    session = page.context.new_cdp_session(page)

    def press_key(key: str, code: str, modifiers: int = 0) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            session.send("Input.dispatchKeyEvent", {"type": kind, "key": key, "code": code, "modifiers": modifiers})

    return press_key


def is_playing(page: Page) -> bool:
    return page.get_by_role("button", name="Pause (space)").count() == 1


LETTER_KEYS = {
    "Caps Lock": ("K", "KeyK", 0),
    "Caps Lock and Shift": ("k", "KeyK", SHIFT),
    "Russian": ("л", "KeyK", 0),
    "Russian and Caps Lock": ("Л", "KeyK", 0),
    "Greek": ("κ", "KeyK", 0),
}


def test_letter_keys_work_on_every_keyboard_layout(page: Page, site: Site, press: Callable[..., None]) -> None:
    open_episode(page, f"{site.address}{EPISODE}")
    for layout, key in LETTER_KEYS.items():
        press(*key)
        wait_until(lambda: is_playing(page), message=f"playing: {layout}")
        press(*key)
        wait_until(lambda: not is_playing(page), message=f"a pause: {layout}")


MARKER_KEYS = {
    "AltGr on Windows": ("]", "Digit9", CTRL | ALT),
    "AltGr on Linux": ("]", "Digit9", 0),
    "Option on a Mac": ("]", "Digit6", ALT),
    "its letter": ("m", "KeyM", 0),
    "its letter and Caps Lock": ("M", "KeyM", 0),
}


def test_keys_that_need_altgr_or_option_have_a_letter_as_alternative(
    page: Page, site: Site, press: Callable[..., None]
) -> None:
    open_episode(page, f"{site.address}{EPISODE}")
    for key in MARKER_KEYS.values():
        press("Home", "Home")
        wait_for_step(page, lambda step: step == 0)
        press(*key)
        first = wait_for_step(page, lambda step: step > 0)
        press(*key)
        wait_for_step(page, lambda step: step > first)  # noqa: B023 - called at once
        press("b", "KeyB")
        wait_for_step(page, lambda step: step == first)  # noqa: B023
    for key, _, modifiers in MARKER_KEYS.values():
        open_episode(page, f"{site.address}{EPISODE}?t=15&sel=10..20")
        press(*(("x", "KeyX") if key.isalpha() else ("\\", "Minus", modifiers)))
        page.keyboard.press(".")
        page.wait_for_url(lambda address: "t=16" in address and "sel=" not in address)


def test_digits_of_a_french_keyboard_need_no_shift(page: Page, site: Site, press: Callable[..., None]) -> None:
    open_episode(page, f"{site.address}{EPISODE}")
    press("(", "Digit5")
    wait_for_step(page, lambda step: step == 150)


SHORTCUTS = (
    ("k", "KeyK", CTRL),
    ("k", "KeyK", META),
    ("k", "KeyK", ALT),
    ("ArrowRight", "ArrowRight", ALT),
    ("≈", "KeyX", ALT),
)


def test_browser_shortcuts_are_left_to_the_browser(page: Page, site: Site, press: Callable[..., None]) -> None:
    open_episode(page, f"{site.address}{EPISODE}?t=20")
    for step, shortcut in enumerate(SHORTCUTS, start=21):
        press(*shortcut)
        page.keyboard.press(".")  # comes after it, and is seen
        wait_for_step(page, lambda shown: shown == step)  # noqa: B023 - called at once
        assert not is_playing(page), shortcut


CANVASES = """() => [...document.querySelectorAll("canvas")].filter((canvas) => canvas.clientWidth > 0).map(
  (canvas) => canvas.width / canvas.clientWidth / devicePixelRatio)"""


@pytest.mark.parametrize("address", [EPISODE, "/runs/shapes/episodes/6", "/?run=demo"])
def test_a_window_moved_to_a_denser_screen_is_redrawn(browser: Browser, site: Site, address: str) -> None:
    page = browser.new_context(no_viewport=True).new_page()  # what sets a viewport sets the density, too
    try:
        page.goto(f"{site.address}{address}")
        page.wait_for_selector(".player[data-step], tbody tr")
        session = page.context.new_cdp_session(page)
        for width, density in enumerate((1, 2, 1, 1.5), start=2400):
            # Chromium reports another density only when the window takes another size, too: one that is wider than
            # the page by more or less changes no canvas.
            screen = {"width": width, "height": 800, "deviceScaleFactor": density, "mobile": False}
            session.send("Emulation.setDeviceMetricsOverride", screen)
            wait_until(lambda density=density: page.evaluate("devicePixelRatio") == density, message="the other screen")
            wait_until(
                lambda: all(abs(share - 1) < 0.02 for share in page.evaluate(CANVASES)),
                message=f"canvases as sharp as a screen of density {density}",
            )
    finally:
        page.context.close()


@pytest.mark.parametrize("more", ["", "&compare=3", "&embed=1"])
def test_a_phone_in_landscape_shows_the_world_and_the_controls(page: Page, site: Site, more: str) -> None:
    page.set_viewport_size({"width": 844, "height": 390})
    open_episode(page, f"{site.address}{EPISODE}?t=40{more}")
    shows_the_world_and_the_controls(page, 844, 390)
    for width, height in ((667, 375), (568, 320), (932, 430), (1280, 500)):
        resize(page, width, height)
        shows_the_world_and_the_controls(page, width, height)


def shows_the_world_and_the_controls(page: Page, width: int, height: int) -> None:
    expect(page.get_by_role("button", name="Play (space)")).to_be_in_viewport(ratio=1)
    board, deck = page.locator(".board:visible").first.bounding_box(), page.locator(".deck").bounding_box()
    assert board is not None
    assert deck is not None
    assert board["y"] >= 0
    assert board["y"] + board["height"] <= deck["y"], "the deck covers the grid"
    assert deck["y"] + deck["height"] <= height, "the deck ends below the window"
    assert board["height"] >= height / 4
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page is wider than the window"
    assert count_pixels(pixels_of(page, ".stage .board:visible"), AGENT["dark"], tolerance=20) > 10, (
        "no agent on the board"
    )
    before = shown_step(page)
    page.keyboard.press(".")
    wait_for_step(page, lambda step: step == before + 1)


@pytest.mark.parametrize(
    ("size", "more"),
    [((640, 420), "&embed=1"), ((640, 420), "&embed=1&panels=grid"), ((390, 844), ""), ((720, 450), "")],
)
def test_the_board_has_more_than_half_of_a_small_frame(
    page: Page, site: Site, size: tuple[int, int], more: str
) -> None:
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    open_episode(page, f"{site.address}{EPISODE}?t=40{more}")
    board, deck = page.locator(".board:visible").first.bounding_box(), page.locator(".deck").bounding_box()
    assert board is not None
    assert deck is not None
    assert board["width"] * board["height"] >= 0.55 * width * height
    assert board["y"] + board["height"] <= deck["y"] + 0.5, "the deck covers the board"
    assert deck["y"] + deck["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("size", "more"), [((720, 450), ""), ((844, 390), ""), ((640, 420), "&embed=1")])
def test_the_heading_of_a_comparison_is_above_its_board(
    page: Page, site: Site, size: tuple[int, int], more: str
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_episode(page, f"{site.address}{EPISODE}?compare=3&t=40{more}")
    for pane in range(2):
        heading = page.locator(".stage-head").nth(pane).bounding_box()
        board = page.locator(".stage .board:visible").nth(pane).bounding_box()
        assert heading is not None
        assert board is not None
        assert heading["y"] + heading["height"] <= board["y"] + 0.5, "the heading covers the board"
        assert board["height"] >= size[1] / 2


def test_a_small_frame_shows_whole_names_and_all_buttons(page: Page, site: Site) -> None:
    for width, height, query in ((720, 450, ""), (640, 420, "?embed=1")):
        page.set_viewport_size({"width": width, "height": height})
        for episode in (2, 6):
            open_episode(page, f"{site.address}/runs/shapes/episodes/{episode}{query}")
            cut = "[...document.querySelectorAll('.row .name, .facts dt')].filter(name => name.scrollWidth > name.clientWidth)"
            assert page.evaluate(f"{cut}.map(name => name.textContent)") == [], width
        assert page.locator(".history-canvas").bounding_box()["x"] >= 6  # type: ignore[index]
    page.set_viewport_size({"width": 720, "height": 450})
    open_episode(page, f"{site.address}{EPISODE}")
    page.set_viewport_size({"width": 640, "height": 420})
    live = page.locator(".deck .live-button")
    live.evaluate("button => { button.hidden = false; button.textContent = '99 episodes behind · Go live'; }")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for name in ("Compare", "Share", "Make video"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
