"""The quick way of a step of several agents gives what the slow way gives, and is taken."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from recorder.capture.agents.quick import QuickWay
from recorder.capture.agents.roster import AgentRoster, AgentsStep

_NUMBERS = (1, 2.5, True, np.float32(3.5), np.float64(0.25), np.int32(7), np.uint8(9), np.array(4.0), np.array([5.0]))
_ODD = (None, "text", b"bytes", 2**70, object(), [[1, 2], [3]], np.array("a"), float("nan"), 1j)


class _SlowWay(QuickWay):
    def take(self, agents: Any) -> None:
        return None


class _Counting(QuickWay):
    n_taken = 0

    def take(self, agents: Any) -> Any:
        step = super().take(agents)
        self.n_taken += step is not None
        return step


def _rosters(said: tuple[list[str], list[str]]) -> tuple[AgentRoster, AgentRoster, _Counting]:
    quick, slow = AgentRoster(said[0].append), AgentRoster(said[1].append)
    counting = quick._quick = _Counting(quick._groups)
    slow._quick = _SlowWay(slow._groups)
    return quick, slow, counting


def _assert_equal(found: AgentsStep, expected: AgentsStep, place: object) -> None:
    assert found.extras.keys() == expected.extras.keys(), place
    for name, value in expected.extras.items():
        if isinstance(value, str):
            assert found.extras[name] == value, (place, name)
        else:
            assert found.extras[name].dtype == value.dtype, (place, name)
            np.testing.assert_array_equal(found.extras[name], value, err_msg=f"{place} {name}")
    assert (found.terminated, found.truncated) == (expected.terminated, expected.truncated), place
    np.testing.assert_array_equal(
        [found.reward, found.intrinsic_reward], [expected.reward, expected.intrinsic_reward], err_msg=str(place)
    )


def _fields(chance: random.Random, kind: int) -> dict[Any, Any]:
    """The values of one agent; those of a kind usually have the same fields."""
    rng = np.random.default_rng(chance.randrange(2**32))
    fields: dict[Any, Any] = {
        "position": rng.integers(0, 9, 2) if kind else (chance.randrange(9), chance.randrange(9)),
        "reward": chance.random() if chance.random() < 0.9 else chance.choice(_NUMBERS),
        "action": chance.randrange(5),
        "terminated": chance.random() < 0.001,
        "extras": {"speed": rng.random(3, dtype=np.float32), "hidden": None} if kind == 2 else {},
    }
    if kind == 2 and chance.random() < 0.99:
        fields["extras"]["says"] = chance.choice(("hello", "ä\x00", None, None))
    if kind == 1:
        fields |= {"meters": rng.random(4, dtype=np.float32), "q_values": None, "intrinsic_reward": np.float32(0.5)}
    if chance.random() < 0.01:
        fields[chance.choice(("position", "reward", "action", "truncated", "meters", "nothing", 5))] = chance.choice(
            (*_ODD, *_NUMBERS, rng.random(3), [1, 2, 3])
        )
    if chance.random() < 0.02:
        fields.pop(chance.choice(list(fields)))
    return fields


@pytest.mark.parametrize("seed", range(4))
def test_the_quick_way_gives_what_the_slow_way_gives(seed: int) -> None:
    chance = random.Random(seed)
    said: tuple[list[str], list[str]] = ([], [])
    quick, slow, counting = _rosters(said)
    kinds = {name: index % 3 for index, name in enumerate(["a", "b", "c", "d", "e", "f", 7, "g\ud800"])}
    names = list(kinds)[:4]
    teams: dict[Any, str] | None = None
    for number in range(200):
        if chance.random() < 0.02:
            names = chance.sample(list(kinds)[: chance.choice((5, 6, 8))], chance.randrange(1, 6))
        if chance.random() < 0.02:
            teams = {"a": chance.choice(("red", "blue"))}
        if chance.random() < 0.1:
            names = [name for name in names if str(name) not in slow._ended] or ["a"]
        agents = {name: _fields(chance, kinds[name]) for name in names}
        _assert_equal(quick.step(number, agents, teams), slow.step(number, agents, teams), (seed, number))
        assert said[0] == said[1]
    assert counting.n_taken > 20


def test_agents_that_come_as_before_take_the_quick_way() -> None:
    quick, slow, counting = _rosters(([], []))
    for number in range(100):
        agents = {
            f"agent_{index}": {
                "position": np.array([number, index]),
                "reward": 1.0,
                "terminated": False,
                "q_values": [0.5, float(number)],
                "extras": {
                    "observation": np.full(3, number, np.float32),
                    "says": f"{number}" if number % 8 == index else None,
                },
            }
            for index in range(8 if number < 50 else 5)
        }
        _assert_equal(quick.step(number, agents, None), slow.step(number, agents, None), number)
    assert counting.n_taken == 99, "a text may be missing"
