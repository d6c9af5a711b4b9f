"""Thumbnails of steps."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from replay_server.episodes.thumbnail import draw_thumbnail
from replay_server.rest.arguments import integer, refuse_unknown
from replay_server.rest.caching import add_caching
from replay_server.rest.errors import HttpError
from replay_server.services import Services

__all__ = ["make_thumbnails"]


def make_thumbnails(services: Services) -> Blueprint:
    """Create the route of thumbnails."""
    thumbnails = Blueprint("thumbnails", __name__)

    @thumbnails.get("/episodes/<run:run_id>/<int:episode_id>/thumbnail.png")
    def thumbnail(run_id: str, episode_id: int) -> ResponseReturnValue:
        refuse_unknown(request.args, ("t", "size", "v", "token"))
        opened = services.library.open(run_id, episode_id)
        size = integer(request.args, "size", least=32, most=640) or 160
        index = integer(request.args, "t")
        if index is None:
            index = max(opened.n_steps - 1, 0)
        elif index >= max(opened.n_steps, 1):
            raise HttpError(
                400, "bad_request", f"expected t to be below {opened.n_steps}, the number of steps, found {index}"
            )
        response = Response(draw_thumbnail(opened, index=index, size=size), content_type="image/png")
        return add_caching(response, f"{opened.row.content_hash}-{index}-{size}", opened.row.content_hash)

    return thumbnails
