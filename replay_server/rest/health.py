"""For those who watch the server: is it there, can it work, what has it counted."""

from __future__ import annotations

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from replay_server.rest.responses import json_response
from replay_server.services import Services

__all__ = ["make_health"]


def make_health(services: Services) -> Blueprint:
    """Routes for machines."""
    health = Blueprint("health", __name__)

    @health.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return json_response({"status": "ok"})

    @health.get("/readyz")
    def readyz() -> ResponseReturnValue:
        services.catalog.list_runs(limit=1)  # raises what becomes a 503
        return json_response({"status": "ok", "viewers": services.hub.n_connections, "live": services.live is not None})

    @health.get("/metrics")
    def metrics() -> ResponseReturnValue:
        return Response(services.metrics.text(), content_type=services.metrics.content_type)

    return health
