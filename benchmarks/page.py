"""The page in headless Chromium: how soon an episode and a step are on the screen, and the frames painted a second.

Times are the browser's own: from the event of the click until the frame that shows the step has been painted.
"""

from __future__ import annotations

import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import ale_py
import gymnasium
from playwright.sync_api import Page, ViewportSize, sync_playwright

from benchmarks.atari import GAME
from benchmarks.stack import KEEP_ALL, wait_until
from benchmarks.steps import GRID_SIZE, LAYOUT, METER_NAMES, record_steps, step_values
from recorder import EpisodeRecorder
from recorder.child_process import ChildProcess
from worker.recording_writer import RecordingWriter

__all__ = ["measure_page", "measure_pictures"]

_RUN = "bench"
_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_SHORT_STEPS, _LONG_STEPS = 500, 100_000
_PICTURE_STEPS = 2_000
_PRESSES_TO_80 = 4
"""Of the key that makes playback faster: 5 steps a second become 80."""
_PAUSE_SECS = (0.1, 0.2)
"""Before a click."""
_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
]
_VIEWPORT: ViewportSize = {"width": 1280, "height": 800}

_WATCH = """
() => {
  const millis = [];
  const waiting = [];
  window.nextMillis = () => new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("the page did not show the step")), 10_000);
    millis.length ? resolve(millis.shift()) : waiting.push(resolve);
  });
  let clickedAt = null;
  addEventListener("click", (event) => {
    if (event.target.closest("a")) clickedAt = event.timeStamp;
  }, true);
  addEventListener("pointerdown", (event) => {
    if (event.target.closest(".timeline-strip")) clickedAt = event.timeStamp;
  }, true);
  const painted = new MessageChannel();
  painted.port1.onmessage = () => {
    if (clickedAt === null) return;
    const found = performance.now() - clickedAt;
    waiting.length ? waiting.shift()(found) : millis.push(found);
    clickedAt = null;
  };
  // A step is written down within the frame that paints it; the message comes when that frame is done.
  new MutationObserver((changes) => {
    const isStep = changes.some(({ target, attributeName }) => attributeName === "data-step" && target.isConnected);
    if (isStep) painted.port2.postMessage(null);
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-step"] });
}
"""

_LATENCY_MILLIS = 200
_FIRST_PAINT = """
() => new Promise((resolve) => {
  const look = () =>
    document.querySelector("a.episode-link")
      ? requestAnimationFrame(() => setTimeout(() => resolve(performance.now())))
      : requestAnimationFrame(look);
  look();
})
"""

_COUNT_FRAMES = """
(secs) => new Promise((resolve) => {
  const { clearRect } = CanvasRenderingContext2D.prototype;
  const moving = document.querySelector(".stage .board canvas[role=img]");
  let nFrames = 0;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    if (this.canvas === moving) nFrames++;
    clearRect.apply(this, box);
  };
  setTimeout(() => {
    CanvasRenderingContext2D.prototype.clearRect = clearRect;
    resolve(nFrames / secs);
  }, secs * 1000);
})
"""


_COUNT_PICTURES = """
(secs) => new Promise((resolve) => {
  const { putImageData } = CanvasRenderingContext2D.prototype;
  let nPictures = 0;
  CanvasRenderingContext2D.prototype.putImageData = function (...box) {
    if (this.canvas.matches(".stage canvas.picture")) nPictures++;
    putImageData.apply(this, box);
  };
  setTimeout(() => {
    CanvasRenderingContext2D.prototype.putImageData = putImageData;
    resolve(nPictures / secs);
  }, secs * 1000);
})
"""


def measure_page(*, quick: bool) -> dict[str, float]:
    """``open_ms``: click to first painted step of 500, p50; ``seek_ms``: click on the timeline of 100,000 steps to that
    step painted, p50; ``page_fps``: frames a second in which the agent was drawn at speed 1; ``first_paint_ms``: from an
    empty tab to the painted rows of the list, 200 ms of latency for each request, p50."""
    n_opens, n_seeks, n_paints, fps_secs = (2, 5, 2, 1.0) if quick else (20, 60, 10, 10.0)
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as name:
        folder = Path(name)
        _record(folder)
        with _page_of(folder) as (page, address):
            open_millis = [_open_once(page, address) for _ in range(n_opens + 1)][1:]
            page_fps = _frames_per_sec(page, fps_secs)
            seek_millis = _seek_often(page, f"{address}/runs/{_RUN}/episodes/1", n_seeks)
            paint_millis = [_paint_first(page, address) for _ in range(n_paints)]
    return {
        "open_ms": median(open_millis),
        "seek_ms": median(seek_millis),
        "page_fps": page_fps,
        "first_paint_ms": median(paint_millis),
    }


def measure_pictures(*, quick: bool) -> dict[str, float]:
    """``picture_seek_ms``: click on the timeline of 2,000 steps of Breakout, 210x160x3, to that picture painted, p50;
    ``picture_fps``: pictures painted a second at 80 steps a second."""
    n_seeks, fps_secs = (5, 1.0) if quick else (60, 10.0)
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as name:
        folder = Path(name)
        _record_pictures(folder)
        with _page_of(folder) as (page, address):
            seek_millis = _seek_often(page, f"{address}/runs/{_RUN}/episodes/0", n_seeks)
            page.keyboard.press("Home")
            for _ in range(_PRESSES_TO_80):
                page.keyboard.press("l")
            page.keyboard.press("k")
            picture_fps: float = page.evaluate(_COUNT_PICTURES, fps_secs)
    return {"picture_seek_ms": median(seek_millis), "picture_fps": picture_fps}


def _record_pictures(folder: Path) -> None:
    gymnasium.register_envs(ale_py)
    recorder = EpisodeRecorder(run_id=_RUN, on_full="block")
    with RecordingWriter(recorder, folder / "catalog.db", folder, criteria=KEEP_ALL):
        env = gymnasium.make(GAME)
        env.reset(seed=1)
        for step in range(_PICTURE_STEPS):
            observation, reward, is_over, _, _ = env.step(step % 4)
            recorder.record_step(0, step, (), (), step % 4, reward, extras={"observation": observation})
            if is_over:
                env.reset()
        recorder.finish_episode(0)


def _record(folder: Path) -> None:
    recorder = EpisodeRecorder(
        run_id=_RUN, on_full="block", meter_names=METER_NAMES, grid_size=GRID_SIZE, affordance_layout=LAYOUT
    )
    with RecordingWriter(recorder, folder / "catalog.db", folder, criteria=KEEP_ALL):
        for episode_id, n_steps in enumerate((_SHORT_STEPS, _LONG_STEPS)):
            record_steps(recorder.record_step, episode_id, step_values(n_steps))
            recorder.finish_episode(episode_id)


@contextmanager
def _page_of(folder: Path) -> Iterator[tuple[Page, str]]:
    chromium = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    with _serving(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        try:
            page = browser.new_page(viewport=_VIEWPORT)
            yield page, address
        finally:
            browser.close()


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    log = folder / "server.log"
    command = [sys.executable, "-m", "recorder", "serve", "--recordings", str(folder), "--port", "0"]
    with ChildProcess(command, log=log) as server:
        link = re.compile(r"(http://\S+)/\s")
        wait_until(
            lambda: log.exists() and link.search(log.read_text()) is not None,
            "the replay server's link",
            is_alive=lambda: server.is_alive,
            log=server.log_tail,
        )
        found = link.search(log.read_text())
        assert found is not None
        yield found[1]


def _open_once(page: Page, address: str) -> float:
    """Milliseconds from the click on a row of the table."""
    page.goto(f"{address}/?run={_RUN}")
    link = page.locator("a.episode-link", has_text="0").last
    link.wait_for()
    page.wait_for_load_state("networkidle")
    page.evaluate(_WATCH)
    link.click()
    return _next_millis(page)


def _paint_first(page: Page, address: str) -> float:
    """Milliseconds until the list is painted in a new tab with an empty cache, as over a slow tunnel."""
    assert page.context.browser is not None
    context = page.context.browser.new_context(viewport=_VIEWPORT)
    tab = context.new_page()
    session = context.new_cdp_session(tab)
    session.send("Network.enable")
    limits = {"offline": False, "latency": _LATENCY_MILLIS, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", limits)
    tab.goto(f"{address}/?run={_RUN}", wait_until="commit")
    millis: float = tab.evaluate(_FIRST_PAINT)
    context.close()
    return millis


def _frames_per_sec(page: Page, secs: float) -> float:
    page.keyboard.press("k")
    frames: float = page.evaluate(_COUNT_FRAMES, secs)
    page.keyboard.press("k")
    return frames


def _seek_often(page: Page, link: str, n_seeks: int) -> list[float]:
    """Milliseconds from each click on the timeline, all over the episode, so that most chunks are not there yet.

    A click comes at any moment of a video frame's time, as a person's does. At once after a painted frame, each would wait
    for the whole time of the next.
    """
    chance = random.Random(1)
    page.goto(link)
    page.wait_for_selector(".player[data-step]")
    page.evaluate(_WATCH)
    box = page.locator(".timeline-strip").bounding_box()
    assert box is not None
    millis = []
    for _ in range(n_seeks):
        time.sleep(chance.uniform(*_PAUSE_SECS))
        page.mouse.click(box["x"] + box["width"] * chance.uniform(0.02, 0.98), box["y"] + 20)
        millis.append(_next_millis(page))
    return millis


def _next_millis(page: Page) -> float:
    """Waits in the page: to ask it again and again would take time of what is measured."""
    millis: float = page.evaluate("window.nextMillis()")
    return millis
