"""The quick ways of wrappers, in machine code, record what the usual ones do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from types import MappingProxyType
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv

from recorder.capture import EpisodeRecorder
from recorder.capture.writing.native_writer import PURE_PYTHON, native, native_comparison
from recorder.wrappers import RecordEpisode
from recorder.wrappers.vector import RecordEpisode as RecordEpisodes
from tests.capture.recorded import Ended, close_and_read

needs_native = pytest.mark.skipif(native is None, reason="the package was built without a C compiler")

_N_STEPS = 2000

_TIMELY = ("timestamp", "started_unix_nanos", "finished_unix_nanos", "env_steps")
"""What an episode's metadata says of when the sender looked."""

_FLAGS: list[Callable[[bool], Any]] = [bool, np.bool_, int, np.array, lambda flag: np.array([flag])]

_REWARDS: list[Callable[[float], Any]] = [float, np.float64, np.float32, np.array, torch.tensor, round, lambda _: None]

_OBSERVATIONS: list[Callable[[Any], Any]] = [
    lambda row: row,
    lambda row: row[::-1],
    lambda row: row.astype(np.float64),
    lambda row: row.tolist(),
    lambda row: torch.from_numpy(row),
    lambda _: None,
]

_INFOS: list[Callable[[], Any]] = [
    dict,
    lambda: {"TimeLimit.truncated": False},
    lambda: {"action_mask": np.array([1, 0], np.int8)},
    lambda: MappingProxyType({"action_mask": np.array([1, 1], np.int8)}),
    lambda: None,
]


def _reward(rng: np.random.Generator) -> float:
    """One of those whose sum is exact in whatever order they are added: the sender adds chunk by chunk."""
    return float(rng.integers(-64, 64)) / 16


class _OddEnv(gymnasium.Env[Any, Any]):
    """Now and then a value comes in another form."""

    observation_space = spaces.Box(-10, 10, (3,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, oddness: float) -> None:
        self._oddness = oddness
        self._rng = np.random.default_rng(7)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        self._end = int(self._rng.choice([1, 2, 3, 64, 65, 130]))
        self._step = 0
        return self._form(_OBSERVATIONS)(self._row()), self._form(_INFOS[:3])()

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        self._step += 1
        is_over = self._step == self._end
        is_terminated = bool(self._rng.integers(2))
        return (
            self._form(_OBSERVATIONS)(self._row()),
            self._form(_REWARDS)(_reward(self._rng)),
            self._form(_FLAGS)(is_over and is_terminated),
            self._form(_FLAGS)(is_over and not is_terminated),
            self._form(_INFOS)(),
        )

    def _form(self, forms: list[Callable[..., Any]]) -> Callable[..., Any]:
        return forms[int(self._rng.integers(len(forms)))] if self._rng.random() < self._oddness else forms[0]

    def _row(self) -> Any:
        return self._rng.normal(size=3).astype(np.float32)


class _RowEnv(gymnasium.Env[Any, Any]):
    """Rows of one dtype."""

    action_space = spaces.Discrete(2)

    def __init__(self, dtype: Any, lane: int) -> None:
        self.observation_space = spaces.Box(-100, 100, (4,), dtype)
        self._rng = np.random.default_rng(lane)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self._n_left = int(self._rng.integers(1, 12))
        return self._row(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._n_left -= 1
        return self._row(), _reward(self._rng), self._n_left == 0, False, {}

    def _row(self) -> Any:
        return self._rng.normal(0, 9, 4).astype(self.observation_space.dtype)


class _CountingRecorder(EpisodeRecorder):
    """Counts the steps that come the usual way."""

    n_usual_calls = 0

    def record_step(self, *arguments: Any, **named: Any) -> None:
        self.n_usual_calls += 1
        super().record_step(*arguments, **named)

    def record_batch(self, *arguments: Any, **named: Any) -> None:
        self.n_usual_calls += 1
        super().record_batch(*arguments, **named)


def _recorded_alone(oddness: float, *, n_steps: int = _N_STEPS) -> tuple[list[Any], int]:
    recorder = _CountingRecorder(run_id="odd", sender="thread")
    env = RecordEpisode(_OddEnv(oddness), recorder, record_observations=True)
    env.reset()
    for step in range(n_steps):
        if step % 700 == 699:
            env.extras(stage=step // 700, epsilon=0.5)
        _, _, terminated, truncated, _ = env.step(step % 2)
        if terminated or truncated:
            env.reset()
    env.close()
    return [_content(ended) for _, ended in sorted(close_and_read(recorder).items())], recorder.n_usual_calls


def _recorded_in_lanes(n_lanes: int, dtype: Any, *, n_calls: int = 300) -> tuple[list[Any], int]:
    recorder = _CountingRecorder(run_id="lanes", sender="thread")
    envs = SyncVectorEnv([partial(_RowEnv, dtype, lane) for lane in range(n_lanes)])
    recorded = RecordEpisodes(envs, recorder)
    recorded.reset(seed=3)
    recorded.action_space.seed(3)
    for _ in range(n_calls):
        recorded.step(recorded.action_space.sample())
    recorded.close()
    return [_content(ended) for _, ended in sorted(close_and_read(recorder).items())], recorder.n_usual_calls


def _content(ended: Ended) -> Any:
    columns = {name: (values.dtype, values.tobytes()) for name, values in ended.episode.columns().items()}
    told = asdict(ended.metadata)
    for name in _TIMELY:
        del told[name]
    return repr(told), columns, ended.gaps


@needs_native
@pytest.mark.parametrize("oddness", [0.0, 0.02, 0.5])
def test_steps_of_one_environment_are_those_of_the_usual_way(oddness: float, monkeypatch: pytest.MonkeyPatch) -> None:
    quick, n_quick_calls = _recorded_alone(oddness)
    monkeypatch.setenv(PURE_PYTHON, "1")
    usual, n_usual_calls = _recorded_alone(oddness)
    assert quick == usual
    assert n_usual_calls == _N_STEPS
    if not oddness:
        assert n_quick_calls < _N_STEPS / 10


@needs_native
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
@pytest.mark.parametrize("n_lanes", [1, 9])
def test_steps_of_lanes_are_those_of_the_usual_way(n_lanes: int, dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    quick, n_quick_calls = _recorded_in_lanes(n_lanes, dtype)
    monkeypatch.setenv(PURE_PYTHON, "1")
    usual, n_usual_calls = _recorded_in_lanes(n_lanes, dtype)
    assert quick == usual
    assert n_quick_calls < n_usual_calls / 10


@needs_native
def test_nothing_comes_the_quick_way_after_the_end() -> None:
    recorder = EpisodeRecorder(sender="thread")
    env = RecordEpisode(gymnasium.make("CartPole-v1"), recorder)
    env.reset(seed=1)
    for _ in range(5):
        env.step(0)
    recorder.close()
    n_before = recorder.stats().n_recorded_steps
    env.step(0)
    env.reset()
    stats = recorder.stats()
    assert (n_before, stats.n_recorded_steps, stats.n_refused_steps) == (5, 5, 1)


@needs_native
def test_ids_that_no_record_holds_are_refused_as_in_the_usual_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> tuple[int, int]:
        recorder = EpisodeRecorder(sender="thread")
        env = RecordEpisode(_RowEnv(np.float32, 0), recorder, first_episode_id=2**63 - 2)
        for _ in range(6):
            env.reset()
            while not env.step(0)[2]:
                pass
        recorder.close()
        stats = recorder.stats()
        return stats.n_refused_steps, stats.n_errors

    quick = refused()
    monkeypatch.setenv(PURE_PYTHON, "1")
    assert quick == refused()


@needs_native
def test_tensors_and_arrays_are_compared_by_dtype_shape_and_bytes() -> None:
    is_same = native_comparison()
    tensor = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    array = tensor.numpy().copy()
    assert is_same(tensor, array) is True
    assert is_same(torch.zeros(0, 3), np.zeros((0, 3), np.float32)) is True
    others = [array + 1, array[:1], array[0], array.astype(np.float64), array.astype(">f4"), array.view(np.int32)]
    assert [is_same(tensor, other) for other in others] == [False] * len(others)
    assert is_same(torch.tensor([math_nan := float("nan")]), np.array([math_nan], np.float32)) is True
    unknown: list[tuple[Any, Any]] = [
        (tensor.T, array.T.copy()),
        (tensor, array.T),
        (tensor, array.tolist()),
        (torch._neg_view(tensor), -array),
        (tensor.to("meta"), array),
    ]
    assert [is_same(*pair) for pair in unknown] == [None] * len(unknown)
    assert is_same(tensor.bfloat16(), array.astype(np.float16)) is False
    assert is_same(torch.tensor([1 + 1j]), np.array([1 + 1j], np.complex64)) is not True
