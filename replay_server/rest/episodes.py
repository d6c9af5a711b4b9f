"""Episodes: list with filters, show one, explain its decision, delete its recording."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from recorder.agents import pack_agents
from recorder.errors import RecordingNotFoundError
from recorder.wording import explanation_in_words
from replay_server.rest.arguments import flag, integer, number, refuse_unknown
from replay_server.rest.responses import episode_map, json_response
from replay_server.services import Services

__all__ = ["make_episodes"]

_ARGUMENTS = (
    "run",
    "stage",
    "reason",
    "status",
    "decision",
    "lane",
    "min_return",
    "max_return",
    "min_episode",
    "max_episode",
    "tag",
    "recorded",
    "complete",
    "agent",
    "seed",
    "sort",
    "cursor",
    "limit",
    "token",
)
_MAX_LIMIT = 500


def make_episodes(services: Services) -> Blueprint:
    """Create the routes of episodes."""
    episodes = Blueprint("episodes", __name__)
    catalog = services.catalog

    @episodes.get("/episodes")
    def list_episodes() -> ResponseReturnValue:
        query = request.args
        refuse_unknown(query, _ARGUMENTS)
        page = catalog.list_episodes(
            run=query.get("run"),
            stage=integer(query, "stage", least=-(2**31), most=2**31 - 1),
            reason=query.get("reason") or None,
            status=query.get("status") or None,
            decision=query.get("decision") or None,
            lane=integer(query, "lane", most=2**31 - 1),
            min_reward=number(query, "min_return"),
            max_reward=number(query, "max_return"),
            min_episode=integer(query, "min_episode"),
            max_episode=integer(query, "max_episode"),
            tag=query.get("tag") or None,
            recorded=flag(query, "recorded"),
            complete=flag(query, "complete"),
            agent=query.get("agent") or None,
            seed=query.get("seed") or None,
            order=query.get("sort") or "-finished",
            cursor=query.get("cursor") or None,
            limit=integer(query, "limit", least=1, most=_MAX_LIMIT) or 50,
        )
        return json_response({"episodes": [episode_map(row) for row in page.episodes], "next_cursor": page.next_cursor})

    @episodes.get("/episodes/<run:run_id>/<int:episode_id>")
    def get_episode(run_id: str, episode_id: int) -> ResponseReturnValue:
        body = episode_map(catalog.get_episode(run_id, episode_id))
        try:
            recording = asdict(catalog.get_recording(run_id, episode_id))
            del recording["agents"]
            body["recording"] = recording
        except RecordingNotFoundError:
            body["recording"] = None
        body["agents"] = pack_agents(catalog.list_agents(run_id, episode_id))
        return json_response(body)

    @episodes.get("/episodes/<run:run_id>/<int:episode_id>/why")
    def why(run_id: str, episode_id: int) -> ResponseReturnValue:
        row = catalog.get_episode(run_id, episode_id)
        why = [{**entry, **explanation_in_words(entry)._asdict()} for entry in row.why]
        return json_response({"decision": row.decision, "reasons": row.reasons, "why": why})

    @episodes.delete("/episodes/<run:run_id>/<int:episode_id>")
    def delete_recording(run_id: str, episode_id: int) -> ResponseReturnValue:
        row = catalog.get_recording(run_id, episode_id)
        # The row goes first: a row without a file would fail when opened; reindex finds a file without a row.
        catalog.delete_recording(run_id, episode_id)
        services.storage.delete(row.file_path)
        services.library.forget(row)
        return Response(status=204)

    return episodes
