"""Looking at the page as a person does: at the pixels of its canvases, and at what its player says."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page

from tests.waiting import wait_until

__all__ = [
    "agent_cell",
    "agent_point",
    "count_pixels",
    "open_episode",
    "pixels_of",
    "resize",
    "shown_step",
    "wait_for_step",
]

AGENT = {"dark": (0x4C, 0x8D, 0xFF), "light": (0x2F, 0x6F, 0xE4)}
PADDING = 10
"""Pixels around the grid; ``views/space.js`` has the same."""


def open_episode(page: Page, address: str) -> None:
    """Open the player, and wait until it shows a step."""
    page.goto(address)
    page.wait_for_selector(".player[data-step]")


def shown_step(page: Page) -> int:
    """Number of the step that is painted."""
    return int(page.get_attribute(".player", "data-step") or -1)


def wait_for_step(page: Page, condition: Callable[[int], bool]) -> int:
    """Wait until a step is painted for which ``condition`` holds; returns the one that is painted then."""
    page.wait_for_selector(".player[data-step]")
    wait_until(lambda: condition(shown_step(page)), message="the step that is waited for")
    return shown_step(page)


def resize(page: Page, width: int, height: int) -> None:
    """Give the window another size, and wait until everything is drawn for it."""
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def pixels_of(page: Page, selector: str, index: int = 0) -> NDArray[np.uint8]:
    """The pixels of an element: ``uint8[height, width, 3]``."""
    return np.asarray(Image.open(io.BytesIO(page.locator(selector).nth(index).screenshot())).convert("RGB"))


def count_pixels(pixels: NDArray[np.uint8], colour: tuple[int, int, int], tolerance: int = 3) -> int:
    """Pixels of this colour."""
    return int((np.abs(pixels.astype(int) - colour).max(axis=2) <= tolerance).sum())


def agent_point(page: Page, *, pane: int = 0, theme: str = "dark") -> tuple[float, float]:
    """Middle of the agent on the board, in pixels."""
    pixels = pixels_of(page, ".stage .board:visible", pane).astype(int)
    rows, columns = np.nonzero(np.abs(pixels - AGENT[theme]).max(axis=2) <= 2)
    assert len(rows) > 30, f"no agent on the board: {len(rows)} pixels of its colour"
    return float(np.median(columns)), float(np.median(rows))


def agent_cell(page: Page, *, pane: int = 0, n_cells: int = 8, theme: str = "dark") -> tuple[int, int]:
    """The cell of a square grid in which the agent is painted."""
    height, width, _ = pixels_of(page, ".stage .board:visible", pane).shape
    cell = min(width - 2 * PADDING, height - 2 * PADDING) / n_cells
    x, y = agent_point(page, pane=pane, theme=theme)
    return int((x - (width - cell * n_cells) / 2) // cell), int((y - (height - cell * n_cells) / 2) // cell)
