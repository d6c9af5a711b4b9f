"""Runs: list, show one, its learning curve, its live episodes."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from replay_server.rest.arguments import integer, refuse_unknown
from replay_server.rest.responses import json_response
from replay_server.services import Services

__all__ = ["make_runs"]

_MAX_POINTS = 20_000
_MAX_RUNS = 5000
_CURVE_COLUMNS = ("episode_id", "env_steps", "total_reward", "survival_steps", "curriculum_stage", "recorded")


def make_runs(services: Services) -> Blueprint:
    """Create the routes of runs."""
    runs = Blueprint("runs", __name__)
    catalog = services.catalog

    @runs.get("/runs")
    def list_runs() -> ResponseReturnValue:
        found = []
        for row in catalog.list_runs(limit=_MAX_RUNS):
            body = asdict(row)
            del body["config"], body["cursor"]
            found.append(body)
        n_runs = len(found) if len(found) < _MAX_RUNS else catalog.count_runs()
        return json_response({"runs": found, "n_runs": n_runs})

    @runs.get("/runs/<run:run_id>")
    def get_run(run_id: str) -> ResponseReturnValue:
        body = asdict(catalog.get_run(run_id))
        del body["cursor"]
        return json_response({**body, "summary": asdict(catalog.summarise_run(run_id))})

    @runs.get("/runs/<run:run_id>/curve")
    def curve(run_id: str) -> ResponseReturnValue:
        refuse_unknown(request.args, ("max_points", "token"))
        max_points = integer(request.args, "max_points", least=2, most=_MAX_POINTS) or 2000
        catalog.get_run(run_id)
        points = catalog.learning_curve(run_id, max_points)
        return json_response({name: [getattr(point, name) for point in points] for name in _CURVE_COLUMNS})

    @runs.get("/runs/<run:run_id>/live")
    def live(run_id: str) -> ResponseReturnValue:
        plays = [] if services.live is None else services.live.open_episodes(run_id)
        return json_response(
            {
                "live": services.live is not None,
                "episodes": [{"episode_id": episode_id, "play_id": play_id} for episode_id, play_id in plays],
            }
        )

    return runs
