"""Record any Gymnasium environment: ``python -m examples.gymnasium_env --env CartPole-v1 --episodes 20``.

A random policy plays; put your own in its place. Nothing but the line with ``RecordEpisode`` has to do with recording.
"""

from __future__ import annotations

import argparse
from typing import Any

import gymnasium

from recorder.wrappers import AutoSeed, RecordEpisode

__all__ = ["play_episodes"]


def play_episodes(env: gymnasium.Env[Any, Any], *, n_episodes: int, seed: int | None = 0) -> None:
    """Play ``n_episodes`` with random actions.

    Args:
        seed: of the actions and of the first episode; None leaves both to chance.
    """
    env.action_space.seed(seed)
    for number in range(n_episodes):
        env.reset(seed=seed if number == 0 else None)
        is_over = False
        while not is_over:
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            is_over = terminated or truncated


def main() -> int:
    """Record as the arguments say; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m examples.gymnasium_env", description=__doc__)
    parser.add_argument("--env", default="CartPole-v1", help="id of the environment (CartPole-v1)")
    parser.add_argument("--episodes", type=int, default=20, help="episodes to play (20)")
    parser.add_argument("--seed", type=int, default=0, help="of the actions and the first episode (0)")
    parser.add_argument(
        "--redis", metavar="URL", default="redis://localhost:6379/0", help="the server to record through"
    )
    parser.add_argument("--run-id", help="name of the run (made up by the recorder)")
    arguments = parser.parse_args()
    # AutoSeed gives every episode a seed of its own, which is recorded: any of them can be played again alone.
    env = RecordEpisode(AutoSeed(gymnasium.make(arguments.env)), arguments.redis, run_id=arguments.run_id)
    try:
        play_episodes(env, n_episodes=arguments.episodes, seed=arguments.seed)
    finally:
        env.close()  # sends what is left, and ends the run
    assert env.recorder is not None
    print(f"recorded {arguments.episodes} episodes of {arguments.env}: {env.recorder.stats()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
