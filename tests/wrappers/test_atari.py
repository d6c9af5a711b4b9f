"""Atari games that are a vector by themselves: what is recorded is what a loop by hand logs."""

from __future__ import annotations

import numpy as np
from ale_py.vector_env import AtariVectorEnv

from recorder.capture import EpisodeRecorder
from recorder.wrappers.vector import RecordEpisode
from tests.capture.recorded import close_and_read

N_LANES = 2


def test_lanes_of_a_vector_of_games_are_recorded_whole() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordEpisode(
        AtariVectorEnv("pong", num_envs=N_LANES, max_num_frames_per_episode=80), recorder, record_observations=True
    )
    envs.reset(seed=1)
    logs: list[list[tuple[int, float, bool, bool, int]]] = [[] for _ in range(N_LANES)]
    is_reset = np.zeros(N_LANES, bool)
    for call in range(50):
        actions = np.array([call % 6, 5 * call % 6])
        observations, rewards, terminated, truncated, _ = envs.step(actions)
        for lane in np.flatnonzero(~is_reset):
            seen = int(observations[lane].sum())
            logs[lane].append((actions[lane], rewards[lane], terminated[lane], truncated[lane], seen))
        is_reset = terminated | truncated
    envs.close()
    recorded: list[list[tuple[int, float, bool, bool, int]]] = [[] for _ in range(N_LANES)]
    lengths = []
    for _, ended in sorted(close_and_read(recorder).items()):
        episode = ended.episode
        lengths.append(ended.metadata.n_steps)
        assert ended.metadata.action_names == ("noop", "fire", "right", "left", "rightfire", "leftfire")
        seen = [int(observation.sum()) for observation in episode.column("extras.observation")]
        columns = [episode.column(name).tolist() for name in ("action", "reward", "terminated", "truncated")]
        recorded[ended.metadata.lane] += zip(*columns, seen, strict=True)
    assert lengths[: 2 * N_LANES] == [20] * 2 * N_LANES
    assert recorded == logs
