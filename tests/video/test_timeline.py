from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import UsageError
from recorder.video.timeline import Moment, make_timeline

RATES = st.sampled_from([5, 12.5, 23.976, 29.97, 30, 60])


def shown(timeline):
    return [timeline.moment(frame) for frame in range(timeline.n_frames)]


def test_one_step_a_frame_unless_a_pace_is_given() -> None:
    assert shown(make_timeline(3)) == [Moment(0, 1.0), Moment(1, 1.0), Moment(2, 1.0)]


def test_a_slower_pace_glides_into_each_step_and_rests_there() -> None:
    moments = shown(make_timeline(2, fps=30, steps_per_second=3))
    assert len(moments) == 20
    assert [moment.step_index for moment in moments] == [0] * 10 + [1] * 10
    progress = [moment.progress for moment in moments[:10]]
    assert progress == sorted(progress)
    assert progress[0] > 0
    assert progress[-3:] == [1.0, 1.0, 1.0]


def test_double_speed_halves_the_frames() -> None:
    assert make_timeline(100, fps=30, steps_per_second=10, speed=2).n_frames == 150


def test_title_and_last_step_stay_for_the_given_seconds() -> None:
    timeline = make_timeline(4, fps=10, title_secs=0.5, hold_secs=0.3)
    moments = shown(timeline)
    assert moments[:5] == [None] * 5
    assert moments[5] == Moment(0, 1.0)
    assert moments[-4:] == [Moment(3, 1.0)] * 4
    assert timeline.frame_of_step(0) == 5


@given(n_steps=st.integers(1, 400), fps=RATES, pace=st.one_of(st.none(), RATES, st.floats(0.5, 900)), data=st.data())
def test_every_video_begins_and_ends_at_its_steps_without_going_back(
    n_steps: int, fps: float, pace: float | None, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, n_steps - 1))
    end = data.draw(st.integers(first + 1, n_steps))
    if pace is not None and fps / pace > 30:
        pace = fps / 30
    timeline = make_timeline(n_steps, fps=fps, steps_per_second=pace, first_step=first, end_step=end)
    moments = shown(timeline)
    assert moments[-1] == Moment(end - 1, 1.0)
    assert moments == sorted(moments)
    indices = [moment.step_index for moment in moments]
    assert all(first <= index < end for index in indices)
    if pace is None or pace <= fps:
        assert set(indices) == set(range(first, end))
    for index in set(indices):
        frame = timeline.frame_of_step(index)
        assert timeline.moment(frame).step_index >= index
        assert frame == 0 or timeline.moment(frame - 1).step_index <= index


def test_a_rate_is_read_as_its_decimal_text() -> None:
    assert make_timeline(1, fps=29.97).fps == Fraction(2997, 100)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_steps": 0}, "has no steps"),
        ({"n_steps": 5, "fps": 0}, "fps must be 0.001 to 1000"),
        ({"n_steps": 5, "fps": float("nan")}, "fps must be 0.001 to 1000"),
        ({"n_steps": 5, "speed": -1}, "speed must be 0.001"),
        ({"n_steps": 5, "first_step": 5}, "select nothing"),
        ({"n_steps": 5, "first_step": 3, "end_step": 3}, "select nothing"),
        ({"n_steps": 5, "title_secs": -1}, "title_secs must be 0 to 600 seconds"),
        ({"n_steps": 5, "title_secs": float("nan")}, "title_secs must be 0 to 600 seconds"),
        ({"n_steps": 5, "hold_secs": float("inf")}, "hold_secs must be 0 to 600 seconds"),
        ({"n_steps": 5, "hold_secs": 1e8}, "hold_secs must be 0 to 600 seconds"),
        ({"n_steps": 5000, "speed": 0.001}, "at most 1000000 frames, got 5000000: show fewer steps"),
    ],
)
def test_an_empty_or_endless_video_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_timeline(**wrong)


def test_a_frame_beyond_the_end_is_refused() -> None:
    with pytest.raises(UsageError, match="no frame 3 in a video of 3 frames"):
        make_timeline(3).moment(3)
