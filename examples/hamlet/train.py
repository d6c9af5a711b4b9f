"""The training loop with the recorder in it: look for ``# RECORDER``, that is all you would add to a loop of your own.

``train`` is a plain function: the same seed lives the same lives with a recorder and without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from examples.hamlet.affordances import AFFORDANCES
from examples.hamlet.agent import DQNAgent
from examples.hamlet.curriculum import STAGES
from examples.hamlet.environment import ACTION_NAMES, MAX_STEPS, HamletEnvironment
from examples.hamlet.lives import EndedLife, Lives
from examples.hamlet.novelty import RandomNetworkDistillation
from examples.hamlet.transition_memory import Transitions
from recorder import EpisodeMetadata, EpisodeRecorder, EpisodeStatus
from recorder.demo.curriculum import Curriculum
from recorder.demo.result import Tally, TrainingProgress, TrainingResult

__all__ = ["train"]

PROGRESS_INTERVAL_SECS = 5.0


def train(
    *,
    recorder: EpisodeRecorder | None = None,
    n_lanes: int = 32,
    seconds: float | None = None,
    env_steps: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    on_progress: Callable[[TrainingProgress], None] | None = None,
) -> TrainingResult:
    """Train a fresh agent until the time is up or the steps are lived, whichever comes first.

    Args:
        recorder: gets every step and every episode; None trains without. Closing it is left to the caller.
        n_lanes: lives lived side by side.
        seconds: length of the run; None sets no limit.
        env_steps: steps to live, all lanes together, rounded up to whole vector steps; None sets no limit.
        seed: of the world, the weights and the agent.
        device: a torch device. On a CPU, ``torch.set_num_threads(1)`` is fastest: the tensors are small.
        on_progress: called every five seconds, and at the end where that is later.

    Raises:
        ValueError: neither ``seconds`` nor ``env_steps`` is given.
    """
    if seconds is None and env_steps is None:
        raise ValueError("train needs an end: give seconds=, env_steps= or both")
    torch.manual_seed(seed)
    env = HamletEnvironment(n_lanes, seed=seed, device=device)
    agent = DQNAgent(env.n_observations, len(ACTION_NAMES), seed=seed, device=device)
    novelty = RandomNetworkDistillation(env.n_observations, device=device)
    curriculum = Curriculum(MAX_STEPS, STAGES)
    lives = Lives(n_lanes, curriculum.stage, device=device)
    observation, masks = env.observe(), env.action_masks()
    epsilons = np.empty(n_lanes, dtype=np.float32)
    tally = Tally()
    reported, reported_steps = 0.0, -1
    while (seconds is None or tally.seconds < seconds) and (env_steps is None or tally.env_steps < env_steps):
        epsilon = agent.epsilon
        actions, q_values = agent.act(observation, masks)
        outcome = env.step(actions)
        next_observation, next_masks = env.observe(), env.action_masks()
        intrinsic = novelty.reward(next_observation)
        learned_from = outcome.reward + lives.intrinsic_weight * intrinsic
        agent.learn(Transitions(observation, actions, learned_from, next_observation, next_masks, outcome.terminated))
        tally.env_steps += n_lanes

        if recorder is not None:
            with tally.recording:
                epsilons.fill(epsilon)
                # RECORDER: one step of every lane. Tensors go in as they are, from any device; they are copied in this
                # call, so what is reset below stays recorded. The state is the one reached by the action; Q-values,
                # masks and epsilon are what the action was chosen from.
                recorder.record_batch(
                    lives.episode_ids,
                    lives.steps,
                    env.position,
                    env.meters,
                    actions,
                    outcome.reward,
                    intrinsic,
                    q_values=q_values,
                    time_of_day=env.time_of_day,
                    interaction_progress=env.interaction_progress,
                    terminated=outcome.terminated,
                    truncated=outcome.truncated,
                    epsilon=epsilons,
                    action_masks=masks,
                    lanes=lives.lanes,
                )
        lives.steps += 1

        observation, masks = next_observation, next_masks
        ended = (outcome.terminated | outcome.truncated).nonzero().flatten().tolist()
        for lane in ended:
            life = lives.end(lane)
            is_longest = tally.count_episode(life.n_steps)
            if recorder is not None:
                with tally.recording:
                    if is_longest:
                        # RECORDER: criteria decide what is kept; this keeps an episode for a reason of your own.
                        recorder.keep(life.episode_id, "longest_life")
                    # RECORDER: the episode's end, with what only the trainer knows: returns are summed from the steps.
                    recorder.finish_episode(life.episode_id, _metadata(life, env, epsilon, tally.env_steps))
            curriculum.episode_ended(life.episode_id, stage=life.stage, survival_steps=life.n_steps)
            lives.begin(lane, curriculum.stage)
        if ended:
            env.reset(ended, curriculum.stage)
            observation, masks = env.observe(), env.action_masks()

        if on_progress is not None and tally.seconds - reported >= PROGRESS_INTERVAL_SECS:
            reported, reported_steps = tally.seconds, tally.env_steps
            on_progress(tally.progress(stage=curriculum.stage.number, epsilon=agent.epsilon))

    if recorder is not None:
        for life in map(lives.end, np.flatnonzero(lives.steps).tolist()):
            # RECORDER: what is still open when training ends, so that its stage is known too. ``close`` would end it without.
            told = _metadata(life, env, agent.epsilon, tally.env_steps)
            recorder.finish_episode(life.episode_id, replace(told, status=EpisodeStatus.TRUNCATED))
    if on_progress is not None and reported_steps != tally.env_steps:
        on_progress(tally.progress(stage=curriculum.stage.number, epsilon=agent.epsilon))
    return tally.result(curriculum)


def _metadata(life: EndedLife, env: HamletEnvironment, epsilon: float, env_steps: int) -> EpisodeMetadata:
    """What the recorder can't see in the steps."""
    visits = dict(zip((a.name for a in AFFORDANCES), env.visits[life.lane].tolist(), strict=False))
    return EpisodeMetadata(
        episode_id=life.episode_id,
        lane=life.lane,
        survival_steps=life.n_steps,
        curriculum_stage=life.stage.number,
        epsilon=epsilon,
        intrinsic_weight=life.stage.intrinsic_weight,
        affordance_layout={name: env.layout[name] for name in life.stage.affordances},
        affordance_visits={name: visits[name] for name in life.stage.affordances},
        env_steps=env_steps,
    )
