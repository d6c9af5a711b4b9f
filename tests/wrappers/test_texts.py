"""Texts in observations and actions: recorded by the wrappers, and the same when the episode is played again."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from recorder.capture import EpisodeRecorder
from recorder.wrappers import AutoSeed, RecordEpisode
from recorder.wrappers.reproduction import Reproduction
from recorder.wrappers.vector import RecordEpisode as RecordVector
from tests.capture.recorded import close_and_read

COLOURS = ("red", "öchre", "a very dark and slightly greenish blue, nearly black")


class MissionSpace(spaces.Space[str]):
    """Not ``Text``, but a space of texts, as MiniGrid's is."""

    def __init__(self) -> None:
        super().__init__(dtype=str)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        return "go"

    def contains(self, x: Any) -> bool:
        return isinstance(x, str)


class MissionEnv(gymnasium.Env[Any, Any]):
    """A mission with each observation; episodes have three steps."""

    observation_space: spaces.Space[Any] = spaces.Dict(
        {"mission": MissionSpace(), "place": spaces.Box(0, 9, (2,), np.float32)}
    )
    action_space: spaces.Space[Any] = spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._n = 0
        self._first = int(self.np_random.integers(3))
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._n += 1
        return self._observation(), 1.0, self._n == 3, False, {}

    def mission(self, n: int) -> str:
        return f"{n}: go to the {COLOURS[(self._first + n) % 3]} ball"

    def _observation(self) -> Any:
        return {"mission": self.mission(self._n), "place": np.full(2, self._n, np.float32)}


class TalkingEnv(MissionEnv):
    """The observation is a text, and the action is one."""

    observation_space = action_space = spaces.Text(200)

    def _observation(self) -> Any:
        return self.mission(self._n)


def test_missions_are_recorded_and_an_episode_with_them_can_be_played_again() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    env = RecordEpisode(AutoSeed(MissionEnv()), recorder)
    expected = []
    for _ in range(2):
        env.reset()
        inner = env.unwrapped
        assert isinstance(inner, MissionEnv)
        expected.append([inner.mission(n) for n in (1, 2, 3)])
        while not env.step(0)[2]:
            pass
    env.close()
    for episode_id, ended in close_and_read(recorder).items():
        assert ended.episode.column("extras.observation.mission").tolist() == expected[episode_id]
        assert ended.episode.column("extras.observation.place")[:, 0].tolist() == [1, 2, 3]
        assert ended.metadata.info["reset_observation.mission"].startswith("0: go to the")
        assert Reproduction(ended.episode, MissionEnv()).run() is None
        other = Reproduction(ended.episode, OtherMissions()).run()
        assert other is not None
        assert (other.what, other.found) == ("observation.mission", "another")


class OtherMissions(MissionEnv):
    """Reaches other missions."""

    def mission(self, n: int) -> str:
        return super().mission(n) if n < 2 else "another"


def test_a_plain_text_is_the_observation_and_a_text_action_an_extra() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    env = RecordEpisode(TalkingEnv(), recorder)
    env.reset()
    for said in ("hello", "open the door", "bye"):
        env.step(said)
    env.close()
    episode = close_and_read(recorder)[0].episode
    assert episode.column("extras.action").tolist() == ["hello", "open the door", "bye"]
    assert [text[:2] for text in episode.column("extras.observation")] == ["1:", "2:", "3:"]


def test_lanes_of_missions_are_recorded_up_to_their_true_last_observation() -> None:
    for mode in (AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP):
        recorder = EpisodeRecorder(strict=True, sender="thread")
        envs = RecordVector(SyncVectorEnv([MissionEnv] * 2, autoreset_mode=mode), recorder)
        envs.reset(seed=[1, 2])
        for _ in range(8):
            envs.step(np.zeros(2, np.int64))
        envs.close()
        whole = [each.episode for each in close_and_read(recorder).values() if each.metadata.status == "complete"]
        assert len(whole) == 4
        for episode in whole:
            missions = episode.column("extras.observation.mission").tolist()
            assert [mission[:2] for mission in missions] == ["1:", "2:", "3:"]
            assert all(mission.endswith(" ball") for mission in missions), "none is cut"
