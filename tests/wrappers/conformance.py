"""What every way to record has in common: an episode in the recording is what a hand-written loop would have logged.

A stack that is recorded plays ``CountingEnv``, in which the lane, the number of its episode and the step determine
everything but the action, and each observation holds the action before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recorder.capture import EpisodeRecorder
from recorder.episode import EpisodeStatus
from tests.capture.recorded import Ended
from tests.wrappers.counting_env import N_ACTIONS, CountingEnv, episode_length, recorded_by_lane

__all__ = ["assert_are_lives", "assert_is_life", "assert_lanes_are_lives", "life"]


def life(lane: int, number: int, actions: Sequence[int]) -> list[tuple[list[float], float, bool, bool]]:
    """The log of a loop that plays one episode alone: observation reached, reward and flags of each step."""
    env = CountingEnv(lane)
    for _ in range(number + 1):
        env.reset()
    log = []
    for action in actions:
        observation, reward, terminated, truncated, _ = env.step(action)
        log.append((observation.tolist(), reward, terminated, truncated))
    return log


def assert_is_life(
    ended: Ended,
    lane: int,
    number: int,
    *,
    env_id: str | None = None,
    has_masks: bool = False,
    has_last_observation: bool = True,
) -> None:
    """An episode has the length, the return, the actions, the flags and the observations of the loop's, the last one included.

    Args:
        number: of the lane's episodes, from 0.
        env_id: as the episode names its environment; None where the way to record is not told.
        has_masks: whether the way to record tells which actions were allowed.
        has_last_observation: false where the library does not give it.
    """
    length = episode_length(lane, number)
    episode = ended.episode
    assert episode.n_steps == length
    log = life(lane, number, episode.column("action").reshape(-1).tolist())
    if kept := length if has_last_observation else length - 1:
        observations = episode.column("extras.observation").reshape(length, -1).tolist()
        assert observations[:kept] == [entry[0] for entry in log[:kept]]
    assert episode.column("reward").reshape(-1).tolist() == [entry[1] for entry in log]
    assert episode.column("terminated").tolist() == [entry[2] for entry in log]
    assert episode.column("truncated").tolist() == [entry[3] for entry in log]
    assert episode.column("done").tolist() == [False] * (length - 1) + [True]
    assert ended.metadata.info["reset_observation"] == [lane, number, 0, -1]
    assert env_id in (None, ended.metadata.info.get("env_id"))
    assert ended.metadata.status == EpisodeStatus.COMPLETE
    assert ended.metadata.total_reward == sum(entry[1] for entry in log)
    assert ended.gaps == []
    if has_masks:
        masks = episode.column("action_masks").sum(axis=1).tolist()
        assert masks == [N_ACTIONS - step for step in range(length)]


def assert_lanes_are_lives(recorder: EpisodeRecorder, *, n_lanes: int, at_least: int = 4, **known: Any) -> None:
    """Close a recorder: of each lane there are so many whole episodes, one after another; the last may have been broken off.

    Args:
        known: as ``assert_is_life`` takes it.
    """
    assert_are_lives(recorded_by_lane(recorder, n_lanes=n_lanes), at_least=at_least, **known)


def assert_are_lives(by_lane: Sequence[Sequence[Ended]], *, at_least: int = 4, **known: Any) -> None:
    """The same of the episodes of each lane."""
    for lane, episodes in enumerate(by_lane):
        whole = [ended for ended in episodes if ended.metadata.status == EpisodeStatus.COMPLETE]
        assert len(whole) >= at_least
        assert len(episodes) - len(whole) <= 1
        for number, ended in enumerate(whole):
            assert_is_life(ended, lane, number, **known)
