"""Values that come another way with each step are recorded as they are, by ``record_step`` and by ``record_batch``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from recorder.capture import EpisodeRecorder
from tests.capture.recorded import STEP, close_and_read, record_one

N_CALLS = 6
N_LANES = 3
SHAPES = [(), (1,), (3,), (40,), (7, 9), (900,)]
"""Values that are packed number by number, as bytes, and copied."""


def negated(values: torch.Tensor) -> torch.Tensor:
    return torch._neg_view(values)


KINDS: list[Callable[[torch.Tensor], Any]] = [
    lambda values: values,
    lambda values: values.clone().requires_grad_(True),
    torch.nn.Parameter,
    negated,
    lambda values: torch.stack([values, values + 1], dim=-1)[..., 0],
    lambda values: torch.tensor(0.5).expand(values.shape),
    lambda values: values.bfloat16(),
    lambda values: values > 0.5,
    lambda values: values.numpy(),
    lambda values: np.asfortranarray(values.numpy()),
    lambda values: values.numpy().astype(">f4"),
]


def plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    tensor = value.detach().resolve_neg()
    return (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_and_arrays_of_any_kind_are_recorded_by_step(kind: Callable[[torch.Tensor], Any]) -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    given = [[kind(torch.rand(shape)) for shape in SHAPES] for _ in range(N_CALLS)]
    for step, values in enumerate(given):
        recorder.record_step(0, step, **STEP, extras={f"e{index}": value for index, value in enumerate(values)})
    recorder.finish_episode(0)
    episode = close_and_read(recorder)[0].episode
    for index in range(len(SHAPES)):
        assert episode.column(f"extras.e{index}").tolist() == [plain(values[index]) for values in given]


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_and_arrays_of_any_kind_are_recorded_by_batch(kind: Callable[[torch.Tensor], Any]) -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    given = [[kind(torch.rand((N_LANES, *shape))) for shape in SHAPES] for _ in range(N_CALLS)]
    nothing = np.zeros((N_LANES, 0))
    for step, values in enumerate(given):
        recorder.record_batch(
            np.arange(N_LANES), np.full(N_LANES, step), nothing, torch.zeros((N_LANES, 0)), nothing, np.zeros(N_LANES),
            extras={f"e{index}": value for index, value in enumerate(values)},
        )  # fmt: skip
    for lane in range(N_LANES):
        recorder.finish_episode(lane)
    for lane, ended in close_and_read(recorder).items():
        for index in range(len(SHAPES)):
            found = ended.episode.column(f"extras.e{index}").tolist()
            assert found == [plain(values[index])[lane] for values in given]


@pytest.mark.parametrize(
    "value",
    [torch.eye(3).to_sparse(), torch.empty(3, device="meta"), torch.ones(3).to_mkldnn()],
    ids=["sparse", "meta", "mkldnn"],
)
def test_a_tensor_without_plain_memory_is_left_out_and_counted(value: torch.Tensor) -> None:
    recorder = EpisodeRecorder(sender="thread")
    plain_one = torch.ones(value.shape)
    for step in range(N_CALLS):
        recorder.record_step(0, step, **STEP, extras={"e": plain_one if step < 3 else value})
    recorder.finish_episode(0)
    ended = close_and_read(recorder)[0]
    assert ended.metadata.n_steps == N_CALLS
    assert recorder.stats().n_mismatched_values == N_CALLS - 3
    assert recorder.stats().n_refused_steps == 0


def test_each_of_several_numbers_may_be_missing_now_and_then() -> None:
    """They are read one after the other: none may get the value of another."""
    steps: list[dict[str, Any]] = [
        {"epsilon": None, "time_of_day": 1, "interaction_progress": 0.5},
        {"epsilon": 0.25, "time_of_day": None, "interaction_progress": None},
        *({"epsilon": number / 8, "time_of_day": number, "interaction_progress": -number / 4} for number in range(6)),
    ]
    episode = record_one(*steps).episode
    for number, values in enumerate(steps):
        step = episode.step(number)
        assert {name: getattr(step, name) for name in values} == values


def test_a_steady_step_survives_thousands_of_other_kinds() -> None:
    """The tables of layouts are used in turn: a compiled writer must not go on with an id that stands for another layout."""
    recorder = EpisodeRecorder(sender="thread")
    n_kinds, generations, step = 2500, set(), 0
    for number in range(n_kinds):
        for _ in range(2):
            recorder.record_step(0, step, **{**STEP, "reward": float(step)})
            step += 1
        recorder.record_batch(
            [1], [number], [[0]], [[0]], [0], [0.0], extras={f"{number:0200}": np.zeros((1, number % 7, 0))}
        )
        generations.add(recorder._inlet.writer.generation)
        deadline = time.monotonic() + 5.0
        while recorder._ring.head - recorder._ring.tail > 2**16 and time.monotonic() < deadline:
            recorder._sender._publisher.wake.set()
            time.sleep(0.001)
        assert recorder._ring.head - recorder._ring.tail <= 2**16, "the sender stands still"
    assert len(generations) > 2
    recorder.finish_episode(0)
    episode = close_and_read(recorder)[0].episode
    assert recorder.stats().n_errors == 0
    assert episode.column("reward").tolist() == list(range(step))
