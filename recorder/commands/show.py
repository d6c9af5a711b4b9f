"""Show the catalog's data about one episode: results, decision and file."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from recorder.agents import pack_agents
from recorder.commands.arguments.opening import open_catalog, run_of, settings_of
from recorder.commands.arguments.parsing import non_negative
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output, counted
from recorder.errors import RecorderError, RecordingNotFoundError
from recorder.recordings.find import open_recording
from recorder.runtime.python_versions import UTC
from recorder.storage import open_recordings
from recorder.wording import field_title, reason_in_words, status_in_words

if TYPE_CHECKING:
    from recorder.catalog import Catalog, EpisodeRow
    from recorder.episode import EpisodeMetadata
    from recorder.settings import Settings

EXAMPLE = "show 500 --run my-run"

_UNITS_A_SEC = {"timestamp": 1, "started_unix_nanos": 10**9, "finished_unix_nanos": 10**9}
_MAX_LETTERS = 120
_YEAR_10000_SECS = 253_402_300_800
"""Times from here on have no date; neither has 0, which means unknown."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("episode_id", type=non_negative, help="without --run, in the newest run that has it")


def run(args: argparse.Namespace) -> int:
    """Print the episode and its recording, if it has one."""
    output, settings = Output.of(args), settings_of(args)
    with open_catalog(settings) as catalog:
        episode = catalog.find_episode(args.episode_id, run_of(args, catalog))
        try:
            recording = dataclasses.asdict(catalog.get_recording(episode.run_id, episode.episode_id))
            del recording["agents"]
        except RecordingNotFoundError:
            recording = None
        config = catalog.get_run(episode.run_id).config or {}
        said = None if recording is None else _metadata_in(settings, catalog, episode)
        agents = pack_agents(catalog.list_agents(episode.run_id, episode.episode_id))
    info = {} if said is None else dict(said.info)
    fields = dataclasses.asdict(episode)
    del fields["why_json"]
    environment = info.get("env_id") or config.get("env_id")
    told = {"why": episode.why, "environment": environment, "info": info, "agents": agents}
    output.document({"episode": {**fields, **told}, "recording": recording})
    if environment is not None:
        fields["environment"] = environment
    output.fields(f"episode {episode.episode_id} of run {episode.run_id}", _in_words(fields))
    if recording is None:
        output.note("no recording")
    else:
        for agent in agents:
            output.fields(f"agent {agent['agent_id']}", _agent_in_words(agent))
        if info:
            output.fields("info", {name: _short(value) for name, value in info.items()})
        output.fields("recording", _in_words({name: value for name, value in recording.items() if name not in fields}))
    if episode.why:
        output.note(
            f"{counted(len(episode.why), 'explanation')}: why {episode.episode_id} --run {shlex.quote(episode.run_id)}"
        )
    return ExitStatus.OK


def _metadata_in(settings: Settings, catalog: Catalog, episode: EpisodeRow) -> EpisodeMetadata | None:
    """What the file says of the episode; None when that can't be read, which other commands tell."""
    try:
        _, found = open_recording(catalog, open_recordings(settings), episode.run_id, episode.episode_id)
    except RecorderError:
        return None
    return found.metadata


def _agent_in_words(agent: Mapping[str, Any]) -> dict[str, Any]:
    team = {"Team": agent["team"]} if agent["team"] else {}
    steps = f"{agent['n_steps']}, from {agent['first_step']} to {agent['last_step']}"
    return {**team, "Return": agent["return"], "Steps": steps, "Outcome": agent["outcome"] or "not ended"}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _MAX_LETTERS else f"{text[: _MAX_LETTERS - 1]}…"


def _in_words(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The known fields by their titles, with reasons in words and numbers of seconds since 1970 as UTC dates."""
    return {field_title(name): _value_in_words(name, value) for name, value in fields.items() if value is not None}


def _value_in_words(name: str, value: Any) -> Any:
    if name == "reasons":
        return tuple(map(reason_in_words, value))
    if name == "recording_reason":
        return reason_in_words(str(value))
    if name == "status":
        return status_in_words(str(value))
    return _readable(value, _UNITS_A_SEC[name]) if name in _UNITS_A_SEC else value


def _readable(since_1970: float, units_a_sec: int) -> datetime | float:
    secs = since_1970 / units_a_sec
    return datetime.fromtimestamp(secs, UTC) if 0 < secs < _YEAR_10000_SECS else since_1970
