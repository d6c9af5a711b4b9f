"""Merges defaults, file, environment and the caller's values into one ``Settings``.

An invalid configuration is one error with all mistakes, each with its place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from recorder.errors import SettingsError
from recorder.settings.models import Settings
from recorder.settings.tree import KeyPath, accepts_text, field_at, is_section, keys_at, leaves
from recorder.urls import is_url
from recorder.values.argument_kinds import check_kind

__all__ = ["CONFIG_VARIABLE", "ENVIRONMENT_PREFIX", "describe", "load_settings", "loaded_settings"]

ENVIRONMENT_PREFIX = "HAMLET_RECORDER_"
"""Prefix of environment variables: ``HAMLET_RECORDER_REDIS__URL`` sets ``recording.redis.url``."""

CONFIG_VARIABLE = "HAMLET_RECORDER_CONFIG"
"""Variable with the path of the file, for programs without a ``--config``, such as Celery workers."""

_MAX_REMEMBERED = 100
"""Most files whose settings a process keeps for ``loaded_settings``."""

_loaded: dict[str, Settings] = {}
"""Place of the recordings to the settings loaded for it. A trainer may pass single values of its configuration; the
rest of the file still applies.
"""


def load_settings(
    path: str | Path | None = None,
    *,
    env: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Load the settings: defaults, then the file, then the environment, then ``overrides``.

    Args:
        path: YAML file, whose key ``recording`` is read. None takes the file in ``HAMLET_RECORDER_CONFIG``, or none.
        env: the environment; None takes this process's. An empty variable counts as not set.
        overrides: nested mapping of keys under ``recording:``.

    Raises:
        SettingsError: a key or value is invalid. The message lists all of them, each with its place, the expected value
            and the nearest valid key.
    """
    check_kind("path", path, str | os.PathLike | None)
    environment = os.environ if env is None else env
    if path is None:
        path = environment.get(CONFIG_VARIABLE) or None
    merged: dict[str, Any] = {}
    sources: dict[KeyPath, str] = {}
    if path is not None:
        _merge(merged, _read_file(Path(path)), str(path), sources)
    for name, keys, value in _environment_values(environment):
        nested: Any = value
        for key in reversed(keys):
            nested = {key: nested}
        _merge(merged, nested, f"environment variable {name}", sources)
    _merge(merged, overrides or {}, "given by the caller", sources)
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        raise SettingsError(describe(error, merged, sources)) from None
    if path is not None:
        place = _place_of(settings.recordings_dir)
        _loaded.pop(place, None)
        _loaded[place] = settings
        if len(_loaded) > _MAX_REMEMBERED:
            _loaded.pop(next(iter(_loaded)))
    return settings


def loaded_settings(recordings_dir: str | Path) -> Settings | None:
    """Settings that this process last loaded from a file for these recordings; None if there are none."""
    return _loaded.get(_place_of(recordings_dir))


def _place_of(recordings_dir: str | Path) -> str:
    """The folder or URL, normalised."""
    place = str(recordings_dir).removeprefix("file://")
    return place if is_url(place) else str(Path(place).expanduser().resolve())


def _read_file(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"the configuration can't be read: {error.strerror}: {path}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"the configuration is not YAML: {error}: {path}") from error
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise SettingsError(f"expected a mapping with the key 'recording', found a {type(content).__name__}: {path}")
    section = content.get("recording")
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        raise SettingsError(f"recording: expected a mapping, found a {type(section).__name__}: {path}")
    return section


def _environment_values(environment: Mapping[str, str]) -> Iterator[tuple[str, KeyPath, Any]]:
    """Name, key path and value of every variable with our prefix, in sorted order."""
    for name in sorted(environment):
        text = environment[name]
        if not name.startswith(ENVIRONMENT_PREFIX) or name == CONFIG_VARIABLE or not text:
            continue
        keys = tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))
        yield name, keys, text if accepts_text(Settings, keys) else _scalar(text)


def _scalar(text: str) -> Any:
    """The text parsed as YAML, so that numbers and flags are read as in the file."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _merge(
    into: dict[str, Any], values: Mapping[str, Any], source: str, sources: dict[KeyPath, str], at: KeyPath = ()
) -> None:
    """Merge ``values`` into ``into``, and record the source of each value."""
    for key, value in values.items():
        here = (*at, str(key))
        sources[here] = source
        if isinstance(value, Mapping):
            below = into.get(str(key))
            into[str(key)] = below = dict(below) if isinstance(below, Mapping) else {}
            _merge(below, value, source, sources, here)
        elif value is None and is_section(Settings, here):
            continue  # "redis:" with all of its keys commented out
        else:
            into[str(key)] = value


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
