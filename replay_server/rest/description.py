"""Serves the OpenAPI description."""

from __future__ import annotations

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue

from recorder.runtime.version import package_version
from replay_server.openapi import describe
from replay_server.rest.responses import json_response

__all__ = ["make_description"]


def make_description() -> Blueprint:
    """Create the route of the description."""
    description = Blueprint("description", __name__)

    @description.get("/openapi.json")
    def openapi() -> ResponseReturnValue:
        has_videos = "videos" in current_app.blueprints
        return json_response(describe(version=package_version(), has_videos=has_videos, root=request.script_root))

    return description
