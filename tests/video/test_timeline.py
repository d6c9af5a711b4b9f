from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.errors import UsageError
from recorder.outline import Marker
from recorder.video.options import VideoOptions
from recorder.video.pace import story_spans
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


@pytest.mark.parametrize("first", [0, 3, 12, 25])
def test_a_story_shows_each_step_for_its_share_of_the_time(first: int) -> None:
    spans = ((0, Fraction(1)), (10, Fraction(3)), (22, Fraction(1, 2)), (26, Fraction(1)))
    timeline = make_timeline(30, fps=24, steps_per_second=8, first_step=first, spans=spans)
    moments = [timeline.moment(frame) for frame in range(timeline.n_frames)]
    counts = Counter(moment.step_index for moment in moments)
    wanted = {**dict.fromkeys(range(10), 3), **dict.fromkeys(range(10, 22), 1), **dict.fromkeys(range(22, 26), 6)}
    assert counts == {index: wanted.get(index, 3) for index in range(first, 30)}
    assert [moment.step_index for moment in moments] == sorted(moment.step_index for moment in moments)
    assert all(moments[timeline.frame_of_step(index)].step_index == index for index in range(first, 30))
    factors = {moment.step_index: moment.factor for moment in moments}
    assert all(factors[index] == 3.0 for index in range(max(first, 10), 22))


def test_a_story_hurries_through_dull_stretches_and_slows_down_before_the_end() -> None:
    markers = [Marker(40, "low_meter", "energy at 9%"), Marker(60, "unsure", ""), Marker(99, "end", "end")]
    spans = story_spans(markers, [(10, 50), (70, 75)], 100)
    factor = [float([of for start, of in spans if start <= index][-1]) for index in range(100)]
    assert [factor[index] for index in (0, 9, 10, 37, 38, 43, 44, 50, 60, 70, 75, 95, 96, 99)] == (
        [1.0, 1.0, 3.0, 3.0, 0.5, 0.5, 3.0, 1.0, 1.0, 3.0, 1.0, 1.0, 0.5, 0.5]
    )
    assert story_spans([], [], 1) == ((0, Fraction(1)),)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 30), st.sampled_from([Fraction(1), Fraction(3), Fraction(1, 2)])), min_size=1))
def test_a_storys_frames_are_between_those_of_its_fastest_and_slowest_part(parts) -> None:
    starts = [0, *itertools.accumulate(length for length, _ in parts)]
    spans = tuple((start, factor) for start, (_, factor) in zip(starts, parts, strict=False))
    n_steps = starts[-1]
    story = make_timeline(n_steps, fps=30, steps_per_second=7, spans=spans)
    assert make_timeline(n_steps, fps=30, steps_per_second=21).n_frames <= story.n_frames
    assert story.n_frames <= VideoOptions(pace="story", steps_per_second=7.0).most_frames(n_steps)
    assert [story.moment(frame).step_index for frame in (0, story.n_frames - 1)] == [0, n_steps - 1]
