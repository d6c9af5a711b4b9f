"""The page: one HTML file for every address of it, and its modules."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, request, send_from_directory
from flask.typing import ResponseReturnValue

from replay_server.access.security import content_security_policy

__all__ = ["PAGE_FOLDER", "make_pages"]

PAGE_FOLDER = Path(__file__).parent / "page"

_CONTENT_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""Not left to the machine's own table: some have none for scripts, and a browser refuses a module of another type."""


def make_pages(*, embed_origins: str) -> Blueprint:
    """Routes of the page.

    Args:
        embed_origins: of pages that may show the player in a frame, with spaces between.
    """
    pages = Blueprint("pages", __name__)
    document = (PAGE_FOLDER / "index.html").read_text(encoding="utf-8")

    @pages.get("/")
    def browser() -> ResponseReturnValue:
        return page("")

    @pages.get("/runs/<run:run_id>/episodes/<int:episode_id>")
    def player(run_id: str, episode_id: int) -> ResponseReturnValue:
        del run_id, episode_id  # the page reads its own address
        return page("../../../")

    @pages.get("/static/<path:name>")
    def static(name: str) -> ResponseReturnValue:
        return _send(name)

    def page(root: str) -> Response:
        """The page; ``root`` leads from its address to that of the server, wherever a proxy has put it."""
        response = Response(document.replace('"static/', f'"{root}static/'), content_type="text/html; charset=utf-8")
        response.headers["Cache-Control"] = "no-cache"
        response.add_etag()
        if (
            request.args.get("embed") == "1"
        ):  # the page is the player alone then, and offers nothing that changes anything
            response.headers["Content-Security-Policy"] = content_security_policy(
                frame_ancestors=f"'self' {embed_origins}".strip()
            )
        response.make_conditional(request)
        return response

    return pages


def _send(name: str) -> Response:
    response = send_from_directory(
        PAGE_FOLDER, name, mimetype=_CONTENT_TYPES.get(Path(name).suffix), max_age=None, conditional=True
    )
    # Asked again each time, answered by 304: an updated server must not meet an old page.
    response.headers["Cache-Control"] = "no-cache"
    return response
