"""Runs: list, show one, its learning curve, its live episodes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from threading import Lock
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from recorder.highlights import Highlight, RunHighlights, find_highlights
from recorder.wording import MEASURE_CHOICES, is_measure, measure_of
from replay_server.rest.arguments import integer, refuse_unknown
from replay_server.rest.errors import bad_request
from replay_server.rest.responses import episode_map, json_response
from replay_server.services import Services

__all__ = ["make_runs"]

_MAX_POINTS = 20_000
_MAX_RUNS = 5000
_MAX_LANES = 64
_MAX_KNOWN = 64
"""Answers about highlights that are remembered, a few kilobytes each."""
_CURVE_COLUMNS = ("episode_id", "env_steps", "total_reward", "survival_steps", "curriculum_stage", "recorded")


def make_runs(services: Services) -> Blueprint:
    """Create the routes of runs."""
    runs = Blueprint("runs", __name__)
    catalog = services.catalog
    known = _Known(lambda run_id, measure: _highlights_map(find_highlights(catalog, run_id, measure)))

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
        refuse_unknown(request.args, ("max_points", "measure", "token"))
        max_points = integer(request.args, "max_points", least=2, most=_MAX_POINTS) or 2000
        measure = _measure(request.args.get("measure"))
        catalog.get_run(run_id)
        points = catalog.learning_curve(run_id, max_points)
        columns = {name: [getattr(point, name) for point in points] for name in _CURVE_COLUMNS}
        columns["complete"] = [point.status == "complete" for point in points]
        if measure is not None:
            columns["value"] = [measure_of(measure).of(point) for point in points]
        return json_response(columns)

    @runs.get("/runs/<run:run_id>/highlights")
    def highlights(run_id: str) -> ResponseReturnValue:
        refuse_unknown(request.args, ("measure", "token"))
        measure = _measure(request.args.get("measure"))
        row = catalog.get_run(run_id)
        return json_response(known.get((run_id, measure), (row.n_episodes, row.n_recordings)))

    @runs.get("/runs/<run:run_id>/live")
    def live(run_id: str) -> ResponseReturnValue:
        refuse_unknown(request.args, ("lanes", "token"))
        n_lanes = integer(request.args, "lanes", least=1, most=_MAX_LANES)
        plays = [] if services.live is None else services.live.open_episodes(run_id)
        body: dict[str, Any] = {
            "live": services.live is not None,
            "episodes": [{"episode_id": episode_id, "play_id": play_id} for episode_id, play_id in plays],
        }
        if n_lanes is not None:
            body["lanes"] = [] if services.live is None else services.live.lanes(run_id, n_lanes)
        return json_response(body)

    return runs


class _Known:
    """Answers that hold until the run grows; thread-safe.

    Args:
        find: makes the answer for a run and a measure.
    """

    def __init__(self, find: Callable[[str, str | None], dict[str, Any]]) -> None:
        self._find = find
        self._lock = Lock()
        self._answers: OrderedDict[tuple[str, str | None], tuple[tuple[int, int], dict[str, Any]]] = OrderedDict()

    def get(self, key: tuple[str, str | None], size: tuple[int, int]) -> dict[str, Any]:
        """Return the answer for a run of this many episodes and recordings."""
        with self._lock:
            found = self._answers.get(key)
        if found is not None and found[0] == size:
            return found[1]
        answer = self._find(*key)
        with self._lock:
            self._answers[key] = size, answer
            self._answers.move_to_end(key)
            if len(self._answers) > _MAX_KNOWN:
                self._answers.popitem(last=False)
        return answer


def _measure(name: str | None) -> str | None:
    if not name:
        return None
    if not is_measure(name):
        raise bad_request(f"expected measure to be one of {MEASURE_CHOICES}, found {name[:40]!r}")
    return name


def _highlights_map(found: RunHighlights) -> dict[str, Any]:
    """Return highlights in the format of PROTOCOL.md."""
    return {
        "run_id": found.run_id,
        "measure": found.measure,
        "measures": found.measures,
        "sentence": found.sentence,
        "n_episodes": found.n_episodes,
        "n_recordings": found.n_recordings,
        "secs": found.secs,
        "stages": found.stages,
        "highlights": [_highlight_map(each) for each in found.highlights],
        "reasons": [{"reason": glob, "words": words, "n_episodes": n} for glob, words, n in found.reasons],
    }


def _highlight_map(each: Highlight) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "title": each.title,
        "text": each.text,
        "value": each.value,
        "episode": episode_map(each.episode),
    }
