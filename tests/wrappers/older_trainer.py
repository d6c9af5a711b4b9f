"""A trainer as CleanRL's scripts have it, for Gymnasium 0.29 and Python 3.10: ``python older_trainer.py URL``.

It prints the versions, and the modules of the recorder that it has loaded.
"""

from __future__ import annotations

import json
import sys
import warnings
from functools import partial

import gymnasium
import numpy as np

warnings.simplefilter("error")

from recorder.wrappers import AutoSeed, RecordEpisode  # noqa: E402 - warnings at their import are errors, too
from recorder.wrappers.vector import RecordEpisode as RecordEpisodes  # noqa: E402
from tests.wrappers.counting_env import N_ACTIONS, CountingEnv  # noqa: E402

N_LANES = 4
N_CALLS = 40


def main(url: str) -> None:
    """Train in lanes, in lanes of other processes, and alone."""
    for run_id, vectorize in (("sync", gymnasium.vector.SyncVectorEnv), ("async", gymnasium.vector.AsyncVectorEnv)):
        envs = RecordEpisodes(vectorize([partial(CountingEnv, lane) for lane in range(N_LANES)]), url, run_id=run_id)
        assert envs.num_envs == N_LANES
        assert envs.single_action_space.n == N_ACTIONS
        envs.reset(seed=3)
        for call in range(N_CALLS):
            envs.step((np.arange(N_LANES) * 7 + call * 13) % N_ACTIONS)
        envs.close()
    env = RecordEpisode(AutoSeed(gymnasium.make("CartPole-v1", max_episode_steps=20)), url, run_id="single")
    for _ in range(2):
        env.reset()
        while not any(env.step(0)[2:4]):
            pass
    env.close()
    loaded = sorted(name for name in sys.modules if name.split(".")[0] == "recorder")
    print(json.dumps({"gymnasium": gymnasium.__version__, "python": sys.version_info[:2], "loaded": loaded}))


if __name__ == "__main__":
    main(sys.argv[1])
