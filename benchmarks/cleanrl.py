"""What recording costs training loops as people copy them: one file, one network, no framework.

Their structure is that of CleanRL's ``dqn.py`` and ``ppo.py``; the code is this project's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import nn

from benchmarks.stack import KEEP_ALL, Stack, StackError, running_stack
from recorder import EpisodeRecorder
from recorder.wrappers import RecordEpisode
from recorder.wrappers.vector import RecordEpisode as RecordEpisodes

__all__ = ["measure_cleanrl_overhead"]

_ENV_ID = "CartPole-v1"
_N_LANES = 4
_ROLLOUT_STEPS = 128

Train = Callable[[EpisodeRecorder | None, int, int], float]
"""Takes the recorder, the number of environment steps and the seed; gives the process's CPU seconds."""


def measure_cleanrl_overhead(*, quick: bool) -> dict[str, float]:
    """``cleanrl_overhead_pct``: the greater of the medians of a DQN of one lane and a PPO of four.

    CPU time of the trainer's process, its threads included; with and without a recorder in turn, the same seed in a pair.
    """
    n_pairs, n_dqn, n_ppo = (2, 600, 1024) if quick else (15, 6_000, 16_384)
    torch.set_num_threads(1)
    with running_stack(KEEP_ALL) as stack:
        dqn = _overhead_pct(stack, "dqn", train_dqn, n_dqn, n_pairs)
        ppo = _overhead_pct(stack, "ppo", train_ppo, n_ppo, n_pairs)
    return {"cleanrl_overhead_pct": max(dqn, ppo), "cleanrl_dqn_overhead_pct": dqn, "cleanrl_ppo_overhead_pct": ppo}


def _overhead_pct(stack: Stack, name: str, train: Train, n_steps: int, n_pairs: int) -> float:
    train(None, n_steps // 4, 0)
    overheads = []
    for pair in range(n_pairs):
        without = None if pair % 2 else train(None, n_steps, pair)
        with EpisodeRecorder(stack.url, run_id=f"bench-{name}-{pair}") as recorder:
            recorded = train(recorder, n_steps, pair)
        if recorder.stats().n_missing_steps:
            raise StackError(f"steps were lost: {recorder.stats()}")
        if without is None:
            without = train(None, n_steps, pair)
        overheads.append(100 * (recorded / without - 1))
    return median(overheads)


def train_dqn(recorder: EpisodeRecorder | None, n_steps: int, seed: int) -> float:
    """One lane: a step, now and then a batch out of the replay buffer."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    env = RecordEpisode(gymnasium.make(_ENV_ID), recorder) if recorder else gymnasium.make(_ENV_ID)
    network, target = _mlp(4, 2, 120, 84), _mlp(4, 2, 120, 84)
    target.load_state_dict(network.state_dict())
    optimizer = torch.optim.Adam(network.parameters(), lr=2.5e-4)
    buffer: dict[str, np.ndarray[Any, Any]] = {
        "obs": np.zeros((n_steps, 4), np.float32),
        "next_obs": np.zeros((n_steps, 4), np.float32),
        "action": np.zeros(n_steps, np.int64),
        "reward": np.zeros(n_steps, np.float32),
        "done": np.zeros(n_steps, np.float32),
    }
    began = time.process_time()
    obs, _ = env.reset(seed=seed)
    for step in range(n_steps):
        if rng.random() < max(0.05, 1.0 - step / (n_steps / 2)):
            action = int(rng.integers(2))
        else:
            with torch.no_grad():
                action = int(network(torch.from_numpy(obs)).argmax())
        next_obs, reward, terminated, truncated, _ = env.step(action)
        for name, value in zip(buffer, (obs, next_obs, action, reward, terminated), strict=True):
            buffer[name][step] = value
        obs = env.reset()[0] if terminated or truncated else next_obs
        if step > 128 and step % 10 == 0:
            chosen = rng.integers(0, step, 128)
            batch = {name: torch.from_numpy(values[chosen]) for name, values in buffer.items()}
            with torch.no_grad():
                goal = batch["reward"] + 0.99 * target(batch["next_obs"]).amax(1) * (1 - batch["done"])
            guess = network(batch["obs"]).gather(1, batch["action"][:, None]).squeeze(1)
            _descend(optimizer, nn.functional.mse_loss(guess, goal))
        if step % 500 == 0:
            target.load_state_dict(network.state_dict())
    secs = time.process_time() - began
    env.close()
    return secs


def train_ppo(recorder: EpisodeRecorder | None, n_steps: int, seed: int) -> float:
    """Four lanes: a rollout of 128 steps, then four epochs of four batches."""
    torch.manual_seed(seed)
    bare = gymnasium.vector.SyncVectorEnv([lambda: gymnasium.make(_ENV_ID)] * _N_LANES)
    envs: Any = RecordEpisodes(bare, recorder) if recorder else bare
    actor, critic = _mlp(4, 2, 64, 64), _mlp(4, 1, 64, 64)
    optimizer = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=2.5e-4)
    each = (_ROLLOUT_STEPS, _N_LANES)
    observations, actions = torch.zeros((*each, 4)), torch.zeros(each, dtype=torch.int64)
    logs, rewards, dones, values = (torch.zeros(each) for _ in range(4))
    began = time.process_time()
    next_obs, next_done = torch.from_numpy(envs.reset(seed=seed)[0]), torch.zeros(_N_LANES)
    for _ in range(n_steps // (_ROLLOUT_STEPS * _N_LANES)):
        for step in range(_ROLLOUT_STEPS):
            observations[step], dones[step] = next_obs, next_done
            with torch.no_grad():
                choice = torch.distributions.Categorical(logits=actor(next_obs))
                action = choice.sample()
                values[step], logs[step] = critic(next_obs).flatten(), choice.log_prob(action)
            actions[step] = action
            obs, reward, terminated, truncated, _ = envs.step(action.numpy())
            rewards[step] = torch.from_numpy(np.asarray(reward, np.float32))
            next_obs, next_done = torch.from_numpy(obs), torch.from_numpy((terminated | truncated).astype(np.float32))
        with torch.no_grad():
            advantages = _advantages(rewards, values, dones, critic(next_obs).flatten(), next_done)
        flat = [part.reshape(-1, *part.shape[2:]) for part in (observations, actions, logs, advantages, values)]
        for _epoch in range(4):
            for chosen in torch.randperm(_ROLLOUT_STEPS * _N_LANES).chunk(4):
                _descend(optimizer, _ppo_loss(actor, critic, *(part[chosen] for part in flat)))
    secs = time.process_time() - began
    envs.close()
    return secs


def _advantages(
    rewards: torch.Tensor, values: torch.Tensor, dones: torch.Tensor, last: torch.Tensor, last_done: torch.Tensor
) -> torch.Tensor:
    """Generalised advantage estimates."""
    advantages, running = torch.zeros_like(rewards), torch.zeros(_N_LANES)
    for step in reversed(range(_ROLLOUT_STEPS)):
        is_last = step == _ROLLOUT_STEPS - 1
        goes_on = 1.0 - (last_done if is_last else dones[step + 1])
        change = rewards[step] + 0.99 * (last if is_last else values[step + 1]) * goes_on - values[step]
        running = change + 0.99 * 0.95 * goes_on * running
        advantages[step] = running
    return advantages


def _ppo_loss(
    actor: nn.Module,
    critic: nn.Module,
    observations: torch.Tensor,
    actions: torch.Tensor,
    logs: torch.Tensor,
    advantages: torch.Tensor,
    values: torch.Tensor,
) -> torch.Tensor:
    choice = torch.distributions.Categorical(logits=actor(observations))
    ratio = (choice.log_prob(actions) - logs).exp()
    normal = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    policy = -torch.min(normal * ratio, normal * ratio.clamp(0.8, 1.2)).mean()
    value = 0.5 * (critic(observations).flatten() - advantages - values).pow(2).mean()
    loss: torch.Tensor = policy + 0.5 * value - 0.01 * choice.entropy().mean()
    return loss


def _mlp(n_in: int, n_out: int, *n_hidden: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n_units in n_hidden:
        layers += [nn.Linear(n_in, n_units), nn.Tanh()]
        n_in = n_units
    return nn.Sequential(*layers, nn.Linear(n_in, n_out))


def _descend(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
