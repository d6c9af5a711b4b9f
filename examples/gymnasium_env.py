"""Record any Gymnasium environment: ``python -m examples.gymnasium_env --env CartPole-v1 --episodes 20``.

A random policy plays; put your own in its place. The observation goes into ``extras``, whatever its shape.
"""

from __future__ import annotations

import argparse
from typing import Any

import gymnasium

from recorder import EpisodeMetadata, EpisodeRecorder, Substrate

__all__ = ["record_episodes"]


def record_episodes(env: gymnasium.Env[Any, Any], recorder: EpisodeRecorder, *, n_episodes: int, seed: int = 0) -> None:
    """Play ``n_episodes`` with random actions and record them.

    Args:
        env: its observations are arrays or scalars, its actions discrete or continuous.
        recorder: gets every step; closing it is left to the caller.
        seed: of the first episode; each later one counts up, so that any of them can be played again alone.
    """
    env_id = env.spec.id if env.spec else type(env.unwrapped).__name__
    env.action_space.seed(seed)
    for episode_id in range(n_episodes):
        env.reset(seed=seed + episode_id)
        step, done = 0, False
        while not done:
            action = env.action_space.sample()
            observation, reward, terminated, truncated, _ = env.step(action)
            done = terminated or truncated
            recorder.record_step(
                episode_id,
                step,
                position=(),  # CartPole lives on no grid and has no meters: both may be empty
                meters=(),
                action=action,
                reward=float(reward),
                done=done,
                terminated=terminated,
                truncated=truncated,
                extras={"observation": observation},
            )
            step += 1
        # Lengths and returns are summed from the steps; the rest is what you want to find again later.
        recorder.finish_episode(
            episode_id,
            EpisodeMetadata(substrate=Substrate("aspatial", 0), info={"env_id": env_id, "seed": seed + episode_id}),
        )


def main() -> int:
    """Record as the arguments say; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m examples.gymnasium_env", description=__doc__)
    parser.add_argument("--env", default="CartPole-v1", help="id of the environment (CartPole-v1)")
    parser.add_argument("--episodes", type=int, default=20, help="episodes to play (20)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first episode (0)")
    parser.add_argument(
        "--redis", metavar="URL", default="redis://localhost:6379/0", help="the server to record through"
    )
    parser.add_argument("--run-id", help="name of the run (made up by the recorder)")
    arguments = parser.parse_args()
    with gymnasium.make(arguments.env) as env, EpisodeRecorder(arguments.redis, run_id=arguments.run_id) as recorder:
        record_episodes(env, recorder, n_episodes=arguments.episodes, seed=arguments.seed)
        print(f"recorded {arguments.episodes} episodes of {arguments.env}: {recorder.stats()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
