"""The OpenAPI 3.1 description of REST; a test compares it with the routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recorder.video.request import NAMED_VALUES, VIDEO_CHOICES
from recorder.wording import MEASURE_CHOICES

__all__ = ["describe"]

_EPISODE = "/episodes/{run}/{episode_id}"
_JSON = "application/json"

_Route = tuple[str, str, str, dict[str, Any]]
"""Method, path, summary, and what more there is to say of it."""


def _query(name: str, kind: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": kind}}


_FILTERS = [
    _query("run", "string", "Episodes of this run."),
    _query("stage", "integer", "Of this stage of the curriculum."),
    _query("reason", "string", "Kept for this reason; * and ? match any letters and any one letter."),
    _query("status", "string", "complete, truncated, salvaged or aborted."),
    _query("decision", "string", "held, kept, skipped or deleted."),
    _query("lane", "integer", "Of this lane."),
    _query("min_return", "number", "With at least this return."),
    _query("max_return", "number", "With at most this return."),
    _query("min_episode", "integer", "With at least this id."),
    _query("max_episode", "integer", "With at most this id."),
    _query("tag", "string", "With this tag."),
    _query("recorded", "boolean", "true: with a file; false: without one."),
    _query("complete", "boolean", "true: the trainer finished the episode; false: broken off, salvaged or discarded."),
    _query("agent", "string", "With this agent in its recording."),
    _query("seed", "string", "Recorded with this seed of the environment."),
    _query("sort", "string", "finished, episode_id, reward, length or stage; descending with - in front."),
    _query("cursor", "string", "next_cursor of the previous page."),
    _query("limit", "integer", "Episodes per page, 50 by default, at most 500."),
]
_VERSION = _query("v", "string", "The recording's content hash; the answer can then be cached without limit.")
_THEME = _query("theme", "string", "dark (default) or light.")
_ANNOTATION = {
    "step": {"type": "integer", "minimum": 0},
    "end_step": {"type": ["integer", "null"]},
    "label": {"type": "string"},
    "text": {"type": "string"},
    "author": {"type": "string"},
    "color": {"type": "string"},
}


def _get(path: str, summary: str, *parameters: dict[str, Any], content: Sequence[str] = (_JSON,)) -> _Route:
    return "get", path, summary, {"parameters": parameters, "content": content}


_ROUTES: list[_Route] = [
    _get("/runs", "All runs, latest activity first"),
    _get("/runs/{run}", "One run, with its configuration and a summary"),
    _get(
        "/runs/{run}/curve",
        "The learning curve, in columns",
        _query("max_points", "integer", "Number of points, evenly spaced, 2000 by default."),
        _query("measure", "string", f"Adds the list value with this measure: {MEASURE_CHOICES}."),
    ),
    _get(
        "/runs/{run}/highlights",
        "What happened in the run: its facts in a sentence, and the episodes that matter",
        _query("measure", "string", f"What makes an episode the best: {MEASURE_CHOICES}; by default chosen."),
    ),
    _get(
        "/runs/{run}/live",
        "Episodes that are being recorded now",
        _query("lanes", "integer", "List also up to this many lanes with an open episode."),
    ),
    _get("/episodes", "Episodes, filtered, sorted and paged", *_FILTERS),
    _get(_EPISODE, "One episode, with its recording and its agents"),
    ("delete", _EPISODE, "Remove the recording; the episode stays in the learning curve", {"status": 204}),
    _get(
        f"{_EPISODE}/steps",
        "Steps by range and field",
        _query("from", "integer", "Index of the first step."),
        _query("to", "integer", "Index after the last step."),
        _query("fields", "string", "Names separated by commas; all by default."),
        _VERSION,
        content=["application/x-ndjson", "application/msgpack"],
    ),
    _get(f"{_EPISODE}/file", "The file; supports ranges", _VERSION, content=["application/octet-stream"]),
    _get(
        f"{_EPISODE}/player.html",
        "The player with the episode in one HTML file, which needs no server",
        _VERSION,
        content=["text/html"],
    ),
    _get(f"{_EPISODE}/steps.csv", "All steps as a table", _VERSION, content=["text/csv"]),
    _get(f"{_EPISODE}/steps.npz", "All steps as arrays, for numpy", _VERSION, content=["application/zip"]),
    _get(
        f"{_EPISODE}/thumbnail.png",
        "A thumbnail of one step, or of the whole episode",
        _query("t", "integer", "Index of the step; without it, the places of the whole episode."),
        _query("size", "integer", "Width in pixels, 32 to 640."),
        _THEME,
        _VERSION,
        content=["image/png"],
    ),
    _get(
        f"{_EPISODE}/film.png",
        "Pictures of evenly spaced steps, below each other",
        _query("frames", "integer", "Number of pictures, 24 by default, at most 48."),
        _query("size", "integer", "Width and height of a picture in pixels, 32 to 320."),
        _THEME,
        _VERSION,
        content=["image/png"],
    ),
    _get(f"{_EPISODE}/why", "Why the episode was kept or skipped"),
    _get(f"{_EPISODE}/tags", "Tags"),
    ("put", f"{_EPISODE}/tags", "Replace the tags", {"body": {"tags": {"type": "array", "items": {"type": "string"}}}}),
    _get(f"{_EPISODE}/annotations", "Annotations in the order of their steps"),
    ("post", f"{_EPISODE}/annotations", "Add an annotation", {"body": _ANNOTATION, "status": 201}),
    ("patch", f"{_EPISODE}/annotations/{{annotation_id}}", "Change an annotation", {"body": _ANNOTATION}),
    ("delete", f"{_EPISODE}/annotations/{{annotation_id}}", "Remove an annotation", {"status": 204}),
    _get("/openapi.json", "This description"),
]

_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
_VIDEO = "/videos/{video_id}"


def _video_choice(name: str, kind: type) -> dict[str, Any]:
    named = {"enum": [*NAMED_VALUES[name], None]} if name in NAMED_VALUES else {}
    return {"type": [_JSON_TYPES[kind], "null"], **named}


_VIDEO_REQUEST: dict[str, Any] = {
    "run_id": {
        "type": ["string", "null"],
        "description": "The newest run that has the episode by default.",
    },
    "episode_id": {"type": "integer"},
    **{name: _video_choice(name, kind) for name, kind in VIDEO_CHOICES.items()},
}

_VIDEO_ROUTES: list[_Route] = [
    (
        "post",
        "/videos",
        "Request a video, also again after it failed or was cancelled; its address is in Location",
        {
            "body": _VIDEO_REQUEST,
            "required": ["episode_id"],
            "status": 202,
            "also": {200: "The video exists already"},
        },
    ),
    (
        "post",
        "/videos/still",
        "A picture of what the requested video would look like; nothing is requested",
        {"body": _VIDEO_REQUEST, "required": ["episode_id"], "content": ["image/png"]},
    ),
    _get(
        "/videos",
        "Requested videos, newest first",
        _query("run", "string", "Of this run."),
        _query("episode", "integer", "Of this episode."),
        _query("state", "string", "queued, rendering, joining, done, failed or cancelled."),
        _query("limit", "integer", "50 by default, at most 1000."),
    ),
    _get(_VIDEO, "One video: its state and its progress"),
    ("delete", _VIDEO, "Cancel a video that is not finished; answers with its state", {}),
    _get(
        f"{_VIDEO}/file",
        "The file, when the state is done; supports ranges",
        content=["video/mp4", "video/webm", "image/gif"],
    ),
    _get(
        f"{_VIDEO}/captions",
        "The sentences of its narration, when the state is done",
        content=["text/vtt", "application/x-subrip"],
    ),
]
"""Offered if the server knows the queue of the render workers and the folder of their files."""

_PATH_PARAMETERS = {
    "run": {"type": "string", "description": "The run id; if it is empty or begins with . or ~, put a ~ in front."},
    "episode_id": {"type": "integer", "minimum": 0},
    "annotation_id": {"type": "integer", "minimum": 0},
    "video_id": {"type": "string"},
}


def describe(*, version: str, has_videos: bool, root: str = "") -> dict[str, Any]:
    """Return the description.

    Args:
        version: of this package.
        has_videos: whether the server offers videos.
        root: path under which a proxy publishes the server.
    """
    paths: dict[str, dict[str, Any]] = {}
    for method, path, summary, more in [*_ROUTES, *(_VIDEO_ROUTES if has_videos else [])]:
        paths.setdefault(path, {})[method] = _operation(path, summary, more)
    error = {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "detail"],
                "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "detail": {}},
            }
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hamlet replay server", "version": version},
        "servers": [{"url": f"{root}/api/v1"}],
        "paths": paths,
        "components": {"schemas": {"Error": error}},
    }


def _operation(path: str, summary: str, more: dict[str, Any]) -> dict[str, Any]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in _PATH_PARAMETERS.items()
        if f"{{{name}}}" in path
    ]
    status = more.get("status", 200)
    answer: dict[str, Any] = {"description": summary}
    if status != 204:
        answer["content"] = {kind: {} for kind in more.get("content", [_JSON])}
    also = {str(status): {**answer, "description": text} for status, text in more.get("also", {}).items()}
    operation: dict[str, Any] = {
        "summary": summary,
        "parameters": [*in_path, *more.get("parameters", [])],
        "responses": {
            str(status): answer,
            **also,
            "default": {
                "description": "An error",
                "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }
    if "body" in more:
        schema = {"type": "object", "properties": more["body"], "additionalProperties": False}
        schema |= {"required": more["required"]} if "required" in more else {}
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": schema}}}
    return operation
