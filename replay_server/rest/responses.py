"""Rows of the catalog as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from flask import Response

from recorder.catalog import EpisodeRow
from recorder.values.json_text import to_json
from recorder.wording import reason_in_words
from replay_server.access.public_message import hide_places

__all__ = ["episode_map", "json_response"]

_PRIVATE = ("why_json", "attempts", "not_before", "leased_until")
"""Omitted: the explanation has another route; the rest belongs to the workers."""
_SHOWN = tuple(field.name for field in fields(EpisodeRow) if field.name not in _PRIVATE)


def json_response(body: Mapping[str, Any], status: int = 200) -> Response:
    """Return one JSON object."""
    return Response(to_json(body) + "\n", status=status, content_type="application/json")


def episode_map(row: EpisodeRow) -> dict[str, Any]:
    """Return an episode in the format of PROTOCOL.md."""
    body: dict[str, Any] = {name: getattr(row, name) for name in _SHOWN}
    if row.error:
        body["error"] = hide_places(row.error)
    body["recorded"] = row.written_at is not None
    body["reason_words"] = [reason_in_words(reason) for reason in row.reasons]
    return body
