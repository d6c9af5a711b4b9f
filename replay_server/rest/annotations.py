"""What people add to episodes: annotations of steps, and tags."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from recorder.catalog import AnnotationRow
from recorder.errors import RecordingNotFoundError
from replay_server.rest.arguments import json_object
from replay_server.rest.errors import HttpError, bad_request
from replay_server.rest.responses import json_response
from replay_server.services import Services

__all__ = ["make_annotations", "make_tags"]

_FIELDS: dict[str, type | tuple[type, ...]] = {
    "step": int,
    "end_step": (int, type(None)),
    "label": str,
    "text": str,
    "author": str,
    "color": str,
}
_MAX_TEXT = 10_000
_MAX_NOTES = 1000
"""Annotations per episode; the page shows all of them."""

_MAX_STEP = 2**63 - 1


def make_annotations(services: Services) -> Blueprint:
    """Create the routes of annotations."""
    annotations = Blueprint("annotations", __name__)
    catalog = services.catalog
    most_letters = services.bounds.note_letters_per_run
    path = "/episodes/<run:run_id>/<int:episode_id>/annotations"

    @annotations.get(path)
    def list_annotations(run_id: str, episode_id: int) -> ResponseReturnValue:
        rows = catalog.list_annotations(run_id, episode_id)
        return json_response({"annotations": [asdict(row) for row in rows]})

    @annotations.post(path)
    def add_annotation(run_id: str, episode_id: int) -> ResponseReturnValue:
        values = _values()
        if "step" not in values:
            raise bad_request("expected 'step' to be an integer, found nothing")
        _require_episode(run_id, episode_id)
        if len(catalog.list_annotations(run_id, episode_id)) >= _MAX_NOTES:
            raise HttpError(409, "conflict", f"the episode already has {_MAX_NOTES} annotations: delete some first")
        row = catalog.add_annotation(run_id, episode_id, max_letters=most_letters, **values)
        return json_response(asdict(row), 201)

    @annotations.patch(f"{path}/<int:annotation_id>")
    def change_annotation(run_id: str, episode_id: int, annotation_id: int) -> ResponseReturnValue:
        _require(run_id, episode_id, annotation_id)
        row = catalog.update_annotation(annotation_id, max_letters=most_letters, **_values())
        return json_response(asdict(row))

    @annotations.delete(f"{path}/<int:annotation_id>")
    def delete_annotation(run_id: str, episode_id: int, annotation_id: int) -> ResponseReturnValue:
        _require(run_id, episode_id, annotation_id)
        catalog.delete_annotation(annotation_id)
        return Response(status=204)

    def _require_episode(run_id: str, episode_id: int) -> None:
        """Refuse an annotation on an episode or step that does not exist."""
        try:
            catalog.get_episode(run_id, episode_id)
        except RecordingNotFoundError:
            if services.live is None or services.live.refresh(run_id, episode_id) is None:
                raise

    def _require(run_id: str, episode_id: int, annotation_id: int) -> AnnotationRow:
        """Return the annotation if it belongs to this episode."""
        for row in catalog.list_annotations(run_id, episode_id):
            if row.annotation_id == annotation_id:
                return row
        raise RecordingNotFoundError(f"episode {episode_id} of run {run_id!r} has no annotation {annotation_id}")

    return annotations


def _values() -> dict[str, Any]:
    values = json_object(request, _FIELDS)
    for name, value in values.items():
        if isinstance(value, str) and len(value) > _MAX_TEXT:
            raise bad_request(f"{name!r} may have at most {_MAX_TEXT} characters")
        if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise bad_request(f"{name!r} is not valid Unicode: it has half of a surrogate pair")
        if isinstance(value, int) and not 0 <= value <= _MAX_STEP:
            raise bad_request(f"{name!r} is out of range")
    return values


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
            raise bad_request(f"expected 'tags' to be a list of at most {_MAX_TAGS}")
        for tag in wanted:
            if not isinstance(tag, str) or len(tag) > _MAX_LENGTH:
                raise bad_request(f"a tag must be a text of at most {_MAX_LENGTH} characters, found {ascii(tag)[:60]}")
        before = set(catalog.get_episode(run_id, episode_id).tags)
        for tag in sorted(set(wanted) - before):
            catalog.tag_episode(run_id, episode_id, tag, max_tags=services.bounds.tags_per_run)
        for tag in sorted(before - set(wanted)):
            catalog.untag_episode(run_id, episode_id, tag)
        return json_response({"tags": catalog.get_episode(run_id, episode_id).tags})

    return tags
