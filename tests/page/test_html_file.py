"""One HTML file with an episode and a player: opened from the disk, without a server."""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from recorder.catalog import Catalog
from recorder.episode_file import open_episode
from recorder.html_file import build_html, export_episode_html
from recorder.html_file.notebook import MAX_PLAYER_BYTES
from recorder.recordings.convert import convert_bytes
from tests.episodes import make_episode_file
from tests.page.lives import Life, add_life


@pytest.fixture
def recording(tmp_path: Path) -> bytes:
    with Catalog(tmp_path / "catalog.db") as catalog:
        add_life(catalog, tmp_path, "shapes", 2, Life(seed=5, n_steps=300).columns())
    (path,) = tmp_path.glob("shapes/episode_*")
    return path.read_bytes()


def test_an_html_export_needs_no_other_file(recording: bytes, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "episode.html"
    size = export_episode_html(open_episode(recording), path)
    text = path.read_text()
    assert size == path.stat().st_size
    assert [file.name for file in path.parent.iterdir()] == ["episode.html"]
    assert not re.search(r"""(src|href)=["']""", text)
    assert "https://" not in text.replace("http://www.w3.org", "")


@pytest.mark.parametrize("compression", ["lz4", "none"])
@pytest.mark.parametrize("version", [1, 2])
def test_an_html_export_has_version_2_for_every_kind_of_recording(
    recording: bytes, version: int, compression: str
) -> None:
    data = convert_bytes(recording, version=version, compression=compression).data
    document = build_html(open_episode(data))
    held = open_episode(base64.b64decode(re.search(r'base64">([^<]*)</script>', document)[1]))
    assert (held.version, held.compression) == (2, "lz4")
    assert list(held.steps()) == list(open_episode(recording).steps())


@pytest.mark.browser
def test_an_html_export_plays_from_the_disk(browser: Browser, recording: bytes, tmp_path: Path) -> None:
    path = tmp_path / "episode.html"
    export_episode_html(open_episode(recording), path)
    errors = []
    page = browser.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: errors.append(request.url) if request.url.startswith("http") else None)
    page.goto(path.as_uri())
    expect(page.locator("canvas").first).to_be_visible()
    expect(page.get_by_text("300").first).to_be_visible()
    expect(page.get_by_role("heading", name="Episode 2 of shapes")).to_be_visible()
    page.close()
    assert errors == []


@pytest.mark.browser
def test_an_episode_plays_in_a_notebooks_output_from_the_wanted_step(
    browser: Browser, recording: bytes, tmp_path: Path
) -> None:
    episode = open_episode(recording)
    output = tmp_path / "executed.html"
    output.write_text(f"<!doctype html><body>{episode.show(t=137)._repr_html_()}</body>", encoding="utf-8")
    assert output.stat().st_size < MAX_PLAYER_BYTES
    errors = []
    page = browser.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: errors.append(request.url) if request.url.startswith("http") else None)
    page.goto(output.as_uri())
    player = page.frame_locator("iframe")
    expect(player.locator("canvas").first).to_be_visible()
    expect(player.locator(".counter")).to_contain_text("137 /")
    player.locator(".counter").click()
    page.keyboard.press(".")
    expect(player.locator(".counter")).to_contain_text("138 /")
    page.close()
    assert errors == []


def test_an_episode_too_large_for_a_notebook_shows_facts_a_poster_and_a_link(
    recording: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorder.html_file.notebook.MAX_PLAYER_BYTES", 1000)
    view = open_episode(recording).show(t=7, url="https://replay.example/base/")
    output = view._repr_html_()
    assert "<iframe" not in output
    assert '<a href="https://replay.example/base/runs/shapes/episodes/2?t=7">' in output
    assert len(re.search(r'points="([^"]*)"', output)[1].split()) == 300
    assert repr(view) in output.replace("<br>", ": ").replace("</strong>", "")


def test_names_in_a_notebooks_output_are_text(recording: bytes) -> None:
    data = make_episode_file(run_id="<script>alert(1)</script>", reasons=("<b>",))
    output = open_episode(data)._repr_html_()
    assert "<script>" not in output
    assert "&lt;script&gt;" in html.unescape(output)
