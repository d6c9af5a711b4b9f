"""Monitoring: liveness and readiness (without a token and without data), and metrics."""

from __future__ import annotations

import logging

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from recorder.errors import CatalogError
from replay_server.rest.errors import HttpError
from replay_server.rest.responses import json_response
from replay_server.services import Services

__all__ = ["make_health"]

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
