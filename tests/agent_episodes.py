"""A recording of three agents in two teams: one leaves, one joins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from recorder.agents import AgentInfo
from recorder.agents.columns import ROSTER, agent_column
from recorder.capture import EpisodeRecorder
from recorder.catalog import Catalog, RecordingRow
from recorder.episode_file import Episode, build_version1, build_version2, open_episode
from tests.capture.recorded import close_and_read
from tests.episodes import GRID, add_episode, make_chunks, make_metadata

__all__ = [
    "JOINS_AT",
    "LEAVES_AT",
    "NAMES",
    "SEEN",
    "SEEN_JOINS_AT",
    "SEEN_LEAVES_AT",
    "add_agent_episode",
    "agent_episode_columns",
    "agent_episode_table",
    "seen_by_agents",
    "write_agent_episode",
]

LEAVES_AT = 20
"""``red_1`` is terminated in the step before."""

JOINS_AT = 10
"""The first step of ``blue_0``, which has a group for itself, as agents that join have."""

NAMES: dict[str, Any] = {"action_names": ("up", "down", "stay"), "meter_names": ("energy", "mood")}

_FIRST_REWARD = {"red_0": 1.0, "red_1": 0.5, "blue_0": 2.0}
"""What each agent earns in every step in which it is present."""

SEEN = {
    name: np.random.default_rng(seed).integers(0, 256, (24, *shape), np.uint8)
    for seed, (name, shape) in enumerate({"red_0": (20, 24, 3), "red_1": (20, 24, 3), "blue_0": (18, 18)}.items())
}
"""What each agent of ``seen_by_agents`` sees in each step."""

SEEN_LEAVES_AT, SEEN_JOINS_AT = 10, 6
"""Of ``red_1``, which earns most, and of ``blue_0``, which has a group for itself."""


def seen_by_agents(*, shared: np.ndarray | None = None, has_positions: bool = True) -> Episode:
    """An episode whose agents see different pictures.

    Args:
        shared: a picture of the whole episode, for all steps.
    """
    recorder = EpisodeRecorder(strict=True)
    for step in range(24):
        agents = {
            name: {
                "reward": 9.0 if name == "red_1" else 1.0,
                "action": 1,
                "terminated": name == "red_1" and step == SEEN_LEAVES_AT - 1,
                "extras": {"observation": seen[step]},
                **({"position": (step % GRID, number)} if has_positions else {}),
            }
            for number, (name, seen) in enumerate(SEEN.items())
            if (name != "red_1" or step < SEEN_LEAVES_AT) and (name != "blue_0" or step >= SEEN_JOINS_AT)
        }
        beside = None if shared is None else {"extras": {"render": shared}}
        recorder.record_agents(7, step, agents, beside)
    recorder.finish_episode(7)
    return close_and_read(recorder)[7].episode


def write_agent_episode(
    path: Path, *, n_steps: int = 40, version: int = 2, compression: str = "lz4", **meta: Any
) -> Path:
    """Write the recording.

    Args:
        n_steps: more than ``LEAVES_AT``.
        meta: fields of the metadata that differ.
    """
    columns = agent_episode_columns(n_steps)
    schema, chunks = make_chunks(columns, chunk_steps=16)
    total = float(columns["reward"].sum())
    own = {"total_reward": total, "extrinsic_reward": total, "agents": agent_episode_table(n_steps)}
    metadata = make_metadata("agents", 0, n_steps, **{**own, **NAMES, **meta})
    data, _, _ = build_version2(
        metadata=metadata, reasons=("periodic_100",), schema=schema, chunks=chunks, compression=compression
    )
    if version == 1:
        steps = open_episode(data).steps()
        data, _ = build_version1(metadata=metadata, reasons=("periodic_100",), steps=steps, compression=compression)
    path.write_bytes(data)
    return path


def add_agent_episode(
    catalog: Catalog, folder: Path, *, run_id: str = "team", n_steps: int = 40, **meta: Any
) -> RecordingRow:
    """Write the recording below a folder of recordings, and index it."""
    columns = agent_episode_columns(n_steps)
    total = float(columns["reward"].sum())
    given = {"total_reward": total, "extrinsic_reward": total, "agents": agent_episode_table(n_steps), **NAMES, **meta}
    return add_episode(catalog, folder, run_id=run_id, n_steps=n_steps, columns=columns, chunk_steps=16, **given)


def agent_episode_table(n_steps: int) -> tuple[AgentInfo, ...]:
    """The agents of the recording."""
    rewards = _FIRST_REWARD
    n_blue = n_steps - JOINS_AT
    return (
        AgentInfo("red_0", "red", 0, 0, 0, n_steps - 1, rewards["red_0"] * n_steps, n_steps, "truncated"),
        AgentInfo("red_1", "red", 0, 1, 0, LEAVES_AT - 1, rewards["red_1"] * LEAVES_AT, LEAVES_AT, "terminated"),
        AgentInfo("blue_0", "blue", 1, 0, JOINS_AT, n_steps - 1, rewards["blue_0"] * n_blue, n_blue, "truncated"),
    )


def agent_episode_columns(n_steps: int) -> dict[str, np.ndarray]:
    """All columns of the recording."""
    agents = agent_episode_table(n_steps)
    own = [_columns_of(agent, n_steps, seed) for seed, agent in enumerate(agents)]
    columns: dict[str, np.ndarray] = {"reward": np.sum([each["reward"] for each in own], axis=0)}
    columns["truncated"] = np.arange(n_steps) == n_steps - 1
    columns["terminated"] = np.zeros(n_steps, np.bool_)
    columns["time_of_day"] = np.arange(n_steps, dtype=np.int64) % 24
    for group in (0, 1):
        members = [each for each, agent in zip(own, agents, strict=True) if agent.group == group]
        for field in members[0]:
            columns[agent_column(group, field)] = np.stack([member[field] for member in members], axis=1)
    rosters = [
        [[it.agent_id, it.team, it.group, it.slot] for it in agents if it.first_step <= t] for t in range(n_steps)
    ]
    columns[ROSTER] = np.array([json.dumps(roster) for roster in rosters], object)
    return columns


def _columns_of(agent: AgentInfo, n_steps: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    steps = np.arange(n_steps)
    present = (steps >= agent.first_step) & (steps <= agent.last_step)
    walk = np.clip(2 * seed + 1 + np.cumsum(random.integers(-1, 2, (n_steps, 2)), axis=0), 0, GRID - 1)
    values = {
        "present": present,
        "position": walk,
        "meters": np.stack([1 - steps / n_steps, np.full(n_steps, 0.25 * (seed + 1))], axis=1),
        "action": random.integers(0, 3, n_steps),
        "reward": np.full(n_steps, _FIRST_REWARD[agent.agent_id]),
        "terminated": (steps == agent.last_step) & (agent.outcome == "terminated"),
        "truncated": (steps == agent.last_step) & (agent.outcome == "truncated"),
        "q_values": random.normal(size=(n_steps, 3)),
        "extras.speed": random.random(n_steps),
    }
    absent = ~present
    for each in values.values():
        each[absent] = 0
    return values
