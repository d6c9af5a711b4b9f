"""Recorded texts on the page: those of the step, as text and never as markup."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from recorder.chunk import ColumnData, encode_chunk, spec_of
from recorder.episode import EpisodeMetadata
from recorder.episode_file import build_version2, open_episode
from recorder.html_file import export_episode_html
from recorder.schema import EpisodeSchema

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


def test_the_texts_of_a_step_are_shown_as_text_and_markup_in_them_is_inert(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "episode.html"
    export_episode_html(open_episode(recording()), path)
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
