"""What an environment says of itself, and that no answer of it reaches the training."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import gymnasium
import pytest
from gymnasium import spaces

from recorder.capture import EpisodeRecorder
from recorder.wrappers import RecordEpisode, describe_environment
from recorder.wrappers.vector import RecordEpisode as RecordEpisodes
from tests.capture.recorded import close_and_read
from tests.wrappers.counting_env import CountingEnv


class Doors(CountingEnv):
    """Names its actions by an enumeration, as MiniGrid does."""

    class actions(IntEnum):  # noqa: N801 - as MiniGrid has it
        left = 0
        pick_up = 2
        right = 1

    action_space = spaces.Discrete(3)


class Meanings(CountingEnv):
    """Names its actions as Atari games do."""

    action_space = spaces.Discrete(2)

    def get_action_meanings(self) -> list[str]:
        return ["NOOP", "UPFIRE"]


def test_actions_and_observations_have_the_names_that_the_environment_gives() -> None:
    cart = describe_environment(gymnasium.make("CartPole-v1"))
    assert cart["action_names"] == ["push left", "push right"]
    assert cart["observation_names"] == ["position", "velocity", "angle", "angular velocity"]
    lake = describe_environment(gymnasium.make_vec("FrozenLake-v1", num_envs=2, vectorization_mode="sync"))
    assert lake["action_names"] == ["left", "down", "right", "up"]
    carts = describe_environment(gymnasium.make_vec("CartPole-v1", num_envs=2, vectorization_mode="vector_entry_point"))
    assert {name: carts[name] for name in ("action_names", "observation_names")} == {
        name: cart[name] for name in ("action_names", "observation_names")
    }
    assert describe_environment(Doors())["action_names"] == ["left", "right", "pick up"]
    assert describe_environment(Meanings())["action_names"] == ["noop", "upfire"]
    assert "action_names" not in describe_environment(CountingEnv())


def test_episodes_have_these_names_unless_the_trainer_gave_others() -> None:
    for given, expected in ((), ("push left", "push right")), (("a", "b"), ("a", "b")):
        recorder = EpisodeRecorder(strict=True, sender="thread", action_names=given)
        env = RecordEpisode(gymnasium.make("CartPole-v1"), recorder)
        env.reset()
        env.step(0)
        env.close()
        metadata = close_and_read(recorder)[0].metadata
        assert metadata.action_names == expected
        assert metadata.info["observation_names"][2] == "angle"


class Unspeakable(CountingEnv):
    """Raises at whatever it is asked."""

    @property
    def spec(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no spec")

    @property
    def actions(self) -> Any:
        raise ValueError("no actions")

    def get_action_meanings(self) -> Any:
        raise KeyError("no meanings")

    def __str__(self) -> str:
        raise ZeroDivisionError


class OddSpec:
    """A spec as envpool has it: without an id."""


@pytest.mark.parametrize("spec", [OddSpec(), None, 7])
def test_no_description_raises(spec: Any) -> None:
    assert describe_environment(Unspeakable())["env_id"] == "Unspeakable"
    env = CountingEnv()
    env.spec = spec
    assert describe_environment(env)["env_id"] == "CountingEnv"
    vector = gymnasium.vector.SyncVectorEnv([Unspeakable])
    vector.spec = spec
    recorder = EpisodeRecorder(strict=True, sender="thread")
    assert RecordEpisodes(vector, recorder).metadata is vector.metadata
    recorder.close()
