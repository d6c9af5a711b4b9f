"""The demo's training loop for several agents in one town: an agent that dies leaves, and the others go on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recorder.capture import EpisodeRecorder
from recorder.demo.agent import TableAgent
from recorder.demo.lanes import Lanes, OnProgress
from recorder.demo.result import TrainingResult
from recorder.demo.world import ACTION_NAMES, Action, TownStage, World

__all__ = ["MAX_AGENTS", "Towns", "train_team"]

Array = npt.NDArray[Any]

MAX_AGENTS = 8
"""In one town, which has 36 cells and 4 places."""


class Towns:
    """Towns with several agents each. A place serves one agent at a time: of those that stand on it, the first.

    Rows of ``world`` are agents: those of a town follow one another.

    Attributes: ``present`` bool[n_towns, n_agents]: who lives.
    """

    def __init__(self, n_towns: int, n_agents: int, *, seed: int = 0) -> None:
        self.world = World(n_towns * n_agents, seed=seed)
        self.present = np.ones((n_towns, n_agents), dtype=np.bool_)
        self._n_agents = n_agents

    def reset(self, towns: list[int], stage: TownStage) -> None:
        """Begin a new episode in these towns."""
        rows = np.arange(self.present.size).reshape(self.present.shape)[towns].ravel()
        self.world.reset(rows, stage)
        self.present[towns] = True

    def masks(self) -> Array:
        """bool[n_towns * n_agents, 5]: allowed actions of each agent."""
        masks = self.world.masks()
        cells = self.world.position.reshape(*self.present.shape, 2)
        for agent in range(1, self._n_agents):
            is_taken = (cells[:, :agent] == cells[:, agent : agent + 1]).all(2) & self.present[:, :agent]
            masks[agent :: self._n_agents, Action.INTERACT] &= ~is_taken.any(1)
        return masks


def train_team(
    *,
    recorder: EpisodeRecorder,
    n_agents: int,
    n_lanes: int,
    seconds: float,
    seed: int,
    on_progress: OnProgress | None = None,
) -> TrainingResult:
    """Train new agents, which share one table, until the time is up.

    Args:
        recorder: receives every step and episode; the caller closes it.
        n_agents: agents of each episode, at most ``MAX_AGENTS``.
        n_lanes: number of parallel towns.
        seconds: length of the run.
        seed: seed of world and agents.
        on_progress: called every five seconds, and at the end.
    """
    towns = Towns(n_lanes, n_agents, seed=seed)
    world = towns.world
    table = TableAgent(world.n_states, len(ACTION_NAMES), seed=seed)
    names = [f"agent_{index}" for index in range(n_agents)]
    states, masks = world.states(), towns.masks()
    lanes = Lanes(recorder, world, table, n_lanes, on_progress)
    while lanes.tally.seconds < seconds:
        lanes.begin_round()
        rows = towns.present.ravel().nonzero()[0]
        actions, q_values = np.zeros(len(states), np.int64), np.zeros((len(states), len(ACTION_NAMES)), np.float32)
        actions[rows], q_values[rows] = table.act(states[rows], masks[rows])
        outcome = world.step(actions)
        there = towns.present.copy()
        towns.present &= ~outcome.terminated.reshape(there.shape)
        next_states, next_masks = world.states(), towns.masks()
        intrinsic = np.zeros(len(states), np.float32)
        intrinsic[rows] = table.novelty(next_states[rows])
        rewards = outcome.reward + np.repeat(lanes.intrinsic_weights, n_agents) * intrinsic
        table.learn(
            states[rows], actions[rows], rewards[rows], next_states[rows], next_masks[rows], outcome.terminated[rows]
        )
        lanes.tally.env_steps += n_lanes
        for lane in range(n_lanes):
            fields = {
                names[row % n_agents]: {
                    "position": world.position[row],
                    "meters": world.meters[row],
                    "action": actions[row],
                    "reward": outcome.reward[row],
                    "intrinsic_reward": intrinsic[row],
                    "terminated": outcome.terminated[row],
                    "truncated": outcome.truncated[row],
                    "q_values": q_values[row],
                    "action_masks": masks[row],
                }
                for row in range(lane * n_agents, (lane + 1) * n_agents)
                if there.flat[row]
            }
            with lanes.tally.recording:
                # RECORDER: one step of a town, with the agents that live. Their returns are the sums of their rewards.
                recorder.record_agents(
                    int(lanes.episode_ids[lane]), int(lanes.steps[lane]), fields, {"epsilon": lanes.epsilon}, lane=lane
                )
        lanes.steps += 1
        states, masks = next_states, next_masks
        is_over: Array = np.logical_not(towns.present.any(1)) | outcome.truncated.reshape(there.shape).any(1)
        ended = is_over.nonzero()[0].tolist()
        for lane in ended:
            lanes.end(lane)
        if ended:
            towns.reset(ended, lanes.stage)
            states, masks = world.states(), towns.masks()
        lanes.end_round()
    return lanes.close()
