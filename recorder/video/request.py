"""The request for a video, as stored in the catalog.

An impossible request is refused here, with the same message everywhere. Equal requests have equal forms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any

from recorder.errors import UsageError
from recorder.video.codecs import CODECS, X264_PRESETS
from recorder.video.options import PROFILES, SOURCES, STYLES, VideoOptions
from recorder.video.pace import PACES
from recorder.video.sound_choices import CAPTION_KINDS, NARRATION_STYLES, THEMES, VOICES, captions_of

__all__ = [
    "NAMED_VALUES",
    "RENDER_QUEUE",
    "RENDER_TASK",
    "VIDEO_CHOICES",
    "captions_path",
    "content_hash_of_request",
    "make_request",
    "options_of_request",
]

RENDER_TASK = "hamlet.render_video"
"""Celery task that starts a video; its argument is the video's id."""
RENDER_QUEUE = "render"

VIDEO_CHOICES: Mapping[str, type] = {
    "profile": str,
    "style": str,
    "dpi": int,
    "width": int,
    "height": int,
    "fps": float,
    "steps_per_second": float,
    "speed": float,
    "pace": str,
    "first_step": int,
    "end_step": int,
    "title_secs": float,
    "hold_secs": float,
    "source": str,
    "agent": str,
    "learning_curve": bool,
    "emphasis": bool,
    "chapters": bool,
    "effects": str,
    "narrate": str,
    "voice": str,
    "captions": str,
    "codec": str,
    "crf": int,
    "preset": str,
}
"""Choices and their types; see ``docs/video.md``."""

_MAX_SOUND_MINUTES = 15
"""The worker that joins a video makes its sound, within the time limit of one task."""

NAMED_VALUES: Mapping[str, Sequence[str]] = {
    "profile": tuple(PROFILES),
    "style": STYLES,
    "pace": PACES,
    "source": SOURCES,
    "effects": THEMES,
    "narrate": NARRATION_STYLES,
    "voice": VOICES,
    "captions": CAPTION_KINDS,
    "codec": CODECS,
    "preset": X264_PRESETS,
}
"""Values of the choices that have names."""

_CONTENT_HASH = "content_hash"


def make_request(
    content_hash: str, choices: Mapping[str, Any], *, n_steps: int, max_pixels: int | None = None
) -> dict[str, Any]:
    """Options of a row in ``videos``.

    Args:
        content_hash: hash of the recording, so that a later play gets another video.
        choices: names in ``VIDEO_CHOICES``; None means left out.
        n_steps: steps in the recording.
        max_pixels: limit on the pixels of all frames; None sets none.

    Raises:
        UsageError: a name is unknown, a value is invalid, or there are no or too many frames.
    """
    request: dict[str, Any] = {_CONTENT_HASH: content_hash}
    for name, value in choices.items():
        kind = VIDEO_CHOICES.get(name)
        if kind is None:
            near = get_close_matches(name, VIDEO_CHOICES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"unknown video choice {name[:40]!r}{hint}; expected {', '.join(VIDEO_CHOICES)}")
        if value is None:
            continue
        if kind is float and type(value) is int:
            try:
                value = float(value)
            except OverflowError as error:
                raise UsageError(f"{name} is too large") from error
        if type(value) is not kind:
            raise UsageError(f"{name} must be of type {kind.__name__}, got {type(value).__name__}")
        request[name] = value
    options = options_of_request(request)
    n_frames = options.most_frames(n_steps)
    n_pixels = options.width * options.height * n_frames
    if max_pixels is not None and n_pixels > max_pixels:
        raise UsageError(
            f"{n_frames} frames of {options.width}x{options.height} have {n_pixels} pixels; the limit is {max_pixels} "
            "(recording.render.max_pixels): choose a smaller picture (dpi, width, height), fewer frames a second (fps), "
            "fewer steps (first_step, end_step) or a higher speed"
        )
    minutes = float(n_frames / options.rate) / 60
    if (options.effects is not None or options.narrate is not None) and minutes > _MAX_SOUND_MINUTES:
        raise UsageError(
            f"a requested video with effects or narrate can last {_MAX_SOUND_MINUTES} minutes, got {minutes:.0f}: show fewer "
            "steps (first_step, end_step), choose a higher speed, or make it with 'hamlet-recorder export'"
        )
    return request


def content_hash_of_request(request: Mapping[str, Any]) -> str:
    """Content hash of the requested recording."""
    return str(request.get(_CONTENT_HASH, ""))


def options_of_request(request: Mapping[str, Any]) -> VideoOptions:
    """Options of a request.

    Raises:
        UsageError: an option is invalid.
    """
    if not isinstance(request, Mapping):  # another program has written into the catalog
        raise UsageError("the catalog's request for this video can't be read: request the video again")
    options = VideoOptions.chosen(**{name: value for name, value in request.items() if name != _CONTENT_HASH})
    options.check(options.suffix)
    return options


def captions_path(request: Mapping[str, Any], video_path: str) -> str | None:
    """Path of the captions of a stored video, beside it; None if the request wants none.

    Raises:
        UsageError: an option is invalid.
    """
    options = options_of_request(request)
    kind = captions_of(options.narrate, options.captions)
    return None if kind is None else str(PurePosixPath(video_path).with_suffix(f".{kind}"))
