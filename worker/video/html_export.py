"""Exports an episode with the page's player as one HTML file that needs no server."""

from __future__ import annotations

import base64
import html
import json
import posixpath
import re
import secrets
from importlib.resources.abc import Traversable
from pathlib import Path

from recorder.episode_file import Episode, open_episode
from recorder.errors import VideoError
from recorder.json_text import to_json
from recorder.outline import Outline, StepColumns, chunk_rows, describe_recording
from recorder.recordings.convert import convert_bytes

__all__ = ["build_html", "export_episode_html"]

_ENTRY = "pages/baked_page.js"
"""The page's module that plays bytes: ``playBytes(bytes, outline, parent)``."""
_STYLES = ("style/looks.css", "style/theme.css", "style/shell.css", "style/player.css")
_IMPORT = re.compile(r"""((?:^|\n)\s*(?:import|export|\})[^;"'\n]*?(?:from\s*)?)(["'])(\.{1,2}/[^"']+)\2""")
_PREFIX = "page/"

_DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<title>{title}</title>
<style>
{style}
</style>
<script type="importmap">{import_map}</script>
</head>
<body>
<script id="episode" type="application/octet-stream;base64">{episode}</script>
<script id="outline" type="application/json">{outline}</script>
<script type="module">
import {{ playBytes }} from "{entry}";
const [text, outline] = ["episode", "outline"].map((id) => document.getElementById(id).textContent);
playBytes(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)), JSON.parse(outline), document.body);
</script>
<noscript>This file plays a recording and needs JavaScript.</noscript>
</body>
</html>
"""


def build_html(episode: Episode, data: bytes, page: Traversable) -> str:
    """Return the document.

    Args:
        data: the recording's bytes. The document contains them as version 2, compressed, which the page can read.
        page: folder of the page's modules and style sheets.

    Raises:
        EpisodeFileError: the recording must be converted, but is broken.
    """
    if episode.version != 2 or episode.compression != "lz4":
        data = convert_bytes(data, version=2).data
        episode = open_episode(data)
    columns = StepColumns.of_episode(episode)
    sizes = [ref.n_bytes for ref in episode.chunks]
    outline = describe_recording(episode, Outline.of(episode, columns), chunk_rows(episode, columns, sizes))
    modules = _modules(page)
    imports = {
        _PREFIX + name: f"data:text/javascript;base64,{base64.b64encode(text.encode()).decode()}"
        for name, text in modules.items()
    }
    metadata = episode.metadata
    return _DOCUMENT.format(
        title=html.escape(f"Episode {metadata.episode_id}" + (f" of {metadata.run_id}" if metadata.run_id else "")),
        style="\n".join(page.joinpath(name).read_text(encoding="utf-8") for name in _STYLES),
        import_map=json.dumps({"imports": imports}),
        episode=base64.b64encode(data).decode(),
        outline=to_json(outline).replace("<", "\\u003c"),
        entry=_PREFIX + _ENTRY,
    )


def export_episode_html(episode: Episode, data: bytes, page: Traversable, path: Path) -> int:
    """Write the document atomically.

    Returns:
        The file's size in bytes.

    Raises:
        EpisodeFileError: as ``build_html``.
        VideoError: it can't be written.
    """
    document = build_html(episode, data, page).encode()
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(document)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise VideoError(f"can't write the page ({error.strerror}): {path}") from error
    return len(document)


def _modules(page: Traversable) -> dict[str, str]:
    """Return the entry and all modules it imports, by path, with relative imports replaced by names of the import
    map."""
    found: dict[str, str] = {}
    waiting = [_ENTRY]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        folder = posixpath.dirname(name)
        text = page.joinpath(name).read_text(encoding="utf-8")

        def renamed(match: re.Match[str], folder: str = folder) -> str:
            target = posixpath.normpath(posixpath.join(folder, match[3]))
            waiting.append(target)
            return f'{match[1]}"{_PREFIX}{target}"'

        found[name] = _IMPORT.sub(renamed, text)
    return found
