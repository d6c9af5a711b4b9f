"""Steps of a recording by range and field, as lines of JSON or as msgpack columns, encoded in blocks while they are
sent."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import msgpack
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from recorder.episode_file import Episode
from recorder.recordings.steps import blocks_of, step_maps, values_of
from recorder.schema import EXTRAS_PREFIX
from recorder.values.json_text import to_json
from replay_server.episodes.recorded import OpenedRecording
from replay_server.rest.arguments import integer, refuse_unknown
from replay_server.rest.errors import bad_request
from replay_server.rest.responses import add_caching
from replay_server.services import Services

__all__ = ["make_steps"]

_NDJSON = "application/x-ndjson"
_MSGPACK = "application/msgpack"
_MAX_MSGPACK_STEPS = 100_000


def make_steps(services: Services) -> Blueprint:
    """Create the route of steps."""
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
                raise bad_request(f"at most {_MAX_MSGPACK_STEPS} steps per request: set a range with from and to")
            pieces = _columns(opened, start, stop, fields or list(episode.names))
        else:
            pieces = _lines(opened, start, stop, fields)
        response = Response(_begun(pieces), content_type=kind)
        response.automatically_set_content_length = (
            False  # the whole answer would have to be encoded and held to know it
        )
        response.vary.add("Accept")
        return add_caching(response, f"{opened.row.content_hash}-{kind[-7:]}", opened.row.content_hash)

    return steps


def _fields(text: str | None, episode: Episode) -> list[str]:
    names = [name for name in (text or "").split(",") if name and name != "step"]
    for name in names:
        if name not in episode.names and f"{EXTRAS_PREFIX}{name}" not in episode.names:
            known = ", ".join(episode.names)
            raise bad_request(f"the episode has no field {name[:60]!r}: it has {known}")
    # Repeated names count once, else a short request could ask for thousands of columns.
    return list(dict.fromkeys(name if name in episode.names else f"{EXTRAS_PREFIX}{name}" for name in names))


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Encode the first piece now, so that its errors set the status code."""
    first = next(pieces, b"")
    return chain((first,), pieces)


def _lines(opened: OpenedRecording, start: int, stop: int, fields: list[str]) -> Iterator[bytes]:
    episode = opened.episode  # the recording is in use while the answer is sent
    for first, end in blocks_of(episode, start, stop, fields or None):
        if not fields:
            yield "".join(f"{to_json(step)}\n" for step in step_maps(episode, first, end)).encode()
            continue
        columns = [values_of(episode, name, first, end) for name in fields]
        rows = zip(episode.step_numbers[first:end].tolist(), *columns, strict=True)
        yield "".join(
            to_json({"step": number, **dict(zip(fields, values, strict=True))}) + "\n" for number, *values in rows
        ).encode()


def _columns(opened: OpenedRecording, start: int, stop: int, names: list[str]) -> Iterator[bytes]:
    """Yield one map of lists, packed block by block."""
    episode = opened.episode
    packer = msgpack.Packer()
    yield packer.pack_map_header(len(names) + 1)
    for name in names:
        yield packer.pack(name) + packer.pack_array_header(stop - start)
        for first, end in blocks_of(episode, start, stop, [name]):
            yield b"".join(map(packer.pack, values_of(episode, name, first, end)))
    yield packer.pack("step") + packer.pack(episode.step_numbers[start:stop].tolist())
