"""Generates docs/configuration.md and configs/default.yaml from the models.

After a change of the models: ``python -c "from recorder.settings.reference import write; write('.')"``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, ByteSize, SecretStr
from pydantic.fields import FieldInfo

from recorder.settings.loading import CONFIG_VARIABLE, ENVIRONMENT_PREFIX
from recorder.settings.models import Settings
from recorder.settings.tree import KeyPath, kinds, model_at

__all__ = ["render_default_file", "render_reference", "write"]

_INTRODUCTION = f"""\
# Configuration

All keys are under `recording:` in a YAML file. Other keys of that file belong to your trainer and are not read.
`configs/default.yaml` has all keys with their defaults; `configs/laptop.yaml` and `configs/cluster.yaml` are two
starting points.

Later sources win, key by key: the defaults, the file (`--config FILE`, or the one that `{CONFIG_VARIABLE}` names), the
environment, the options of a command. The environment variable of a key is `{ENVIRONMENT_PREFIX}` and its path in
capitals, with two underscores at each level: `recording.redis.url` is `{ENVIRONMENT_PREFIX}REDIS__URL`, and
`recording.criteria.periodic.interval` is `{ENVIRONMENT_PREFIX}CRITERIA__PERIODIC__INTERVAL`. An empty variable counts as
not set. Sizes in bytes may have a unit (`64 MiB`).

In Python, `load_settings("config.yaml")` reads a file, and `EpisodeRecorder.from_settings(settings)` makes a recorder from
it. `config.recording.enabled` and `config.enabled` are the same. A `RecordingWriter` takes its criteria and its format
from the file that was loaded for its recordings, unless you pass others.

An unknown key, a value of the wrong type and a value out of range are errors. One message lists all of them, each with its
place and the nearest valid key.

This page is generated from the models in `recorder/settings/`; a test compares them.
"""

_DEFAULT_FILE_HEAD = """\
# Every key with its default. A file needs only the keys that differ; docs/configuration.md has units and environment
# variables. Keys beside `recording:` belong to your trainer and are not read.
"""

_WORDS = {bool: "flag", int: "integer", float: "number", str: "text", SecretStr: "text", ByteSize: "size"}


def render_reference() -> str:
    """Text of docs/configuration.md."""
    return _INTRODUCTION + "".join(_section_table(keys) for keys in _sections())


def render_default_file() -> str:
    """Text of configs/default.yaml."""
    return "\n".join([_DEFAULT_FILE_HEAD, "recording:", *_yaml_lines(Settings, depth=1)]) + "\n"


def write(root: str | Path) -> None:
    """Write both files; ``root`` is the top of the source tree."""
    (Path(root) / "docs" / "configuration.md").write_text(render_reference(), encoding="utf-8")
    (Path(root) / "configs" / "default.yaml").write_text(render_default_file(), encoding="utf-8")


def _sections(at: KeyPath = ()) -> Iterator[KeyPath]:
    yield at
    for name in _model(at).model_fields:
        if model_at(Settings, (*at, name)) is not None:
            yield from _sections((*at, name))


def _section_table(at: KeyPath) -> str:
    title = ".".join(("recording", *at))
    rows = [
        f"| `{title}.{name}` | `{_shown_default(field)}` | {_kind(field)} | {_unit(field)} | {field.description} |\n"
        for name, field in _model(at).model_fields.items()
        if model_at(Settings, (*at, name)) is None
    ]
    head = "| key | default | type | unit | meaning |\n|---|---|---|---|---|\n" if rows else ""
    gap = "\n" if rows else ""
    return f"\n## `{title}`\n\n{_summary(_model(at))}\n{gap}{head}{''.join(rows)}"


def _yaml_lines(model: type[BaseModel], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            yield f"\n{indent}# {_summary(section)}"
            yield f"{indent}{name}:"
            yield from _yaml_lines(section, depth + 1)
        else:
            unit = f" [{_unit(field)}]" if _unit(field) else ""
            comment = f"{field.description}{unit}".replace("`", "'")
            yield from (f"{indent}# {line}" for line in textwrap.wrap(comment, width=116 - len(indent)))
            yield f"{indent}{name}: {_shown_default(field)}"


def _shown_default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if isinstance(default, ByteSize):
        return default.human_readable(separator=" ").replace(".0 ", " ")
    return yaml.safe_dump(default, default_flow_style=True).removesuffix("\n...\n").strip()


def _kind(field: FieldInfo) -> str:
    """The type in YAML terms."""
    (kind,) = kinds(field.annotation)
    if get_origin(kind) is dict:
        return "mapping"
    if get_origin(kind) is Literal:
        return " or ".join(f"`{option}`" for option in get_args(kind))
    return _WORDS[kind]


def _unit(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra["unit"]) if isinstance(extra, dict) else ""


def _model(at: KeyPath) -> type[BaseModel]:
    model = model_at(Settings, at)
    assert model is not None, at
    return model


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0].replace("``", "`")
