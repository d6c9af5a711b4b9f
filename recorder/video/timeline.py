"""Which step each frame of a video shows, and the progress of its movement. Pure; frames count from 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from recorder.errors import UsageError
from recorder.video.limits import check_rate, check_still

__all__ = ["Moment", "Timeline", "make_timeline"]

_MAX_FRAMES = 1_000_000
"""Nine hours at 30 frames a second; a longer video is a mistake that would block workers for days."""
_MOVING_SHARE = 0.7
"""Share of a step's time in which the agent moves; then it rests, so that steps are distinguishable."""


class Moment(NamedTuple):
    """What a frame shows: the step at ``step_index``; ``progress`` is 0 at the previous state, 1 at its own."""

    step_index: int
    progress: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """Frames of an episode, made by ``make_timeline``.

    Args:
        first_index, end_index: steps shown, ``first_index <= index < end_index``.
        fps: frames per second.
        steps_per_second: steps per second of video.
        n_title_frames: still frames before the first step.
        n_hold_frames: still frames after the last step.
    """

    first_index: int
    end_index: int
    fps: Fraction
    steps_per_second: Fraction
    n_title_frames: int = 0
    n_hold_frames: int = 0

    @property
    def n_step_frames(self) -> int:
        """Number of frames that show steps."""
        return math.ceil((self.end_index - self.first_index) * self.fps / self.steps_per_second)

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
        steps_a_frame = self.steps_per_second / self.fps
        end = min((place + 1) * steps_a_frame, Fraction(self.end_index - self.first_index))
        offset = math.ceil(end) - 1
        done = end - offset
        if steps_a_frame >= 1 or done == 1 or place >= self.n_step_frames:
            return Moment(self.first_index + offset, 1.0)
        return Moment(self.first_index + offset, _eased(min(1.0, float(done) / _MOVING_SHARE)))

    def frame_of_step(self, index: int) -> int:
        """First frame that shows the step at ``index``."""
        steps_a_frame = self.steps_per_second / self.fps
        return self.n_title_frames + math.floor((index - self.first_index) / steps_a_frame)

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
    timeline = Timeline(first_step, end, rate, pace, round(title_secs * rate), round(hold_secs * rate))
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
