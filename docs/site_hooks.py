"""Pages of the site that stand elsewhere in the repository: beside the code they describe.

MkDocs calls these functions; see https://www.mkdocs.org/dev-guide/plugins/#events.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent

ELSEWHERE = {
    "README.md": "index.md",
    "recorder/episode_file/FORMAT.md": "formats/FORMAT.md",
    "replay_server/PROTOCOL.md": "formats/PROTOCOL.md",
    "CHANGELOG.md": "formats/CHANGELOG.md",
    "CONTRIBUTING.md": "formats/CONTRIBUTING.md",
    "benchmarks/README.md": "formats/benchmarks.md",
}
"""Path in the repository to path in the site."""

_LINK = re.compile(r"(\]\()(?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?(\))")
_CODE = re.compile(r"(```.*?```|`[^`]*`)", re.DOTALL)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages."""
    for source, page in ELSEWHERE.items():
        files.append(File.generated(config, page, content=_relinked(source, page)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links that leave the folder of the documentation to the pages that stand in their place."""
    uri: str = page.file.src_uri
    return markdown if uri in ELSEWHERE.values() else _with_links(markdown, f"docs/{uri}", uri)


def _relinked(source: str, page: str) -> str:
    return _with_links((ROOT / source).read_text(encoding="utf-8"), source, page)


def _with_links(markdown: str, source: str, page: str) -> str:
    def link(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[2]))
        place = ELSEWHERE.get(target)
        if place is None and target.startswith("docs/"):
            place = target.removeprefix("docs/")
        if place is None:  # a file of the code: named, but not linked
            return match[0] if not (ROOT / target).exists() else "](#)" if match[0].startswith("](") else match[0]
        return f"{match[1]}{posixpath.relpath(place, posixpath.dirname(page) or '.')}{match[3] or ''}{match[4]}"

    parts = _CODE.split(markdown)
    return "".join(part if number % 2 else _LINK.sub(link, part) for number, part in enumerate(parts))
