"""The demo's training loop, with three calls of the recorder, each marked ``# RECORDER``."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from recorder.capture import EpisodeRecorder
from recorder.demo.agent import TableAgent
from recorder.demo.curriculum import Curriculum
from recorder.demo.result import Tally, TrainingProgress, TrainingResult
from recorder.demo.world import ACTION_NAMES, MAX_STEPS, PLACES, STAGES, TownStage, World
from recorder.episode import EpisodeMetadata, EpisodeStatus

__all__ = ["train"]

PROGRESS_INTERVAL_SECS = 5.0
STEPS_PER_SECOND = 250
"""Vector steps. At full speed, learning would finish before you can open the page."""


def train(
    *,
    recorder: EpisodeRecorder,
    n_lanes: int,
    seconds: float,
    seed: int,
    on_progress: Callable[[TrainingProgress], None] | None = None,
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
    curriculum = Curriculum(MAX_STEPS, STAGES)
    lanes, episode_ids, steps = np.arange(n_lanes), np.arange(n_lanes), np.zeros(n_lanes, dtype=np.int64)
    stages: list[TownStage] = [curriculum.stage] * n_lanes
    next_episode_id, n_steps = n_lanes, 0
    states, masks = world.states(), world.masks()
    tally = Tally()
    reported, reported_steps = 0.0, -1

    def finish(lane: int, status: EpisodeStatus) -> None:
        stage = stages[lane]
        with tally.recording:
            # RECORDER: the episode's end, with metadata that only the trainer has.
            recorder.finish_episode(
                int(episode_ids[lane]),
                EpisodeMetadata(
                    episode_id=int(episode_ids[lane]),
                    lane=lane,
                    survival_steps=int(steps[lane]),
                    curriculum_stage=stage.number,
                    epsilon=epsilon,
                    intrinsic_weight=stage.intrinsic_weight,
                    affordance_layout=world.layout,
                    affordance_visits=dict(zip(PLACES, world.visits[lane].tolist(), strict=False)),
                    env_steps=tally.env_steps,
                    status=status,
                ),
            )

    while tally.seconds < seconds:
        epsilon = agent.epsilon
        actions, q_values = agent.act(states, masks)
        outcome = world.step(actions)
        next_states, next_masks = world.states(), world.masks()
        intrinsic = agent.novelty(next_states)
        weights = np.array([stage.intrinsic_weight for stage in stages], dtype=np.float32)
        agent.learn(states, actions, outcome.reward + weights * intrinsic, next_states, next_masks, outcome.terminated)
        tally.env_steps += n_lanes
        with tally.recording:
            # RECORDER: one step of every lane. The state is the one after the action; Q-values, masks and epsilon are
            # from before it.
            recorder.record_batch(
                episode_ids,
                steps,
                world.position,
                world.meters,
                actions,
                outcome.reward,
                intrinsic,
                q_values=q_values,
                terminated=outcome.terminated,
                truncated=outcome.truncated,
                epsilon=np.full(n_lanes, epsilon, dtype=np.float32),
                action_masks=masks,
                lanes=lanes,
            )
        steps += 1
        states, masks = next_states, next_masks
        ended = (outcome.terminated | outcome.truncated).nonzero()[0].tolist()
        for lane in ended:
            if tally.count_episode(int(steps[lane])):
                with tally.recording:
                    # RECORDER: criteria select episodes; this keeps one for a custom reason.
                    recorder.keep(int(episode_ids[lane]), "longest_life")
            finish(lane, EpisodeStatus.COMPLETE)
            curriculum.episode_ended(int(episode_ids[lane]), stage=stages[lane], survival_steps=int(steps[lane]))
            episode_ids[lane], steps[lane], stages[lane] = next_episode_id, 0, curriculum.stage
            next_episode_id += 1
        if ended:
            world.reset(ended, curriculum.stage)
            states, masks = world.states(), world.masks()
        n_steps += 1
        with tally.waiting:
            time.sleep(max(0.0, n_steps / STEPS_PER_SECOND - tally.seconds))
        if on_progress is not None and tally.seconds - reported >= PROGRESS_INTERVAL_SECS:
            reported, reported_steps = tally.seconds, tally.env_steps
            on_progress(tally.progress(stage=curriculum.stage.number, epsilon=agent.epsilon))

    # These are cut off by the end of the run.
    for lane in steps.nonzero()[0].tolist():
        finish(lane, EpisodeStatus.TRUNCATED)
    if on_progress is not None and reported_steps != tally.env_steps:
        on_progress(tally.progress(stage=curriculum.stage.number, epsilon=agent.epsilon))
    return tally.result(curriculum)
