"""Builds one HTML document with an episode and the page's player, which needs no server, and writes it."""

from __future__ import annotations

import base64
import html
import json
import posixpath
import re
import secrets
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from recorder.episode_file import Episode, open_episode
from recorder.errors import VideoError
from recorder.outline import Outline, StepColumns, chunk_rows, describe_recording
from recorder.recordings.convert import convert_episode
from recorder.values.json_text import to_json
from recorder.values.number_format import format_count, format_number
from recorder.wording.reasons import reason_in_words

__all__ = ["build_html", "export_episode_html", "facts_of", "title_of"]

_ENTRY = "pages/baked_page.js"
"""The page's module that plays bytes: ``playBytes(bytes, outline, parent)``."""
_STYLES = (
    "style/looks.css",
    "style/theme.css",
    "style/shell.css",
    "style/numbers.css",
    "style/player.css",
    "style/small_frames.css",
)
_IMPORT = re.compile(r"""((?:^|\n)\s*(?:import|export|\})[^;"'\n]*?(?:from\s*)?)(["'])(\.{1,2}/[^"']+)\2""")
_PREFIX = "page/"

_HEADER = '<header class="episode-header"><h1 class="where">{title}</h1><p class="muted">{facts}</p></header>'
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
<body class="{layout}">
<main class="player-page">
{header}
</main>
<script id="episode" type="application/octet-stream;base64">{episode}</script>
<script id="outline" type="application/json">{outline}</script>
<script type="module">
import {{ playBytes }} from "{entry}";
const [text, outline] = ["episode", "outline"].map((id) => document.getElementById(id).textContent);
const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
playBytes(bytes, JSON.parse(outline), document.querySelector("main"), {first_step});
</script>
<noscript>This file plays a recording and needs JavaScript.</noscript>
</body>
</html>
"""


def build_html(episode: Episode, *, first_step: int | None = None, is_embedded: bool = False) -> str:
    """Return the document. It contains the recording as version 2, compressed, which the page can read.

    Args:
        first_step: number of the step to show first; None begins at the start.
        is_embedded: for a frame in another page, without a headline.

    Raises:
        EpisodeFileError: the recording is damaged.
    """
    page = files("replay_server") / "page"
    data = convert_episode(episode, version=2).data
    episode = open_episode(data)
    columns = StepColumns.of_episode(episode)
    sizes = [ref.n_bytes for ref in episode.chunks]
    outline = describe_recording(episode, Outline.of(episode, columns), chunk_rows(episode, columns, sizes))
    modules = _modules(page)
    imports = {
        _PREFIX + name: f"data:text/javascript;base64,{base64.b64encode(text.encode()).decode()}"
        for name, text in modules.items()
    }
    title = html.escape(title_of(episode))
    return _DOCUMENT.format(
        title=title,
        layout="embedded" if is_embedded else "baked",
        header="" if is_embedded else _HEADER.format(title=title, facts=html.escape(facts_of(episode))),
        first_step="null" if first_step is None else int(first_step),
        style="\n".join(page.joinpath(name).read_text(encoding="utf-8") for name in _STYLES),
        import_map=json.dumps({"imports": imports}),
        episode=base64.b64encode(data).decode(),
        outline=to_json(outline).replace("<", "\\u003c"),
        entry=_PREFIX + _ENTRY,
    )


def title_of(episode: Episode) -> str:
    """Which episode of which run it is."""
    metadata = episode.metadata
    return f"Episode {metadata.episode_id}" + (f" of {metadata.run_id}" if metadata.run_id else "")


def facts_of(episode: Episode) -> str:
    """Return, steps and reasons in a line."""
    facts = [f"Return {format_number(episode.metadata.total_reward)}", f"{format_count(episode.n_steps)} steps"]
    if episode.reasons:
        facts.append(f"kept: {', '.join(map(reason_in_words, episode.reasons))}")
    return " · ".join(facts)


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


def export_episode_html(episode: Episode, path: Path) -> int:
    """Write the document atomically.

    Returns:
        The file's size in bytes.

    Raises:
        EpisodeFileError: as ``build_html``.
        VideoError: it can't be written.
    """
    document = build_html(episode).encode()
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
