"""The demo's training loop, with three calls of the recorder, each marked ``# RECORDER``: a step here, the two at the end of an
episode in ``lanes.py``."""

from __future__ import annotations

import numpy as np

from recorder.capture import EpisodeRecorder
from recorder.demo.agent import TableAgent
from recorder.demo.lanes import Lanes, OnProgress
from recorder.demo.result import TrainingResult
from recorder.demo.world import ACTION_NAMES, World

__all__ = ["train"]


def train(
    *, recorder: EpisodeRecorder, n_lanes: int, seconds: float, seed: int, on_progress: OnProgress | None = None
) -> TrainingResult:
    """Train a new agent until the time is up.

    Args:
        recorder: receives every step and episode; the caller closes it.
        n_lanes: number of parallel environments.
        seconds: length of the run.
        seed: seed of world and agent.
        on_progress: called every five seconds, and at the end.
    """
    world = World(n_lanes, seed=seed)
    agent = TableAgent(world.n_states, len(ACTION_NAMES), seed=seed)
    states, masks = world.states(), world.masks()
    lanes = Lanes(recorder, world, agent, n_lanes, on_progress)
    while lanes.tally.seconds < seconds:
        lanes.begin_round()
        actions, q_values = agent.act(states, masks)
        outcome = world.step(actions)
        next_states, next_masks = world.states(), world.masks()
        intrinsic = agent.novelty(next_states)
        rewards = outcome.reward + lanes.intrinsic_weights * intrinsic
        agent.learn(states, actions, rewards, next_states, next_masks, outcome.terminated)
        lanes.tally.env_steps += n_lanes
        with lanes.tally.recording:
            # RECORDER: one step of every lane. The state is the one after the action; Q-values, masks and epsilon are
            # from before it.
            recorder.record_batch(
                lanes.episode_ids,
                lanes.steps,
                world.position,
                world.meters,
                actions,
                outcome.reward,
                intrinsic,
                q_values=q_values,
                terminated=outcome.terminated,
                truncated=outcome.truncated,
                epsilon=np.full(n_lanes, lanes.epsilon, dtype=np.float32),
                action_masks=masks,
                lanes=np.arange(n_lanes),
            )
        lanes.steps += 1
        states, masks = next_states, next_masks
        ended = (outcome.terminated | outcome.truncated).nonzero()[0].tolist()
        for lane in ended:
            lanes.end(lane)
        if ended:
            world.reset(ended, lanes.stage)
            states, masks = world.states(), world.masks()
        lanes.end_round()
    return lanes.close()
