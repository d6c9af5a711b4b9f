"""One HTML file with an episode and a player: opened from the disk, without a server."""

from __future__ import annotations

import base64
import re
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from recorder.catalog import Catalog
from recorder.episode_file import open_episode
from recorder.recordings.convert import convert_bytes
from tests.page.lives import Life, add_life
from worker.video.html_export import build_html, export_episode_html

PAGE = files("replay_server") / "page"


@pytest.fixture
def recording(tmp_path: Path) -> bytes:
    with Catalog(tmp_path / "catalog.db") as catalog:
        add_life(catalog, tmp_path, "shapes", 2, Life(seed=5, n_steps=300).columns())
    (path,) = tmp_path.glob("shapes/episode_*")
    return path.read_bytes()


def test_an_html_export_needs_no_other_file(recording: bytes, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "episode.html"
    size = export_episode_html(open_episode(recording), recording, PAGE, path)
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
    document = build_html(open_episode(data), data, PAGE)
    held = open_episode(base64.b64decode(re.search(r'base64">([^<]*)</script>', document)[1]))
    assert (held.version, held.compression) == (2, "lz4")
    assert list(held.steps()) == list(open_episode(recording).steps())


@pytest.mark.browser
def test_an_html_export_plays_from_the_disk(browser: Browser, recording: bytes, tmp_path: Path) -> None:
    path = tmp_path / "episode.html"
    export_episode_html(open_episode(recording), recording, PAGE, path)
    errors = []
    page = browser.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: errors.append(request.url) if request.url.startswith("http") else None)
    page.goto(path.as_uri())
    expect(page.locator("canvas").first).to_be_visible()
    expect(page.get_by_text("300").first).to_be_visible()
    page.close()
    assert errors == []
