"""Serves the page: one HTML file for all its addresses, and its modules, joined into one script and one style sheet.

A browser has six connections to a server, so 90 modules take 15 round trips. Over a tunnel of 200 ms those are three seconds.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, request, send_from_directory
from flask.typing import ResponseReturnValue

from replay_server.access.admission import path_as_sent
from replay_server.access.security import content_security_policy

__all__ = ["PAGE_FOLDER", "join_modules", "join_styles", "make_pages", "name_bundle"]

PAGE_FOLDER = Path(__file__).parents[1] / "page"

_CONTENT_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""Not from the machine's table, which may lack scripts; browsers refuse modules of another type."""


def make_pages(*, embed_origins: str) -> Blueprint:
    """Create the routes of the page.

    Args:
        embed_origins: origins of pages that may embed the player, separated by spaces.
    """
    pages = Blueprint("pages", __name__)
    document = (PAGE_FOLDER / "index.html").read_text(encoding="utf-8")
    joined = {"bundle.js": join_modules(PAGE_FOLDER, "main.js"), "bundle.css": join_styles(PAGE_FOLDER, document)}
    document = name_bundle(document)

    @pages.get("/")
    def browser() -> ResponseReturnValue:
        return page("")

    @pages.get("/runs/<run:run_id>/episodes/<int:episode_id>")
    def player(run_id: str, episode_id: int) -> ResponseReturnValue:
        del run_id, episode_id  # the page reads its address
        return page("../../../")

    @pages.get("/runs/<segment>", strict_slashes=False)
    @pages.get("/runs/<segment>/episodes", strict_slashes=False)
    def run(segment: str) -> ResponseReturnValue:
        run_id = segment.removeprefix("~")
        to_root = "../" * (path_as_sent().count("/") - 1)  # relative: a proxy may have taken a prefix away
        return redirect(f"{to_root}?{urlencode({'run': run_id})}")

    @pages.get("/static/<path:name>")
    def static(name: str) -> ResponseReturnValue:
        return _send_text(joined[name], name) if name in joined else _send(name)

    def page(root: str) -> Response:
        """Return the page; ``root`` is the relative path from its address to that of the server."""
        response = Response(document.replace('"static/', f'"{root}static/'), content_type="text/html; charset=utf-8")
        response.headers["Cache-Control"] = "no-cache"
        response.add_etag()
        if request.args.get("embed") == "1":  # embedded, the page is the player alone and offers no changes
            response.headers["Content-Security-Policy"] = content_security_policy(
                frame_ancestors=f"'self' {embed_origins}".strip()
            )
        response.make_conditional(request)
        return response

    return pages


def _send_text(text: str, name: str) -> Response:
    response = Response(text, mimetype=_CONTENT_TYPES[Path(name).suffix])
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


def _send(name: str) -> Response:
    response = send_from_directory(
        PAGE_FOLDER, name, mimetype=_CONTENT_TYPES.get(Path(name).suffix), max_age=None, conditional=True
    )
    # Revalidated each time with 304, so that an updated server never meets an old page.
    response.headers["Cache-Control"] = "no-cache"
    return response


_IMPORT = re.compile(r'^import (\{[^}]*\}|\* as \w+) from "(\.{1,2}/[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:const|function\*?|class) +(\w+))", re.MULTILINE)
_DECLARED = re.compile(r"^export (?:async )?(?:const|function\*?|class) +(\w+)", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_STYLE = re.compile(r'<link rel="stylesheet" href="static/([^"]+)">')


def join_modules(folder: Path, entry: str) -> str:
    """One script with ``entry`` and all that it imports, each in a function, the imported ones first.

    Raises:
        ValueError: modules import each other in a circle, or use a form of import or export that this does not know.
    """
    done: dict[str, str] = {}
    _add(folder, entry, done, ())
    return "\n".join(done.values())


def join_styles(folder: Path, document: str) -> str:
    """The style sheets that the document names, in its order."""
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in _STYLE.findall(document))


def name_bundle(document: str) -> str:
    """Let the document name the joined script and styles, ``bundle.js`` and ``bundle.css``, in place of the single ones."""
    first, *others = _STYLE.findall(document)
    for name in others:
        document = re.sub(rf'\s*<link rel="stylesheet" href="static/{re.escape(name)}">', "", document)
    return document.replace(f"static/{first}", "static/bundle.css").replace("static/main.js", "static/bundle.js")


def _add(folder: Path, name: str, done: dict[str, str], above: tuple[str, ...]) -> None:
    if name in done:
        return
    if name in above:
        raise ValueError(f"modules import each other in a circle: {' -> '.join((*above, name))}")
    text = (folder / name).read_text(encoding="utf-8")
    for _, target in _IMPORT.findall(text):
        _add(folder, _resolved(name, target), done, (*above, name))
    names = _DECLARED.findall(text)

    def imported(match: re.Match[str]) -> str:
        bindings = re.sub(r"(\w+) as (\w+)", r"\1: \2", match[1].removeprefix("* as "))
        return f"const {bindings} = {_variable(_resolved(name, match[2]))};\n"

    body = _EXPORT.sub("", _IMPORT.sub(imported, text))
    if left := _LEFT.search(body):
        raise ValueError(f"{name}: a form of import or export that can't be joined: {left[0]}")
    done[name] = f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {', '.join(names)} }};\n}})();"


def _resolved(name: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), target))


def _variable(name: str) -> str:
    return "module_" + re.sub(r"\W", "_", name.removesuffix(".js"))
