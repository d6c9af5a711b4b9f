"""The page's modules that need no browser, under Node: decoding, playback, fetching, links."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.page.golden import write_golden, write_life, write_ways

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
        [node, "--test", "--test-reporter=spec", str(HERE / name)],
        env={**os.environ, "PAGE_GOLDEN": str(golden)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_pages_tools_install_from_the_registry_that_npm_is_configured_for() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    addresses = {entry.get("resolved") for name, entry in packages.items() if name}
    assert addresses == {None}, "npm install --omit-lockfile-registry-resolved leaves addresses out"
    assert all("integrity" in entry for name, entry in packages.items() if name)
