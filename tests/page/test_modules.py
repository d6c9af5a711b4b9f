"""The page's modules that need no browser, under Node: decoding, playback, fetching, links."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from replay_server.browser.pages import join_modules, name_bundle
from tests.page.golden import write_golden, write_life, write_ways
from tests.waiting import DEADLINE_SECS

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    write_golden(folder)
    write_life(folder)
    write_ways(folder)
    return folder


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_the_pages_modules_pass_their_node_tests(name: str, golden: Path) -> None:
    node = shutil.which("node")
    if node is None:
        reason = "needs Node 20 or later: apt-get install nodejs"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    run = subprocess.run(
        [node, str(HERE / name)],
        env={**os.environ, "PAGE_GOLDEN": str(golden)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_page_is_one_script_and_one_style_sheet() -> None:
    page = ROOT / "replay_server" / "page"
    script = join_modules(page, "main.js")
    for path in page.rglob("*.js"):
        name = path.relative_to(page).as_posix()
        is_only_for_files = name in ("pages/baked_page.js", "source/bytes_source.js", "decode/episode_file.js")
        if not is_only_for_files and name != "source/messages.js":  # which has types only
            assert path.read_text(encoding="utf-8").splitlines()[0] in script, name
    document = name_bundle((page / "index.html").read_text(encoding="utf-8"))
    assert re.findall('(?:href|src)="static/([^"]+)"', document) == ["icon.png", "bundle.css", "bundle.js"]


def test_modules_that_cannot_be_joined_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nexport const a = b;\n')
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\nexport const b = a;\n')
    (tmp_path / "c.js").write_text("export default 1;\n")
    with pytest.raises(ValueError, match=r"a\.js -> b\.js -> a\.js"):
        join_modules(tmp_path, "a.js")
    with pytest.raises(ValueError, match="export default"):
        join_modules(tmp_path, "c.js")


def test_the_pages_tools_install_from_the_registry_that_npm_is_configured_for() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    addresses = {entry.get("resolved") for name, entry in packages.items() if name}
    assert addresses == {None}, "npm install --omit-lockfile-registry-resolved leaves addresses out"
    assert all("integrity" in entry for name, entry in packages.items() if name)
