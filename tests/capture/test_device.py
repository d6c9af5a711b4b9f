"""Tensors on a device, recorded without stopping the trainer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from recorder.capture import EpisodeRecorder
from tests.capture.recorded import STEP, assert_adds_up, close_and_read

DEVICE = "cuda"

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]


@pytest.fixture
def no_sync() -> Iterator[None]:
    """Whatever would make the trainer's thread wait for the device raises."""
    torch.zeros(1, device=DEVICE)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    yield
    torch.cuda.set_sync_debug_mode("default")


def busy_device() -> None:
    """Work that keeps the device busy long after this returns, so that a copy that does not wait for it reads zeros."""
    torch.cuda._sleep(200_000_000)


def test_steps_are_recorded_without_a_wait_for_the_device(no_sync: None) -> None:
    recorder = EpisodeRecorder(strict=True, on_full="block")
    values = torch.arange(8, dtype=torch.float32, device=DEVICE)
    busy_device()
    for step in range(100):
        values += 1
        recorder.record_step(
            7,
            step,
            position=values[:2],
            meters=values,
            action=values[0].long(),
            reward=values[1],
            done=values[0] > 50,
            q_values=values.bfloat16(),
            action_masks=values > 4,
            extras={"frame": values.reshape(2, 4), "td_error": values.sum().double()},
        )
    recorder.finish_episode(7)
    torch.cuda.set_sync_debug_mode("default")
    episode = close_and_read(recorder)[7].episode
    first = np.arange(1, 101)
    np.testing.assert_array_equal(episode.column("meters"), first[:, None] + np.arange(8))
    np.testing.assert_array_equal(episode.column("position"), first[:, None] + np.arange(2))
    np.testing.assert_array_equal(episode.column("action"), first)
    np.testing.assert_array_equal(episode.column("reward"), first + 1)
    np.testing.assert_array_equal(episode.column("done"), first > 50)
    np.testing.assert_array_equal(episode.column("action_masks"), first[:, None] + np.arange(8) > 4)
    np.testing.assert_array_equal(episode.column("extras.frame").reshape(100, 8), episode.column("meters"))
    np.testing.assert_array_equal(episode.column("extras.td_error"), 8 * first + 28)
    expected = (torch.arange(8) + torch.arange(1, 101)[:, None]).float().bfloat16().float()
    np.testing.assert_array_equal(episode.column("q_values"), expected.numpy())


def test_batches_are_recorded_without_a_wait_for_the_device(no_sync: None) -> None:
    recorder = EpisodeRecorder(strict=True, on_full="block")
    n_lanes = 16
    values = torch.zeros(n_lanes, 8, device=DEVICE)
    lanes = torch.arange(n_lanes, device=DEVICE)
    busy_device()
    for step in range(300):
        values += 1
        recorder.record_batch(
            np.arange(n_lanes),
            torch.full((n_lanes,), step),
            positions=np.full((n_lanes, 2), step),  # on the host, beside the others
            meters=values,
            actions=lanes,
            rewards=values[:, 0] * lanes,
            extras={"x": values.half()},
        )
    for episode_id in range(n_lanes):
        recorder.finish_episode(episode_id)
    torch.cuda.set_sync_debug_mode("default")
    for lane, ended in close_and_read(recorder).items():
        steps = np.arange(300)
        np.testing.assert_array_equal(ended.episode.column("meters"), np.repeat(steps[:, None] + 1, 8, 1))
        np.testing.assert_array_equal(ended.episode.column("position"), np.repeat(steps[:, None], 2, 1))
        np.testing.assert_array_equal(ended.episode.column("reward"), (steps + 1) * lane)
        np.testing.assert_array_equal(ended.episode.column("action"), np.full(300, lane))


def test_a_buffer_may_be_written_over_right_after_the_call(no_sync: None) -> None:
    recorder = EpisodeRecorder(strict=True, on_full="block")
    buffer = torch.zeros(4096, device=DEVICE)
    for step in range(50):
        busy_device() if step % 10 == 0 else None
        buffer.fill_(step)
        recorder.record_step(7, step, **{**STEP, "meters": buffer})
        buffer.fill_(-1)
    recorder.finish_episode(7)
    torch.cuda.set_sync_debug_mode("default")
    meters = close_and_read(recorder)[7].episode.column("meters")
    np.testing.assert_array_equal(meters, np.repeat(np.arange(50.0)[:, None], 4096, 1))


def test_values_of_the_host_and_of_a_device_may_be_mixed_from_step_to_step() -> None:
    recorder = EpisodeRecorder(strict=True)
    forms: list[Any] = [
        (1.0, 2.0),
        torch.tensor([1.0, 2.0], device=DEVICE),
        np.array([1.0, 2.0]),
        torch.tensor([1.0, 2.0]),
    ]
    for step in range(40):
        recorder.record_step(7, step, **{**STEP, "q_values": forms[step % 4], "meters": forms[(step + 1) % 4]})
    recorder.finish_episode(7)
    steps = list(close_and_read(recorder)[7].episode.steps())
    assert [step.q_values for step in steps] == [(1.0, 2.0)] * 40
    assert [step.meters for step in steps] == [(1.0, 2.0)] * 40


def test_the_device_copies_straight_into_the_ring_and_the_record_waits_for_it() -> None:
    recorder = EpisodeRecorder(strict=True)
    recorder.record_step(7, 0, **{**STEP, "meters": torch.ones(3, device=DEVICE)})
    assert recorder._steps._devices._is_registered, "the driver knows the ring's pages"
    recorder._inlet.wait_for_device()
    busy_device()
    head = recorder._ring.head
    recorder.record_step(7, 1, **{**STEP, "meters": torch.ones(3, device=DEVICE)})
    assert recorder._ring.head == head, "the copy is under way"
    recorder.record_step(7, 2, **STEP)
    assert recorder._ring.head == head, "a later step waits behind it"
    recorder.finish_episode(7)
    assert close_and_read(recorder)[7].episode.n_steps == 3


def test_where_the_driver_refuses_the_ring_one_pinned_copy_stands_between(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = type("Runtime", (), {"cudaHostRegister": lambda *_: 1, "cudaHostUnregister": lambda *_: 0})
    monkeypatch.setattr(torch.cuda, "cudart", lambda: runtime())
    recorder = EpisodeRecorder(strict=True)
    for step in range(100):
        recorder.record_step(7, step, **{**STEP, "meters": torch.full((3,), float(step), device=DEVICE)})
    recorder.finish_episode(7)
    meters = close_and_read(recorder)[7].episode.column("meters")
    np.testing.assert_array_equal(meters, np.repeat(np.arange(100.0)[:, None], 3, 1))


def test_a_ring_that_is_full_drops_and_counts() -> None:
    recorder = EpisodeRecorder()
    busy_device()
    for step in range(1000):
        recorder.record_step(7, step, **{**STEP, "meters": torch.full((4,), float(step), device=DEVICE)})
    recorder.finish_episode(7)
    ended = close_and_read(recorder)[7]
    assert_adds_up(recorder.stats(), 1000)
    assert ended.episode.column("meters")[:, 0].tolist() == ended.episode.step_numbers.tolist()


@pytest.mark.parametrize("field", ["meters", "reward"])
def test_a_dtype_that_can_t_be_recorded_is_refused_and_counted(field: str) -> None:
    recorder = EpisodeRecorder()
    recorder.record_step(7, 0, **{**STEP, field: torch.zeros(1, dtype=torch.complex64, device=DEVICE)})
    recorder.record_step(7, 1, **STEP)
    recorder.close()
    assert recorder.stats().n_errors >= 1
    assert_adds_up(recorder.stats(), 2)


def test_ids_on_a_device_are_refused_with_the_way_out() -> None:
    recorder = EpisodeRecorder()
    recorder.record_batch(torch.arange(2, device=DEVICE), [0, 0], None, None, None, [1.0, 1.0])
    recorder.record_step(torch.tensor(1, device=DEVICE), 0, **STEP)
    recorder.close()
    assert recorder.stats().n_refused_steps == 3
    assert "CPU tensors" in recorder.stats().last_error
