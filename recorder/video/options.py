"""All options of a video as one value to store, compare and hash."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from fractions import Fraction
from typing import Any

from recorder.errors import UsageError
from recorder.video.codecs import EncoderSettings, check_one_of, check_settings
from recorder.video.kinds import check_kinds
from recorder.video.limits import MAX_SIDE, check_numbers
from recorder.video.pace import PACES, SLOW_FACTOR, PaceSpan, longest_reading
from recorder.video.sound_choices import check_sound
from recorder.video.timeline import Timeline, make_timeline

__all__ = ["DPI_RANGE", "PROFILES", "SOURCES", "STATES", "STYLES", "VideoOptions", "size_at_dpi"]

STATES = "states"
SOURCES = ("board", "picture", "both", STATES)
"""What the largest panel shows; the environment draws the recorded ``STATES`` while the video is made."""

STYLES = ("dark", "light")
"""``worker/video/canvas/theme.py`` has their colours."""
_FIGURE_INCHES = (16, 9)
DPI_RANGE = (20, MAX_SIDE // _FIGURE_INCHES[0])


def size_at_dpi(dpi: int) -> tuple[int, int]:
    """Width and height in pixels of 16 by 9 inches: 80 is 1280x720, 100 1600x900, 120 1920x1080, 150 2400x1350.

    Raises:
        UsageError: ``dpi`` is out of range.
    """
    low, high = DPI_RANGE
    if not low <= dpi <= high:
        raise UsageError(f"dpi must be {low} to {high}, got {dpi}; 80 is 1280x720, 120 is 1920x1080")
    # The encoder needs even sides.
    width, height = (round(inches * dpi) for inches in _FIGURE_INCHES)
    return width + width % 2, height + height % 2


@dataclass(frozen=True, slots=True)
class VideoOptions:
    """Options of a video.

    Args:
        width, height: in pixels, even.
        style: ``dark`` or ``light``.
        fps: frames per second.
        steps_per_second: None shows one step per frame.
        speed: multiplies ``steps_per_second``.
        pace: ``steady``, or ``story``: faster where nothing happens, slower where it matters.
        first_step, end_step: the part to show, ``first_step <= index < end_step``; None is the end.
        title_secs: duration of a title card.
        hold_secs: duration of the last step.
        source: what the largest panel shows, one of ``SOURCES``; None for pictures where there are any, else the board.
        agent: of several agents, the id of the one whose numbers are shown; None for the one with the highest return.
        learning_curve: show the run's learning curve.
        emphasis: zoom and pulse while a meter is critical, captions of what happens, and a card with the outcome.
        chapters: write markers of the episode as chapters.
        effects: theme of the sound effects; None for none.
        narrate: style of the narration; None for none.
        voice: who speaks it.
        captions: kind of the file with its sentences; None for the default.
        encoder: codec and quality.
    """

    width: int = 1600
    height: int = 900
    style: str = "dark"
    fps: float = 30.0
    steps_per_second: float | None = 8.0
    speed: float = 1.0
    pace: str = "steady"
    first_step: int = 0
    end_step: int | None = None
    title_secs: float = 0.0
    hold_secs: float = 0.0
    source: str | None = None
    agent: str | None = None
    learning_curve: bool = False
    emphasis: bool = False
    chapters: bool = True
    effects: str | None = None
    narrate: str | None = None
    voice: str = "auto"
    captions: str | None = None
    encoder: EncoderSettings = field(default_factory=EncoderSettings)

    @classmethod
    def chosen(cls, profile: str | None = None, *, dpi: int | None = None, **choices: Any) -> VideoOptions:
        """A profile's options, with changes.

        Args:
            profile: a name in ``PROFILES``, or None for the defaults.
            dpi: sets width and height; see ``size_at_dpi``.
            choices: fields of this class or of ``EncoderSettings``; None keeps the profile's value.

        Raises:
            UsageError: the profile or a field is unknown.
        """
        check_kinds(profile=profile, dpi=dpi)
        if profile is not None:
            check_one_of("profile", profile, PROFILES)
        options = cls() if profile is None else PROFILES[profile]
        if dpi is not None:
            choices["width"], choices["height"] = size_at_dpi(dpi)
        given = {name: value for name, value in choices.items() if value is not None}
        encoder_fields = {f.name for f in fields(EncoderSettings)}
        unknown = given.keys() - encoder_fields - {f.name for f in fields(cls)}
        if unknown:
            raise UsageError(f"unknown video option {', '.join(sorted(unknown))}")
        check_kinds(**{name: value for name, value in given.items() if name != "encoder"})
        encoder = replace(options.encoder, **{name: value for name, value in given.items() if name in encoder_fields})
        return replace(
            options, encoder=encoder, **{name: value for name, value in given.items() if name not in encoder_fields}
        )

    def check(self, suffix: str) -> None:
        """Check what does not depend on the episode.

        Args:
            suffix: suffix of the file, with its dot.

        Raises:
            UsageError: an option is invalid.
        """
        check_numbers({name: value for name, value in asdict(self).items() if value is not None})
        check_one_of("style", self.style, STYLES)
        if self.source is not None:
            check_one_of("source", self.source, SOURCES)
        check_one_of("pace", self.pace, PACES)
        check_settings(self.encoder, suffix, fps=self.fps)
        check_sound(
            self.encoder.codec, effects=self.effects, narrate=self.narrate, voice=self.voice, captions=self.captions
        )

    def timeline(self, n_steps: int, *, spans: Sequence[PaceSpan] = ()) -> Timeline:
        """The step that each frame shows; ``episode_timeline.timeline_of`` knows the spans of an episode.

        Args:
            n_steps: steps in the recording.
            spans: the pace of the parts; empty for the same everywhere.

        Raises:
            UsageError: no step is shown, there are too many frames, or a rate is invalid.
        """
        return make_timeline(
            n_steps,
            fps=self.fps,
            steps_per_second=self.steps_per_second,
            speed=self.speed,
            first_step=self.first_step,
            end_step=self.end_step,
            title_secs=self.title_secs,
            hold_secs=self.hold_secs,
            spans=spans,
        )

    def most_frames(self, n_steps: int) -> int:
        """Most frames that a video of so many steps can have, whatever happens in them.

        Raises:
            UsageError: as ``timeline``.
        """
        if self.pace == "steady":
            return self.timeline(n_steps).n_frames
        slowest = self.timeline(n_steps, spans=((0, SLOW_FACTOR),))
        n_steps_shown = slowest.end_index - slowest.first_index
        n_read = math.ceil(Fraction(longest_reading(n_steps_shown)) * self.rate / Fraction(str(self.speed)))
        return max(slowest.n_frames, slowest.n_title_frames + n_read + slowest.n_hold_frames)

    @property
    def rate(self) -> Fraction:
        """Frames per second as the exact fraction of the decimal number."""
        return Fraction(str(self.fps))

    @property
    def suffix(self) -> str:
        """Default suffix for the codec."""
        return {"gif": ".gif", "libvpx-vp9": ".webm"}.get(self.encoder.codec, ".mp4")

    def to_map(self) -> dict[str, Any]:
        """A JSON map; equal options give equal maps."""
        return asdict(self)

    @classmethod
    def from_map(cls, source: Mapping[str, Any]) -> VideoOptions:
        """Inverse of ``to_map``; missing keys get their defaults.

        Raises:
            UsageError: unknown key.
        """
        try:
            values = dict(source)
            encoder = EncoderSettings(**values.pop("encoder", {}))
            return cls(encoder=encoder, **values)
        except TypeError as error:
            raise UsageError(f"video options: {error}") from error


_YOUTUBE = VideoOptions(
    width=1920,
    height=1080,
    fps=60.0,
    pace="story",
    emphasis=True,
    title_secs=3.0,
    hold_secs=3.5,
    learning_curve=True,
    # YouTube's upload guide: a key frame every half second.
    encoder=EncoderSettings(keyframe_secs=0.5),
)

PROFILES: dict[str, VideoOptions] = {
    "youtube-1080p": _YOUTUBE,
    "youtube-1440p": replace(_YOUTUBE, width=2560, height=1440),
    "debug-720p": VideoOptions(width=1280, height=720, fps=30.0, encoder=EncoderSettings(crf=23, preset="veryfast")),
    "gif": VideoOptions(
        width=640, height=360, fps=12.5, steps_per_second=6.25, chapters=False, encoder=EncoderSettings(codec="gif")
    ),
    "webm": VideoOptions(
        width=1920,
        height=1080,
        fps=30.0,
        pace="story",
        encoder=EncoderSettings(codec="libvpx-vp9", crf=30, preset="medium"),
    ),
}
"""Profiles by name. The YouTube ones follow its upload guide."""
