"""Tags: words that people add to episodes."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from replay_server.rest.arguments import json_object
from replay_server.rest.errors import HttpError
from replay_server.rest.responses import json_response
from replay_server.services import Services

__all__ = ["make_tags"]

_MAX_TAGS = 100
_MAX_LENGTH = 100


def make_tags(services: Services) -> Blueprint:
    """Create the routes of tags."""
    tags = Blueprint("tags", __name__)
    catalog = services.catalog
    path = "/episodes/<run:run_id>/<int:episode_id>/tags"

    @tags.get(path)
    def get_tags(run_id: str, episode_id: int) -> ResponseReturnValue:
        return json_response({"tags": catalog.get_episode(run_id, episode_id).tags})

    @tags.put(path)
    def put_tags(run_id: str, episode_id: int) -> ResponseReturnValue:
        wanted = json_object(request, {"tags": list}).get("tags")
        if wanted is None or len(wanted) > _MAX_TAGS:
            raise HttpError(400, "bad_request", f"expected 'tags' to be a list of at most {_MAX_TAGS}")
        for tag in wanted:
            if not isinstance(tag, str) or len(tag) > _MAX_LENGTH:
                raise HttpError(
                    400,
                    "bad_request",
                    f"a tag must be a text of at most {_MAX_LENGTH} characters, found {ascii(tag)[:60]}",
                )
        before = set(catalog.get_episode(run_id, episode_id).tags)
        for tag in sorted(set(wanted) - before):
            catalog.tag_episode(run_id, episode_id, tag, max_tags=services.bounds.tags_per_run)
        for tag in sorted(before - set(wanted)):
            catalog.untag_episode(run_id, episode_id, tag)
        return json_response({"tags": catalog.get_episode(run_id, episode_id).tags})

    return tags
