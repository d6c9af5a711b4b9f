"""Steps of a recording, by range and field: lines of JSON, or columns in msgpack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgpack
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from recorder.episode_file import Episode
from recorder.json_text import to_json
from recorder.schema import EXTRAS_PREFIX
from recorder.step_values import step_maps, values_of
from replay_server.rest.arguments import integer, refuse_unknown
from replay_server.rest.caching import add_caching
from replay_server.rest.errors import HttpError
from replay_server.services import Services

__all__ = ["make_steps"]

_NDJSON = "application/x-ndjson"
_MSGPACK = "application/msgpack"
_LINES_AT_ONCE = 256
_MAX_MSGPACK_STEPS = 100_000


def make_steps(services: Services) -> Blueprint:
    """The route of steps."""
    steps = Blueprint("steps", __name__)

    @steps.get("/episodes/<run:run_id>/<int:episode_id>/steps")
    def get_steps(run_id: str, episode_id: int) -> ResponseReturnValue:
        query = request.args
        refuse_unknown(query, ("from", "to", "fields", "v", "token"))
        opened = services.library.open(run_id, episode_id)
        episode = opened.episode
        start = min(integer(query, "from") or 0, episode.n_steps)
        to = integer(query, "to")
        stop = episode.n_steps if to is None else max(start, min(to, episode.n_steps))
        fields = _fields(query.get("fields"), episode)
        kind = request.accept_mimetypes.best_match([_NDJSON, _MSGPACK], default=_NDJSON)
        if kind == _MSGPACK:
            if stop - start > _MAX_MSGPACK_STEPS:
                raise HttpError(
                    400, "bad_request", f"at most {_MAX_MSGPACK_STEPS} steps at once: ask for a range with from and to"
                )
            names = fields or [name for name in episode.names if episode.has_column(name)]
            columns: dict[str, Any] = {name: values_of(episode, name, start, stop) for name in names}
            columns["step"] = episode.step_numbers[start:stop].tolist()
            response = Response(msgpack.packb(columns), content_type=_MSGPACK)
        else:
            response = Response(_lines(episode, start, stop, fields), content_type=_NDJSON)
        response.vary.add("Accept")
        return add_caching(response, f"{opened.row.content_hash}-{kind[-7:]}", opened.row.content_hash)

    return steps


def _fields(text: str | None, episode: Episode) -> list[str]:
    names = [name for name in (text or "").split(",") if name and name != "step"]
    for name in names:
        if name not in episode.names and f"{EXTRAS_PREFIX}{name}" not in episode.names:
            known = ", ".join(episode.names)
            raise HttpError(400, "bad_request", f"the episode has no field {name[:60]!r}: it has {known}")
    return [name if name in episode.names else f"{EXTRAS_PREFIX}{name}" for name in names]


def _lines(episode: Episode, start: int, stop: int, fields: list[str]) -> Iterator[str]:
    for first in range(start, stop, _LINES_AT_ONCE):
        last = min(first + _LINES_AT_ONCE, stop)
        if not fields:
            yield "".join(f"{to_json(step)}\n" for step in step_maps(episode, first, last))
            continue
        columns = [values_of(episode, name, first, last) for name in fields]
        for number, *values in zip(episode.step_numbers[first:last].tolist(), *columns, strict=True):
            yield to_json({"step": number, **dict(zip(fields, values, strict=True))}) + "\n"
