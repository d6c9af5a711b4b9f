"""A recorder that is closed while a call reads its values: the call is counted as refused, not lost after the end of the run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recorder.capture import EpisodeRecorder
from tests.capture.recorded import STEP, assert_adds_up, close_and_read, record


class _Closing:
    """An array-like that closes the recorder when it is read, as a signal handler or another thread may at that moment."""

    shape, dtype = (2,), np.dtype(np.float64)

    def __init__(self) -> None:
        self.recorder: EpisodeRecorder | None = None

    def __array__(self, *_arguments: Any, **_named: Any) -> np.ndarray[Any, Any]:
        if self.recorder is not None:
            assert self.recorder.close()
        return np.array([1.0, 2.0])


@pytest.mark.parametrize("n_before", [0, 5])
def test_a_step_that_is_read_while_the_recorder_closes_is_refused(n_before: int) -> None:
    recorder, value = EpisodeRecorder(sender="thread"), _Closing()
    record(recorder, 7, range(n_before), extras={"odd": value})
    value.recorder = recorder
    recorder.record_step(7, n_before, **STEP, extras={"odd": value})
    stats = recorder.stats()
    assert (stats.n_recorded_steps, stats.n_refused_steps) == (n_before, 1)
    assert_adds_up(stats, n_before + 1)


@pytest.mark.parametrize("n_before", [0, 5])
def test_lanes_that_are_read_while_the_recorder_closes_are_refused(n_before: int) -> None:
    recorder, value = EpisodeRecorder(sender="thread"), _Closing()
    for step in range(n_before):
        recorder.record_batch([1, 2], [step, step], None, None, None, [1.0, 2.0], extras={"odd": value})
    value.recorder = recorder
    recorder.record_batch([1, 2], [n_before, n_before], None, None, None, [1.0, 2.0], extras={"odd": value})
    stats = recorder.stats()
    assert (stats.n_recorded_steps, stats.n_refused_steps) == (2 * n_before, 2)


def test_an_end_whose_metadata_closes_the_recorder_is_refused_and_the_episode_ends_all_the_same() -> None:
    class _Metadata(dict[str, Any]):
        def items(self) -> Any:
            assert recorder.close()
            return super().items()

    recorder = EpisodeRecorder(sender="thread")
    record(recorder, 7, range(3))
    recorder.finish_episode(7, _Metadata(curriculum_stage=2))
    assert recorder.stats().n_errors == 1
    assert str(close_and_read(recorder)[7].metadata.status) == "truncated"
