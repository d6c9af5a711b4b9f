"""``state_update``: one step in the format of the original protocol, encoded once per episode for all viewers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from recorder.agents import AgentInfo
from recorder.agents.columns import parse_agent_column
from recorder.chunk import Chunk
from recorder.errors import EpisodeFileTooLargeError
from recorder.outline.agents import agent_looks, group_values, present_in
from recorder.outline.looks import DARK
from recorder.recordings.steps import values_of
from recorder.values.json_text import to_json
from replay_server.episodes.recorded import OpenedRecording

__all__ = ["AgentsOfStep", "agents_in_steps", "one_agent", "state_updates"]

_FIELDS = ("position", "meters", "action", "reward", "q_values", "action_masks", "time_of_day", "interaction_progress")
_MAX_NUMBERS = 2**14
"""Per step. Messages of several steps are encoded together, on the thread that serves all viewers."""
_AXES = ("x", "y", "z")


def state_updates(opened: OpenedRecording, start: int, stop: int) -> list[str]:
    """Return the messages of the steps ``start <= index < stop``.

    Raises:
        EpisodeFileError: the recording is corrupt there.
        EpisodeFileTooLargeError: a step has more numbers than a message may.
    """
    episode, scene, substrate = opened.episode, opened.outline.scene, opened.outline.substrate()
    for chunk, _ in episode.chunks_between(start, stop):
        n_numbers = sum(chunk.spec(name).n_values for name in chunk.names if _field_of(name) in _FIELDS)
        if n_numbers > _MAX_NUMBERS:
            raise EpisodeFileTooLargeError(
                f"step {chunk.first_step} has {n_numbers} numbers, but a message may have {_MAX_NUMBERS}: "
                "send 'open' instead of 'load_replay' to get the bytes of the file"
            )
    metadata = episode.metadata
    size = {"width": substrate["width"], "height": substrate["height"]}
    affordances = [
        {"type": name, **dict(zip(_AXES, cell, strict=False)), **({"y": 0} if len(cell) == 1 else {})}
        for name, cell in scene.affordances.items()
    ]
    fixed = {"total_steps": opened.n_steps}
    whole = {
        "survival_steps": metadata.survival_steps,
        "total_reward": metadata.total_reward,
        "curriculum_stage": metadata.curriculum_stage,
    }
    columns = [values_of(episode, name, start, stop) for name in _FIELDS]
    several = agents_in_steps(opened, start, stop) if metadata.agents else None
    numbers = episode.step_numbers[start:stop].tolist()
    cumulative = opened.cumulative_reward[start:stop].tolist()
    messages = []
    for index, number, total, position, meters, action, reward, q_values, masks, clock, progress in zip(
        range(start, stop), numbers, cumulative, *columns, strict=True
    ):
        agents, agent_meters = (
            one_agent(scene.meter_names, position, action, meters) if several is None else several[index - start]
        )
        messages.append(
            to_json(
                {
                    "type": "state_update",
                    "mode": "replay",
                    "episode_id": opened.episode_id,
                    "run_id": opened.run_id,
                    "step": number,
                    "cumulative_reward": total,
                    "reward": reward,
                    "substrate": substrate,
                    "grid": {**size, "agents": agents, "affordances": affordances},
                    "agent_meters": agent_meters,
                    "q_values": q_values,
                    "action_masks": masks,
                    "time_of_day": clock,
                    "interaction_progress": progress,
                    "temporal": {"time_of_day": clock, "interaction_progress": progress},
                    "replay_metadata": {**fixed, "current_step": index, **whole},
                }
            )
        )
    return messages


def _field_of(name: str) -> str:
    """The field of a column, also of a group's."""
    place = parse_agent_column(name)
    return name if place is None else place[1]


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
