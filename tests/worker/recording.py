"""Trainers that record in threads of the test, and remember the order in which their episodes ended."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from recorder import EpisodeRecorder
from recorder.capture import PublisherLimits
from recorder.step_stream import Flush, Play, RedisStepStream

QUICK = PublisherLimits(flush_interval_secs=0.02, heartbeat_secs=0.2)


class NotingStream(RedisStepStream):
    """Knows the order in which the server got the ends of all episodes: one sender at a time."""

    def __init__(self, url: str, *, key_prefix: str = "hamlet:") -> None:
        super().__init__(url, key_prefix=key_prefix, purpose="trainer")
        self.ends: list[bytes] = []
        self._turn = threading.Lock()

    def send(self, run_id: str, flush: Flush) -> list[Play]:
        with self._turn:
            gone = super().send(run_id, flush)
            self.ends += flush.finished
            return gone


def value_of(episode_id: int, n_steps: int) -> np.ndarray:
    """The meters of an episode: numbers that belong to it alone."""
    return np.random.default_rng(episode_id).random((n_steps, 3)).astype(np.float32)


def play(recorder: EpisodeRecorder, episode_id: int, *, lane: int = 0, stage: int = 1, n_steps: int = 20) -> None:
    """Record one episode; its return is a pseudo-random number of its id."""
    meters = value_of(episode_id, n_steps)
    for step in range(n_steps):
        recorder.record_step(
            episode_id, step, position=(step, lane), meters=meters[step], action=step % 4, reward=1.0, lane=lane,
            done=step == n_steps - 1,
        )  # fmt: skip
    reward = float(np.random.default_rng(1000 + episode_id).normal())
    recorder.finish_episode(episode_id, {"curriculum_stage": stage, "total_reward": reward, "lane": lane})


def train(recorder: EpisodeRecorder, lanes: Sequence[int], *, stages: Sequence[int], n_episodes: int) -> None:
    """Play lane by lane, ``n_episodes`` in each stage; the ids of all lanes of a run never meet."""
    for stage in stages:
        for number in range(n_episodes):
            for lane in lanes:
                play(recorder, 1000 * lane + 100 * stage + number, lane=lane, stage=stage)
