"""Merges defaults, file, environment and the caller's values into one ``Settings``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from recorder.errors import SettingsError
from recorder.settings.mistakes import describe
from recorder.settings.models import Settings
from recorder.settings.tree import KeyPath, accepts_text, is_section
from recorder.urls import is_url
from recorder.values.argument_kinds import check_kind

__all__ = ["CONFIG_VARIABLE", "ENVIRONMENT_PREFIX", "load_settings", "loaded_settings"]

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
