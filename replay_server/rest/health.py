"""Liveness and readiness (without a token and without data), metrics, and the OpenAPI description."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue

from recorder.errors import CatalogError
from recorder.runtime.version import package_version
from replay_server.openapi import describe
from replay_server.rest.errors import HttpError
from replay_server.rest.responses import json_response
from replay_server.services import Services

__all__ = ["make_description", "make_health"]

logger = logging.getLogger(__name__)


def make_health(services: Services) -> Blueprint:
    """Create the routes for monitoring."""
    health = Blueprint("health", __name__)

    @health.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return json_response({"status": "ok"})

    @health.get("/readyz")
    def readyz() -> ResponseReturnValue:
        try:
            services.catalog.list_runs(limit=1)
        except CatalogError as error:
            logger.error("the catalog does not answer: %s", error)
            raise HttpError(503, "unavailable", "the catalog does not answer: see the server's log") from error
        return json_response({"status": "ok"})

    @health.get("/metrics")
    def metrics() -> ResponseReturnValue:
        return Response(services.metrics.text(), content_type=services.metrics.content_type)

    return health


def make_description() -> Blueprint:
    """Create the route of the description."""
    description = Blueprint("description", __name__)

    @description.get("/openapi.json")
    def openapi() -> ResponseReturnValue:
        has_videos = "videos" in current_app.blueprints
        return json_response(describe(version=package_version(), has_videos=has_videos, root=request.script_root))

    return description
