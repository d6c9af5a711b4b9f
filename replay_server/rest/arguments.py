"""Reading a request's query and body: each argument either is what was asked for, or the client is told what was expected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from flask import Request

from recorder.json_text import from_json
from replay_server.rest.errors import HttpError

__all__ = ["any_json_object", "flag", "integer", "json_object", "number", "refuse_unknown"]


def integer(query: Mapping[str, str], name: str, *, least: int = 0, most: int = 2**63 - 1) -> int | None:
    """An integer of the query; None when it is left out or empty.

    Raises:
        HttpError: it is something else, or out of range.
    """
    text = query.get(name)
    if not text:
        return None
    try:
        value = int(text) if len(text) <= 20 else None
    except ValueError:
        value = None
    if value is None or not least <= value <= most:
        raise HttpError(
            400, "bad_request", f"expected {name} to be an integer from {least} to {most}, found {text[:40]!r}"
        )
    return value


def number(query: Mapping[str, str], name: str) -> float | None:
    """A number of the query; None when it is left out or empty.

    Raises:
        HttpError: it is something else.
    """
    text = query.get(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise HttpError(400, "bad_request", f"expected {name} to be a number, found {text[:40]!r}")
    return value


def flag(query: Mapping[str, str], name: str) -> bool | None:
    """A flag of the query; None when it is left out or empty.

    Raises:
        HttpError: it is something else than ``true`` or ``false``.
    """
    text = query.get(name)
    if not text:
        return None
    if text not in ("true", "false"):
        raise HttpError(400, "bad_request", f"expected {name} to be true or false, found {text[:40]!r}")
    return text == "true"


def refuse_unknown(query: Mapping[str, str], known: tuple[str, ...]) -> None:
    """Refuse arguments that nobody reads: a filter that is spelled wrong must not look as if it filtered.

    Raises:
        HttpError: names the first one.
    """
    unknown = sorted(set(query) - set(known))
    if unknown:
        raise HttpError(
            400, "bad_request", f"unknown argument {unknown[0][:40]!r}: expected some of {', '.join(known)}"
        )


def any_json_object(request: Request) -> dict[str, Any]:
    """The request's body.

    Raises:
        HttpError: it is not a JSON object, or nested too deeply to be read.
    """
    body = None
    if request.is_json:
        try:
            body = from_json(request.get_data())
        except ValueError as error:
            raise HttpError(400, "bad_request", f"expected a JSON object: {str(error)[:200]}") from error
    if not isinstance(body, dict):
        raise HttpError(400, "bad_request", "expected a JSON object, with Content-Type: application/json")
    return body


def json_object(request: Request, allowed: Mapping[str, type | tuple[type, ...]]) -> dict[str, Any]:
    """The request's body.

    Args:
        allowed: names that it may have, and the types of their values.

    Raises:
        HttpError: it is not a JSON object of these.
    """
    body = any_json_object(request)
    for name, value in body.items():
        kind = allowed.get(name)
        if kind is None:
            raise HttpError(400, "bad_request", f"unknown key {name[:40]!r}: expected some of {', '.join(allowed)}")
        if not isinstance(value, kind) or isinstance(value, bool):
            raise HttpError(400, "bad_request", f"{name!r} is of type {type(value).__name__}, which it can't be")
    return body
