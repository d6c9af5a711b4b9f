"""Thumbnails of steps, and films of episodes."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from replay_server.episodes.recorded import OpenedRecording
from replay_server.episodes.thumbnail import draw_film, draw_thumbnail
from replay_server.episodes.thumbnail_marks import PALETTES
from replay_server.rest.arguments import integer, refuse_unknown
from replay_server.rest.errors import bad_request
from replay_server.rest.responses import add_caching
from replay_server.services import Services

__all__ = ["make_thumbnails"]

_MAX_FRAMES = 48


def make_thumbnails(services: Services) -> Blueprint:
    """Create the routes of thumbnails."""
    thumbnails = Blueprint("thumbnails", __name__)

    @thumbnails.get("/episodes/<run:run_id>/<int:episode_id>/thumbnail.png")
    def thumbnail(run_id: str, episode_id: int) -> Response:
        refuse_unknown(request.args, ("t", "size", "theme", "v", "token"))
        opened = services.library.open(run_id, episode_id)
        size = integer(request.args, "size", least=32, most=640) or 160
        theme = _theme()
        index = integer(request.args, "t")
        if index is not None and index >= max(opened.n_steps, 1):
            raise bad_request(f"expected t to be below {opened.n_steps}, the number of steps, found {index}")
        etag = f"{opened.row.content_hash}-{index}-{size}-{theme}"
        return _answer(opened, etag, lambda: draw_thumbnail(opened, index=index, size=size, theme=theme))

    @thumbnails.get("/episodes/<run:run_id>/<int:episode_id>/film.png")
    def film(run_id: str, episode_id: int) -> Response:
        refuse_unknown(request.args, ("frames", "size", "theme", "v", "token"))
        opened = services.library.open(run_id, episode_id)
        size = integer(request.args, "size", least=32, most=320) or 160
        n_frames = integer(request.args, "frames", least=2, most=_MAX_FRAMES) or 24
        theme = _theme()
        etag = f"{opened.row.content_hash}-film-{n_frames}-{size}-{theme}"
        return _answer(opened, etag, lambda: draw_film(opened, n_frames=n_frames, size=size, theme=theme))

    return thumbnails


def _theme() -> str:
    theme = request.args.get("theme") or "dark"
    if theme not in PALETTES:
        raise bad_request(f"expected theme to be dark or light, found {theme[:40]!r}")
    return theme


def _answer(opened: OpenedRecording, etag: str, draw: Callable[[], bytes]) -> Response:
    """Return the picture; draw it only if the client does not have it."""
    picture = b"" if request.if_none_match.contains(etag) else draw()
    return add_caching(Response(picture, content_type="image/png"), etag, opened.row.content_hash)
