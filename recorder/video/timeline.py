"""Which step each frame of a video shows, and the progress of its movement. Pure; frames count from 0."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from recorder.errors import UsageError
from recorder.video.limits import check_rate, check_still
from recorder.video.pace import PaceSpan

__all__ = ["Moment", "Timeline", "make_timeline"]

_MAX_FRAMES = 1_000_000
"""Nine hours at 30 frames a second; a longer video is a mistake that would block workers for days."""
_MOVING_SHARE = 0.7
"""Share of a step's time in which the agent moves; then it rests, so that steps are distinguishable."""


class Moment(NamedTuple):
    """What a frame shows.

    Args:
        step_index: index of the step.
        progress: 0 at the state before the step, 1 at its own.
        factor: how much faster than usual the video passes here.
    """

    step_index: int
    progress: float
    factor: float = 1.0


class _Stretch(NamedTuple):
    """Steps that get the same number of frames each: exact numbers, from the first step and frame on."""

    first_offset: int
    first_frame: Fraction
    steps_a_frame: Fraction
    factor: Fraction


@dataclass(frozen=True)
class Timeline:
    """Frames of an episode, made by ``make_timeline``.

    Args:
        first_index, end_index: steps shown, ``first_index <= index < end_index``.
        fps: frames per second.
        steps_per_second: steps per second of video where the factor of the pace is 1.
        n_title_frames: still frames before the first step.
        n_hold_frames: still frames after the last step.
        spans: the pace of the parts, from index 0 on; empty for the same everywhere.
    """

    first_index: int
    end_index: int
    fps: Fraction
    steps_per_second: Fraction
    n_title_frames: int = 0
    n_hold_frames: int = 0
    spans: Sequence[PaceSpan] = ()

    @cached_property
    def _stretches(self) -> list[_Stretch]:
        """The parts that are shown, in order."""
        found = [(0, Fraction(1))]
        if self.spans:
            inside = [(start - self.first_index, factor) for start, factor in self.spans if start < self.end_index]
            found = inside[max(0, bisect_right([start for start, _ in inside], 0) - 1) :]
        usual = self.steps_per_second / self.fps
        stretches: list[_Stretch] = []
        frame = Fraction(0)
        for number, (start, factor) in enumerate(found):
            if stretches:
                frame += (start - stretches[-1].first_offset) / stretches[-1].steps_a_frame
            stretches.append(_Stretch(start if number else 0, frame, usual * factor, factor))
        return stretches

    @cached_property
    def _first_frames(self) -> list[Fraction]:
        return [stretch.first_frame for stretch in self._stretches]

    @cached_property
    def _first_offsets(self) -> list[int]:
        return [stretch.first_offset for stretch in self._stretches]

    @cached_property
    def n_step_frames(self) -> int:
        """Number of frames that show steps."""
        last = self._stretches[-1]
        n_steps = self.end_index - self.first_index
        return math.ceil(last.first_frame + (n_steps - last.first_offset) / last.steps_a_frame)

    @property
    def n_frames(self) -> int:
        """Number of all frames."""
        return self.n_title_frames + self.n_step_frames + self.n_hold_frames

    def moment(self, frame: int) -> Moment | None:
        """What a frame shows; None is the title card.

        Raises:
            UsageError: no such frame.
        """
        if not 0 <= frame < self.n_frames:
            raise UsageError(f"there is no frame {frame} in a video of {self.n_frames} frames")
        place = frame - self.n_title_frames
        if place < 0:
            return None
        # A frame shows the end of its interval, so that a step's last frame shows it complete.
        stretch = self._stretches[max(0, bisect_left(self._first_frames, place + 1) - 1)]
        steps_a_frame = stretch.steps_a_frame
        end = min(
            stretch.first_offset + (place + 1 - stretch.first_frame) * steps_a_frame,
            Fraction(self.end_index - self.first_index),
        )
        offset = math.ceil(end) - 1
        done = end - offset
        progress = 1.0
        if steps_a_frame < 1 and done != 1 and place < self.n_step_frames:
            progress = _eased(min(1.0, float(done) / _MOVING_SHARE))
        factor = float(stretch.factor) if place < self.n_step_frames else 1.0
        return Moment(self.first_index + offset, progress, factor)

    def frame_of_step(self, index: int) -> int:
        """First frame that shows the step at ``index``."""
        offset = index - self.first_index
        stretch = self._stretches[max(0, bisect_right(self._first_offsets, offset) - 1)]
        place = stretch.first_frame + (offset - stretch.first_offset) / stretch.steps_a_frame
        return self.n_title_frames + math.floor(place)

    def time_of_step(self, index: int) -> float:
        """Seconds until the first frame that shows the step at ``index``."""
        return float(self.frame_of_step(index) / self.fps)


def _eased(share: float) -> float:
    """Smoothstep."""
    return share * share * (3 - 2 * share)


def make_timeline(
    n_steps: int,
    *,
    fps: float | Fraction = 30,
    steps_per_second: float | Fraction | None = None,
    speed: float | Fraction = 1,
    first_step: int = 0,
    end_step: int | None = None,
    title_secs: float = 0.0,
    hold_secs: float = 0.0,
    spans: Sequence[PaceSpan] = (),
) -> Timeline:
    """Make the timeline of an episode.

    Args:
        n_steps: steps in the recording.
        fps: frames per second.
        steps_per_second: None shows one step per frame.
        speed: multiplies ``steps_per_second``.
        first_step, end_step: part to show, as indexes, ``first_step <= index < end_step``; None is the end.
        title_secs: duration of a title card.
        hold_secs: duration of the last step.
        spans: the pace of the parts; see ``recorder.video.pace``.

    Raises:
        UsageError: a rate is not 0.001 to 1000, a still picture is longer than ten minutes, no step is shown, or there
            are more than a million frames.
    """
    rate = _rate("fps", fps)
    pace = (rate if steps_per_second is None else _rate("steps_per_second", steps_per_second)) * _rate("speed", speed)
    end = n_steps if end_step is None else min(end_step, n_steps)
    if n_steps == 0:
        raise UsageError("the recording has no steps to show")
    if not 0 <= first_step < end:
        raise UsageError(f"steps {first_step} to {end} select nothing in an episode of {n_steps} steps")
    check_still("title_secs", title_secs)
    check_still("hold_secs", hold_secs)
    timeline = Timeline(first_step, end, rate, pace, round(title_secs * rate), round(hold_secs * rate), spans)
    if timeline.n_frames > _MAX_FRAMES:
        raise UsageError(
            f"a video can have at most {_MAX_FRAMES} frames, got {timeline.n_frames}: show fewer steps (first_step, end_step),"
            " or choose a higher speed (speed, steps_per_second) or fewer frames a second (fps)"
        )
    return timeline


def _rate(name: str, value: float | Fraction) -> Fraction:
    check_rate(name, value)
    # The decimal number counts: 29.97 is 2997/100, not its binary approximation.
    return value if isinstance(value, Fraction) else Fraction(str(value))
