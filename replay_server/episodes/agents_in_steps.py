"""The agents of each step in the format of the original protocol, for episodes of one agent and of several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from recorder.agents import AgentInfo
from recorder.chunk import Chunk
from recorder.outline.agents import agent_looks, group_values, present_in
from recorder.outline.looks import DARK
from replay_server.episodes.recorded import OpenedRecording

__all__ = ["AgentsOfStep", "agents_in_steps", "one_agent"]

AgentsOfStep = tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]
"""``grid.agents`` and ``agent_meters`` of a ``state_update``."""


def one_agent(meter_names: Sequence[str], position: list[Any] | None, action: Any, meters: Any) -> AgentsOfStep:
    """The agent of an episode that has no others."""
    found = [_placed("agent_0", DARK.agent, position, action)] if position else []
    return found, {"agent_0": {"meters": dict(zip(meter_names, meters or (), strict=False))}}


def agents_in_steps(opened: OpenedRecording, start: int, stop: int) -> list[AgentsOfStep]:
    """Return the agents that take part in each step ``start <= index < stop`` of an episode of several.

    Raises:
        EpisodeFileError: the recording is corrupt there.
    """
    infos = opened.outline.agents.infos(opened.episode.metadata.intrinsic_weight)
    looks, _ = agent_looks({info.agent_id: info.team for info in infos})
    colors = {agent_id: DARK.agents[look.number] for agent_id, look in looks.items()}
    names = opened.outline.scene.meter_names
    found: list[AgentsOfStep] = []
    for chunk, rows in opened.episode.chunks_between(start, stop):
        here: list[AgentsOfStep] = [([], {}) for _ in range(rows.stop - rows.start)]
        for info in infos:
            agent_id = info.agent_id
            for step, (is_present, position, action, meters) in zip(here, _values(chunk, info, rows), strict=True):
                if is_present:
                    if position:
                        step[0].append(_placed(agent_id, colors[agent_id], position, action))
                    step[1][agent_id] = {"meters": dict(zip(names, meters or (), strict=False))}
        found += here
    return found


def _values(chunk: Chunk, info: AgentInfo, rows: slice) -> Iterator[tuple[Any, ...]]:
    """Presence, position, action and meters of each step."""
    present = present_in(chunk, info)[rows].tolist()
    fields = []
    for name, is_list in (("position", True), ("action", False), ("meters", True)):
        found = group_values(chunk, info.group, name)
        if found is None or info.slot >= found[0].shape[1]:
            fields.append([None] * len(present))
            continue
        values = found[0][rows, info.slot]
        fields.append((values.reshape(len(values), -1) if is_list else values).tolist())
    return zip(present, *fields, strict=True)


def _placed(agent_id: str, color: str, position: Sequence[Any], action: Any) -> dict[str, Any]:
    agent = {"id": agent_id, "x": position[0], "y": position[1] if len(position) > 1 else 0}
    if len(position) > 2:
        agent["z"] = position[2]
    return {**agent, "color": color, "last_action": action, "position": position}
