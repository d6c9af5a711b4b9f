"""The demo's training loop for several agents in one town: an agent that dies leaves, and the others go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from recorder.capture import EpisodeRecorder
from recorder.demo.agent import TableAgent
from recorder.demo.curriculum import Curriculum
from recorder.demo.result import Tally, TrainingProgress, TrainingResult
from recorder.demo.train import PROGRESS_INTERVAL_SECS, STEPS_PER_SECOND
from recorder.demo.world import ACTION_NAMES, MAX_STEPS, PLACES, STAGES, Action, TownStage, World
from recorder.episode import EpisodeMetadata, EpisodeStatus

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
    on_progress: Callable[[TrainingProgress], None] | None = None,
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
    curriculum = Curriculum(MAX_STEPS, STAGES)
    names = [f"agent_{index}" for index in range(n_agents)]
    episode_ids, steps = list(range(n_lanes)), [0] * n_lanes
    stages: list[TownStage] = [curriculum.stage] * n_lanes
    next_episode_id, n_steps = n_lanes, 0
    states, masks = world.states(), towns.masks()
    tally = Tally()
    reported, reported_steps = 0.0, -1

    def finish(lane: int, status: EpisodeStatus) -> None:
        visits = world.visits.reshape(n_lanes, n_agents, -1)[lane].sum(0)
        with tally.recording:
            # RECORDER: the episode's end. The returns of its agents are the sums of their rewards.
            recorder.finish_episode(
                episode_ids[lane],
                EpisodeMetadata(
                    episode_id=episode_ids[lane],
                    lane=lane,
                    survival_steps=steps[lane],
                    curriculum_stage=stages[lane].number,
                    epsilon=table.epsilon,
                    intrinsic_weight=stages[lane].intrinsic_weight,
                    affordance_layout=world.layout,
                    affordance_visits=dict(zip(PLACES, visits.tolist(), strict=False)),
                    env_steps=tally.env_steps,
                    status=status,
                ),
            )

    while tally.seconds < seconds:
        epsilon = table.epsilon
        rows = towns.present.ravel().nonzero()[0]
        actions, q_values = np.zeros(len(states), np.int64), np.zeros((len(states), len(ACTION_NAMES)), np.float32)
        actions[rows], q_values[rows] = table.act(states[rows], masks[rows])
        outcome = world.step(actions)
        there = towns.present.copy()
        towns.present &= ~outcome.terminated.reshape(there.shape)
        next_states, next_masks = world.states(), towns.masks()
        intrinsic = np.zeros(len(states), np.float32)
        intrinsic[rows] = table.novelty(next_states[rows])
        weights = np.repeat(np.array([stage.intrinsic_weight for stage in stages], np.float32), n_agents)
        rewards = outcome.reward + weights * intrinsic
        table.learn(
            states[rows], actions[rows], rewards[rows], next_states[rows], next_masks[rows], outcome.terminated[rows]
        )
        tally.env_steps += n_lanes
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
            with tally.recording:
                # RECORDER: one step of a town, with the agents that live.
                recorder.record_agents(episode_ids[lane], steps[lane], fields, {"epsilon": epsilon}, lane=lane)
            steps[lane] += 1
        states, masks = next_states, next_masks
        is_over: Array = np.logical_not(towns.present.any(1)) | outcome.truncated.reshape(there.shape).any(1)
        ended = is_over.nonzero()[0].tolist()
        for lane in ended:
            if tally.count_episode(steps[lane]):
                with tally.recording:
                    # RECORDER: criteria select episodes; this keeps one for a custom reason.
                    recorder.keep(episode_ids[lane], "longest_life")
            finish(lane, EpisodeStatus.COMPLETE)
            curriculum.episode_ended(episode_ids[lane], stage=stages[lane], survival_steps=steps[lane])
            episode_ids[lane], steps[lane], stages[lane] = next_episode_id, 0, curriculum.stage
            next_episode_id += 1
        if ended:
            towns.reset(ended, curriculum.stage)
            states, masks = world.states(), towns.masks()
        n_steps += 1
        with tally.waiting:
            time.sleep(max(0.0, n_steps / STEPS_PER_SECOND - tally.seconds))
        if on_progress is not None and tally.seconds - reported >= PROGRESS_INTERVAL_SECS:
            reported, reported_steps = tally.seconds, tally.env_steps
            on_progress(tally.progress(stage=curriculum.stage.number, epsilon=table.epsilon))

    # These are cut off by the end of the run.
    for lane in range(n_lanes):
        if steps[lane]:
            finish(lane, EpisodeStatus.TRUNCATED)
    if on_progress is not None and reported_steps != tally.env_steps:
        on_progress(tally.progress(stage=curriculum.stage.number, epsilon=table.epsilon))
    return tally.result(curriculum)
