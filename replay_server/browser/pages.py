"""Serves the page: one HTML file for all its addresses, and its modules."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, request, send_from_directory
from flask.typing import ResponseReturnValue

from replay_server.access.admission import path_as_sent
from replay_server.access.security import content_security_policy
from replay_server.browser.page_bundle import join_modules, join_styles, name_bundle

__all__ = ["PAGE_FOLDER", "make_pages"]

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
