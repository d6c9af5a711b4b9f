"""Error messages for an invalid configuration: all mistakes at once, each with its place."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from recorder.settings.models import Settings
from recorder.settings.tree import KeyPath, field_at, keys_at, leaves

__all__ = ["describe"]


def describe(error: ValidationError, values: Mapping[str, Any], sources: Mapping[KeyPath, str]) -> str:
    """The message for ``error``.

    Args:
        error: raised by the models.
        values: the merged configuration that was validated.
        sources: key path to the source of its value.
    """
    lines = [_line(detail, values, sources) for detail in error.errors(include_url=False)]
    return lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} mistakes in the configuration:", *lines])


def _line(detail: ErrorDetails, values: Mapping[str, Any], sources: Mapping[KeyPath, str]) -> str:
    keys = tuple(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        problem = f"unknown key; {_advice(keys)}"
    else:
        problem = _expectation(detail, keys) + _found(keys, values)
    return f"{_path(keys)}: {problem} ({_source(keys, sources)})"


def _expectation(detail: ErrorDetails, keys: KeyPath) -> str:
    """Pydantic's message, reworded: "Input should be a valid integer" becomes "expected a valid integer"."""
    field = field_at(Settings, keys)
    more = field.json_schema_extra if field is not None else None
    if isinstance(more, dict) and more["shape"]:
        return f"expected {more['shape']}"
    if detail["type"] in ("model_type", "dict_type"):
        return "expected a mapping"
    message = detail["msg"].removeprefix("Value error, ")
    return message.replace("Input should be", "expected", 1)


def _found(keys: KeyPath, values: Mapping[str, Any]) -> str:
    field = field_at(Settings, keys)
    if field is None or not field.repr:
        return ""  # a secret, or an option of a custom criterion
    value: Any = values
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return ""
        value = value[key]
    return f", found {value!r}"


def _advice(keys: KeyPath) -> str:
    """The nearest valid key in the same section, else anywhere, else a list of the section's keys."""
    siblings = keys_at(Settings, keys[:-1])
    near = get_close_matches(keys[-1], siblings, n=1, cutoff=0.6)
    if near:
        return f"did you mean {_path((*keys[:-1], near[0]))}?"
    elsewhere = {path[-1]: path for path, _ in leaves(Settings)}
    near = get_close_matches(keys[-1], elsewhere, n=1, cutoff=0.8)
    if near:
        return f"did you mean {_path(elsewhere[near[0]])}?"
    return f"the keys here are {', '.join(siblings)}"


def _source(keys: KeyPath, sources: Mapping[KeyPath, str]) -> str:
    """The source of the value, or of the nearest enclosing mapping."""
    for length in range(len(keys), 0, -1):
        if keys[:length] in sources:
            return sources[keys[:length]]
    return "defaults"


def _path(keys: KeyPath) -> str:
    return ".".join(("recording", *keys))
