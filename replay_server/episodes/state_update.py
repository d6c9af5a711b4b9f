"""``state_update``: one step in the format of the original protocol, encoded once per episode for all viewers."""

from __future__ import annotations

from recorder.agents.columns import parse_agent_column
from recorder.errors import EpisodeFileTooLargeError
from recorder.recordings.steps import values_of
from recorder.values.json_text import to_json
from replay_server.episodes.agents_in_steps import agents_in_steps, one_agent
from replay_server.episodes.recorded import OpenedRecording

__all__ = ["state_updates"]

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
