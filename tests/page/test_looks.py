"""The page's copy of the shared table of looks is the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from replay_server.browser.page_looks import PAGE_FILES


@pytest.mark.parametrize("path", PAGE_FILES, ids=lambda path: path.name)
def test_the_page_reads_its_looks_from_the_shared_table(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == PAGE_FILES[path](), "run: python -m replay_server.browser.page_looks"
