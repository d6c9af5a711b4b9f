"""Reads and checks a request's query and body. An error says what was expected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from flask import Request
from werkzeug.routing import BaseConverter

from recorder.values.json_text import from_json
from replay_server.rest.errors import bad_request

__all__ = ["RunConverter", "any_json_object", "flag", "integer", "json_object", "number", "refuse_unknown"]


def integer(query: Mapping[str, str], name: str, *, least: int = 0, most: int = 2**63 - 1) -> int | None:
    """Return an integer of the query; None if it is missing or empty.

    Raises:
        HttpError: it is not an integer, or out of range.
    """
    text = query.get(name)
    if not text:
        return None
    try:
        value = int(text) if len(text) <= 20 else None
    except ValueError:
        value = None
    if value is None or not least <= value <= most:
        raise bad_request(f"expected {name} to be an integer from {least} to {most}, found {text[:40]!r}")
    return value


def number(query: Mapping[str, str], name: str) -> float | None:
    """Return a number of the query; None if it is missing or empty.

    Raises:
        HttpError: it is not a number.
    """
    text = query.get(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise bad_request(f"expected {name} to be a number, found {text[:40]!r}")
    return value


def flag(query: Mapping[str, str], name: str) -> bool | None:
    """Return a flag of the query; None if it is missing or empty.

    Raises:
        HttpError: it is neither ``true`` nor ``false``.
    """
    text = query.get(name)
    if not text:
        return None
    if text not in ("true", "false"):
        raise bad_request(f"expected {name} to be true or false, found {text[:40]!r}")
    return text == "true"


def refuse_unknown(query: Mapping[str, str], known: tuple[str, ...]) -> None:
    """Refuse unknown arguments, so that a misspelled filter is not silently ignored.

    Raises:
        HttpError: there is one; the message names the first.
    """
    unknown = sorted(set(query) - set(known))
    if unknown:
        raise bad_request(f"unknown argument {unknown[0][:40]!r}: expected some of {', '.join(known)}")


def any_json_object(request: Request) -> dict[str, Any]:
    """Return the request's body.

    Raises:
        HttpError: it is not a JSON object, or nested too deeply.
    """
    body = None
    if request.is_json:
        try:
            body = from_json(request.get_data())
        except ValueError as error:
            raise bad_request(f"expected a JSON object: {str(error)[:200]}") from error
    if not isinstance(body, dict):
        raise bad_request("expected a JSON object, with Content-Type: application/json")
    return body


def json_object(request: Request, allowed: Mapping[str, type | tuple[type, ...]]) -> dict[str, Any]:
    """Return the request's body after checking its keys.

    Args:
        allowed: key to type.

    Raises:
        HttpError: it is not a JSON object with these keys and types.
    """
    body = any_json_object(request)
    for name, value in body.items():
        kind = allowed.get(name)
        if kind is None:
            raise bad_request(f"unknown key {name[:40]!r}: expected some of {', '.join(allowed)}")
        if not isinstance(value, kind) or isinstance(value, bool):
            expected = " or ".join(it.__name__ for it in (kind if isinstance(kind, tuple) else (kind,)))
            found = type(value).__name__
            raise bad_request(f"{name!r} must be of type {expected}, got {found}")
    return body


_MARK = "~"


class RunConverter(BaseConverter):
    """Any run id as one part of a path.

    An id that is empty or begins with ``.`` or ``~`` gets a ``~`` in front, because browsers resolve ``..`` before they
    send.
    """

    regex = ".+?"
    part_isolating = False

    def to_python(self, value: str) -> str:
        """Return the run id."""
        return value.removeprefix(_MARK)

    def to_url(self, value: str) -> str:
        """Return the part of the path."""
        marked = _MARK + value if not value or value[0] in "~." else value
        return quote(marked, safe="")
