from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from worker.video.queue.planning import cut


@given(
    n_frames=st.integers(1, 50_000),
    side=st.integers(80, 2000),
    fps=st.sampled_from([Fraction(30), Fraction(60), Fraction(2997, 100)]),
    keyframe_secs=st.floats(0.1, 10),
)
def test_segments_hold_every_frame_once_and_begin_at_key_frames(
    n_frames: int, side: int, fps: Fraction, keyframe_secs: float
) -> None:
    spans = cut(n_frames, width=side, height=side, fps=fps, keyframe_secs=keyframe_secs, whole=False)
    assert [frame for start, n in spans for frame in range(start, start + n)] == list(range(n_frames))
    group = max(1, round(keyframe_secs * fps))
    assert all(start % group == 0 for start, _ in spans)
    assert all(n * side * side <= 2 * 2**30 + group * side * side for _, n in spans)
    n_groups = [math.ceil(n / group) for _, n in spans]
    assert max(n_groups) - min(n_groups) <= 1


def test_a_long_episode_is_shared_evenly_enough_for_two_workers() -> None:
    spans = cut(5000, width=1920, height=1080, fps=Fraction(30), keyframe_secs=2.0, whole=False)
    one = sum(n for i, (_, n) in enumerate(spans) if i % 2 == 0)
    assert len(spans) >= 8
    assert 5000 / max(one, 5000 - one) > 1.95


def test_a_format_that_cannot_be_joined_is_one_segment() -> None:
    assert cut(90_000, width=640, height=360, fps=Fraction(10), keyframe_secs=2.0, whole=True) == [(0, 90_000)]
