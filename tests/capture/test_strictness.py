"""Strict recorders, and arguments that no call takes."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recorder.capture import EpisodeRecorder
from recorder.episode import EpisodeStatus
from recorder.errors import StreamUnavailableError, UsageError
from tests.capture.recorded import STEP, assert_adds_up, close_and_read, record
from tests.waiting import wait_until

STRICT_MISTAKES = [
    lambda recorder: recorder.record_step(7, 0, **{**STEP, "meters": "text"}),
    lambda recorder: recorder.record_step(7, -1, **STEP),
    lambda recorder: recorder.record_step(7, 0, **STEP, extras={5: 1.0}),
    lambda recorder: recorder.record_batch([1], ["a"], None, None, None, None),
    lambda recorder: recorder.record_batch([1], [0], None, None, None, [1.0, 2.0]),
    lambda recorder: recorder.finish_episode("seven"),
    lambda recorder: recorder.finish_episode(7, {"total_reward": "much"}),
    lambda recorder: recorder.keep(None, "a"),
    lambda recorder: recorder.abort(-1, "a"),
]


@pytest.mark.parametrize("mistake", STRICT_MISTAKES)
def test_a_strict_recorder_raises_what_another_swallows_and_counts(mistake: Any) -> None:
    def make(*, strict: bool) -> EpisodeRecorder:
        with EpisodeRecorder(strict=strict) as recorder:
            mistake(recorder)
        return recorder

    with pytest.raises(UsageError):
        make(strict=True)
    assert make(strict=False).stats().n_errors == 1


def test_a_strict_recorder_raises_what_went_wrong_behind_it(tmp_path: Path) -> None:
    recorder = EpisodeRecorder(f"unix://{tmp_path / 'nobody'}", strict=True)
    wait_until(lambda: recorder.stats().n_errors, message="a failure to send")
    with pytest.raises(StreamUnavailableError):
        recorder.record_step(7, 0, **STEP)
    with pytest.raises(StreamUnavailableError):
        recorder.close(timeout_secs=0.0)


def test_a_strict_recorder_raises_steps_that_are_refused_behind_it() -> None:
    recorder = EpisodeRecorder(strict=True)
    recorder.record_step(7, 5, **STEP)
    recorder.record_step(7, 4, **STEP)
    with pytest.raises(UsageError, match="episode 7: step 4 came after step 5"):
        recorder.close()


def test_a_second_episode_of_an_open_id_is_refused_where_it_begins() -> None:
    recorder = EpisodeRecorder(strict=True)
    record(recorder, 7, range(3))
    with pytest.raises(UsageError, match=r"episode 7: step 0 came again .* new_episode_id"):
        record(recorder, 7, range(1))


def test_two_episodes_of_one_id_make_no_file_that_looks_whole(caplog: pytest.LogCaptureFixture) -> None:
    recorder = EpisodeRecorder()
    record(recorder, 7, range(5))
    record(recorder, 7, range(22))
    assert "episode 7: step 0 came again" in caplog.text
    recorder.finish_episode(7)
    record(recorder, 8, range(3))
    record(recorder, 8, range(2))
    recorder.finish_episode(8)
    episodes = close_and_read(recorder)
    assert [(ended.metadata.n_steps, ended.gaps) for ended in episodes.values()] == [(5, [(5, 22, "lost")]), (3, [])]
    assert {ended.metadata.status for ended in episodes.values()} == {EpisodeStatus.TRUNCATED}
    assert_adds_up(recorder.stats(), 5 + 22 + 3 + 2)


def test_ids_that_the_recorder_gives_pass_over_those_that_were_chosen() -> None:
    recorder = EpisodeRecorder(strict=True)
    assert [recorder.new_episode_id() for _ in range(3)] == [0, 1, 2]
    assert [recorder.new_episode_id(first=4) for _ in range(2)] == [4, 5]
    assert [recorder.new_episode_id() for _ in range(3)] == [3, 6, 7]
    record(recorder, 8, range(2))
    record(recorder, recorder.new_episode_id(), range(2))
    assert sorted(close_and_read(recorder)) == [8, 9]


class Hostile:
    """An object that raises whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name} here")

    def __len__(self) -> int:
        raise ValueError("no length")

    def __bool__(self) -> bool:
        raise TypeError("neither true nor false")

    def __iter__(self) -> Any:
        raise OverflowError("no items")

    def __eq__(self, other: object) -> bool:
        raise ArithmeticError("equal to nothing")

    __hash__ = None  # type: ignore[assignment]


ODDITIES: list[Any] = [
    None, True, 0, 1, 7, -1, 2**70, 1.5, math.nan, "text", "", b"bytes", (), [], {}, {"a": 1}, {1, 2}, object(), Hostile(), 1j,
    [[1], [2, 3]], [None], (1, None), ("a", 1), np.array(5), np.zeros(0), np.zeros((2, 3)), np.array(["x"]), np.longdouble(1),
    np.datetime64(0, "s"), np.bytes_(b"x"), np.array([object()]), torch.zeros(3), torch.tensor(1), torch.zeros(2, 0),
    torch.zeros(2, dtype=torch.complex64), torch.zeros(3, device="meta"), torch.zeros(2, 2).to_sparse(), range(3), iter([1]),
    lambda: None, int,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_no_argument_whatever_makes_a_call_raise_and_every_step_is_accounted_for(seed: int) -> None:
    chance = random.Random(seed)
    recorder = EpisodeRecorder()

    def odd() -> Any:
        return chance.choice(ODDITIES)

    n_handed_over = 0
    fields = ("intrinsic_reward", "done", "q_values", "time_of_day", "epsilon", "action_masks", "extras", "lane")
    for number in range(1500):
        match chance.randrange(6):
            case 0 | 1:
                n_handed_over += 1
                few = {name: odd() for name in fields if chance.random() < 0.2}
                recorder.record_step(chance.choice([number % 5, odd()]), number, odd(), odd(), odd(), odd(), **few)
            case 2:
                ids = chance.choice([[5, 6], np.array([5, 6]), torch.tensor([5, 6])])
                n_handed_over += 2
                few = {name: odd() for name in ("dones", "q_values", "extras", "lanes") if chance.random() < 0.3}
                steps = chance.choice([odd(), [number, number]])
                recorder.record_batch(ids, steps, odd(), odd(), odd(), odd(), **few)
            case 3:
                recorder.finish_episode(odd(), odd())
            case 4:
                recorder.keep(odd(), odd())
            case 5:
                recorder.abort(odd(), odd())
    recorder.finish_episode(3, {"total_reward": odd(), "info": odd(), "meter_names": odd(), "affordance_layout": odd()})
    record(recorder, 1000, range(300))
    recorder.finish_episode(1000)
    assert close_and_read(recorder)[1000].episode.column("reward").tolist() == list(range(300))
    assert_adds_up(recorder.stats(), n_handed_over + 300)


def test_a_batch_of_what_has_no_length_is_refused() -> None:
    recorder = EpisodeRecorder()
    for odd in ODDITIES:
        recorder.record_batch(odd, odd, odd, odd, odd, odd, extras=odd)
    n_without_lanes = 3  # (), [] and an array of nothing: a batch of no lane is none
    assert recorder.stats().n_errors == len(ODDITIES) - n_without_lanes
    recorder.close()
    recorder.record_batch(Hostile(), [0], None, None, None, None)
    assert recorder.stats().n_errors == len(ODDITIES) - n_without_lanes + 1
