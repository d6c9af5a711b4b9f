"""Take the pictures of the replay page that the documentation shows: ``python -m docs.make_pictures RECORDINGS``.

RECORDINGS is a folder that a real run has filled, as ``make demo`` does. The server is started on it, the page is
opened in headless Chromium, and the longest recorded episode of the newest run is shown.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

PICTURES = Path(__file__).parent / "pictures"

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}
PROGRAMS = ("chromium", "chromium-headless-shell", "google-chrome")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, help="folder with the recordings of a run and its catalog")
    arguments = parser.parse_args()
    PICTURES.mkdir(exist_ok=True)
    with serving(arguments.recordings) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        take_all(browser, address)
        browser.close()


def chromium() -> str:
    """The path of a browser."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        raise SystemExit("needs Chromium: apt-get install chromium")
    return found


@contextmanager
def serving(recordings: Path) -> Iterator[str]:
    """The address of a replay server over these recordings."""
    command = [sys.executable, "-m", "recorder", "serve", "--recordings", str(recordings), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = next((match for line in server.stdout if (match := re.search(r"http://[^\s/]+", line))), None)
            if found is None:
                raise SystemExit("the replay server did not start")
            yield found[0]
        finally:
            server.terminate()


def take_all(browser: Browser, address: str) -> None:
    """Every picture, in its theme and size."""
    with tab(browser, "dark") as page:
        best, other = longest_episodes(page, address)
        show_run(page, address)
        take(page, "browser-dark")
        show_step(page, f"{address}{best}?t=60")
        for meter in ("0", "2"):
            page.locator(f"[data-meter='{meter}']").click()
        page.locator(".timeline-strip").hover(position={"x": 640, "y": 40})
        page.locator(".bubble-stage canvas").first.wait_for()
        take(page, "player-dark")
        number = other.rsplit("/", 1)[1]
        show_step(page, f"{address}{best}?compare={number}&t=60")
        take(page, "compare-dark")
    with tab(browser, "light") as page:
        show_step(page, f"{address}{best}?t=60&sel=40..120")
        take(page, "player-light")
    with tab(browser, "light", PHONE) as page:
        show_run(page, address)
        take(page, "browser-phone")


@contextmanager
def tab(browser: Browser, theme: str, viewport: dict[str, int] = DESKTOP) -> Iterator[Page]:
    """A new tab."""
    page = browser.new_page(viewport=viewport, color_scheme=theme)  # type: ignore[arg-type]
    yield page
    page.close()


def longest_episodes(page: Page, address: str) -> tuple[str, str]:
    """Paths of the two longest recorded episodes of the newest run."""
    page.goto(f"{address}/")
    page.get_by_role("button", name="Steps").click()
    page.locator("th[aria-sort=descending] >> text=Steps").wait_for()
    page.locator("a.episode-link").nth(1).wait_for()
    first, second = (page.locator("a.episode-link").nth(row).get_attribute("href") for row in (0, 1))
    assert first is not None
    assert second is not None
    return first, second


def show_run(page: Page, address: str) -> None:
    """Open the page of the newest run, and wait until it shows its pictures."""
    page.goto(f"{address}/")
    page.locator(".card").last.wait_for()
    page.locator(".episodes .thumbnail").nth(4).wait_for()
    page.wait_for_load_state("networkidle")


def show_step(page: Page, address: str) -> None:
    """Open the player and wait until it shows a step."""
    page.goto(address)
    page.wait_for_selector(".player[data-step]")


def take(page: Page, name: str) -> None:
    """Write one picture."""
    page.evaluate("document.fonts.ready")
    page.screenshot(path=PICTURES / f"{name}.png")
    print(PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
