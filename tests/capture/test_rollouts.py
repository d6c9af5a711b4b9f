"""``record_rollout`` records what a loop of ``record_batch`` and ``finish_episode`` does, and what is wrong costs no more."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from recorder.capture import EpisodeRecorder
from recorder.capture.rollout import _chosen
from recorder.errors import UsageError
from tests.capture.recorded import Ended, assert_adds_up, close_and_read

COLUMNS = ("position", "meters", "action", "reward", "terminated", "extras.frame")


def rollout(n_steps: int, n_lanes: int, *, seed: int, share: float = 0.3) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "positions": rng.integers(0, 9, (n_steps, n_lanes, 2)),
        "meters": rng.random((n_steps, n_lanes, 8), np.float32),
        "actions": rng.integers(0, 5, (n_steps, n_lanes)),
        "rewards": rng.random((n_steps, n_lanes, 1)),
        "terminated": rng.random((n_steps, n_lanes)) < share,
        "frame": rng.integers(0, 255, (n_steps, n_lanes, 3, 4), np.uint8),
    }


def given(values: dict[str, Any], kind: Callable[[Any], Any]) -> dict[str, Any]:
    own = {name: kind(value) for name, value in values.items()}
    own["extras"] = {"frame": own.pop("frame")}
    return own


def looped(rollouts: list[dict[str, Any]], lanes: list[int]) -> dict[int, Ended]:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    n_lanes = len(lanes)
    ids, steps, next_id = np.full(n_lanes, -1), np.zeros(n_lanes, np.int64), 0
    for values in rollouts:
        for row in range(len(values["terminated"])):
            for place in np.flatnonzero(ids == -1):
                ids[place], next_id = next_id, next_id + 1
                steps[place] = 0
            own = {name: value[row][lanes] for name, value in values.items()}
            recorder.record_batch(ids, steps, dones=own["terminated"], lanes=np.array(lanes), **given(own, np.asarray))
            steps += 1
            for place in np.flatnonzero(own["terminated"]):
                recorder.finish_episode(int(ids[place]))
                ids[place] = -1
    return close_and_read(recorder)


class OnDevice:
    """A double of a tensor on a device: it remembers how it was cut."""

    device, detach, shape = SimpleNamespace(type="cuda"), None, (2, 64, 3)

    def __getitem__(self, index: Any) -> Any:
        return index


@pytest.mark.parametrize(
    ("lanes", "expected"),
    [
        (range(16), slice(0, 16, 1)),
        (range(0, 64, 4), slice(0, 61, 4)),
        ([5], slice(5, 6, 1)),
        ([3, 1], [3, 1]),
        ([0, 1, 3], [0, 1, 3]),
        ([], []),
    ],
)
def test_evenly_spaced_lanes_of_a_device_are_cut_without_a_wait(lanes: Any, expected: Any) -> None:
    assert _chosen(OnDevice(), (2, 64), np.array(lanes, np.int64)) == (slice(None), expected)
    values = np.arange(128).reshape(2, 64)
    assert _chosen(values, (2, 64), np.array(lanes, np.int64)).tolist() == values[:, list(lanes)].tolist()


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy, np.ndarray.tolist, np.asfortranarray])
@pytest.mark.parametrize(
    ("n_steps", "n_lanes", "share"), [(5, 3, 0.3), (1, 3, 0.3), (1, 1, 0.3), (4, 1, 0.0), (3, 2, 1.0)]
)
@pytest.mark.parametrize("lanes", [None, [0], [-1, 0]])
def test_a_rollout_is_a_loop_of_batches(
    n_steps: int, n_lanes: int, share: float, lanes: list[int] | None, kind: Callable[[Any], Any]
) -> None:
    rollouts = [rollout(n_steps, n_lanes, seed=seed, share=share) for seed in range(3)]
    chosen = None if lanes is None else sorted({lane % n_lanes for lane in lanes}, reverse=True)
    recorder = EpisodeRecorder(strict=True, sender="thread")
    for values in rollouts:
        recorder.record_rollout(**given(values, kind), lanes=chosen)
    found = close_and_read(recorder)
    expected = looped(rollouts, list(range(n_lanes)) if chosen is None else chosen)
    assert found.keys() == expected.keys()
    for number, ended in expected.items():
        own = found[number]
        assert (own.metadata.lane, own.metadata.n_steps, own.metadata.status, own.gaps) == (
            ended.metadata.lane, ended.metadata.n_steps, ended.metadata.status, ended.gaps,
        )  # fmt: skip
        for name in (*COLUMNS, "done"):
            column, other = own.episode.column(name), ended.episode.column(name)
            assert column.shape == other.shape, name
            np.testing.assert_array_equal(column, other, err_msg=name)


def test_a_rollout_in_pieces_loses_no_row() -> None:
    """A record takes two rows; the fifth is a piece by itself, and rows of one lane are halved once more."""
    frames = np.random.default_rng(0).integers(0, 255, (5, 2, 30, 1000), np.uint8)
    ends = np.zeros((5, 2), np.bool_)
    recorder = EpisodeRecorder(strict=True, sender="thread", black_box_bytes=2**20, on_full="block")
    nothing = np.zeros((5, 2))
    recorder.record_rollout(nothing, nothing, nothing, nothing, terminated=ends, extras={"frame": frames})
    for lane, ended in close_and_read(recorder).items():
        np.testing.assert_array_equal(ended.episode.column("extras.frame"), frames[:, lane])


@pytest.mark.parametrize("wrong", ["text", 5, np.float32(2), object(), np.zeros((3, 1)), [[1], [2, 3]]])
@pytest.mark.parametrize("lanes", [None, [0]])
def test_a_wrong_value_costs_the_rollout_nothing_else(wrong: Any, lanes: list[int] | None) -> None:
    recorder = EpisodeRecorder(sender="thread")
    values = rollout(3, 2, seed=0)
    values["terminated"] = np.array([[False, False], [False, False], [True, True]])
    values.pop("frame")
    ids = recorder.record_rollout(**values, extras={"x": wrong}, lanes=lanes)
    assert ids.shape == (3, len(lanes or [0, 1]))
    episodes = close_and_read(recorder)
    assert {ended.metadata.status for ended in episodes.values()} == {"complete"}
    assert recorder.stats().n_mismatched_values == ids.size
    assert_adds_up(recorder.stats(), ids.size)


@pytest.mark.parametrize(
    ("terminated", "lanes", "n_refused"),
    [
        (torch.zeros(3), None, 6),
        (torch.zeros((3, 4, 2)), [1], 3),
        ([[0], [0, 1]], None, 6),
        (None, None, 6),
        ("text", [0], 3),
        (np.zeros((3, 2)), [0, 0], 6),
        (np.zeros((3, 2)), [2], 6),
    ],
)
def test_what_says_no_ends_is_refused_and_counted_and_raises_nothing(
    terminated: Any, lanes: list[int] | None, n_refused: int
) -> None:
    recorder = EpisodeRecorder(sender="thread")
    values = rollout(3, 2, seed=0)
    del values["terminated"], values["frame"]
    assert not recorder.record_rollout(**values, terminated=terminated, lanes=lanes).size
    assert recorder.close()
    assert not recorder.record_rollout(**values, terminated=torch.zeros((3, 2))).size, "after close()"
    assert recorder.stats().n_refused_steps == n_refused + 6


@pytest.mark.parametrize(("n_steps", "n_lanes", "lanes"), [(0, 3, None), (3, 0, None), (3, 2, [])])
def test_a_rollout_of_nothing_is_nothing(n_steps: int, n_lanes: int, lanes: list[int] | None) -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    recorder.record_rollout(**given(rollout(n_steps, n_lanes, seed=0), np.asarray), lanes=lanes)
    assert close_and_read(recorder) == {}
    assert recorder.stats().n_errors == 0


def test_a_strict_recorder_raises_what_is_wrong_with_a_rollout() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    with pytest.raises(UsageError, match="named twice"):
        recorder.record_rollout(**given(rollout(2, 2, seed=0), np.asarray), lanes=[1, 1])
    recorder.close()
