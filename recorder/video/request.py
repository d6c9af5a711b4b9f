"""The request for a video, as it stands in the catalog: what the one who asks and the worker who renders agree on.

Whatever makes a request impossible is found here, so that it is refused at once, by the same words at every door; and the same
request has the same form whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from recorder.errors import UsageError
from recorder.video.options import VideoOptions

__all__ = [
    "RENDER_QUEUE",
    "RENDER_TASK",
    "VIDEO_CHOICES",
    "content_hash_of_request",
    "make_request",
    "options_of_request",
]

RENDER_TASK = "hamlet.render_video"
"""Name of the Celery task that begins a video; its argument is the video's id."""
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
    "first_step": int,
    "end_step": int,
    "title_secs": float,
    "hold_secs": float,
    "learning_curve": bool,
    "chapters": bool,
    "codec": str,
    "crf": int,
    "preset": str,
}
"""What can be chosen, and of which type each choice is; ``docs/video.md`` explains them."""

_CONTENT_HASH = "content_hash"


def make_request(
    content_hash: str, choices: Mapping[str, Any], *, n_steps: int, max_pixels: int | None = None
) -> dict[str, Any]:
    """The options of a row in ``videos``.

    Args:
        content_hash: of the recording, so that an episode that was played again is another video.
        choices: names from ``VIDEO_CHOICES``; None is the same as leaving it out.
        n_steps: of the recording.
        max_pixels: of all frames together; None for no bound.

    Raises:
        UsageError: a name is unknown, a value is of another type or can't be, or the frames would be none or too many.
    """
    request: dict[str, Any] = {_CONTENT_HASH: content_hash}
    for name, value in choices.items():
        kind = VIDEO_CHOICES.get(name)
        if kind is None:
            near = get_close_matches(name, VIDEO_CHOICES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"a video has no choice {name[:40]!r}{hint}; it has {', '.join(VIDEO_CHOICES)}")
        if value is None:
            continue
        if kind is float and type(value) is int:
            try:
                value = float(value)
            except OverflowError as error:
                raise UsageError(f"{name} of a video is far too large") from error
        if type(value) is not kind:
            raise UsageError(f"{name} of a video is of type {kind.__name__}, not {type(value).__name__}")
        request[name] = value
    options = options_of_request(request)
    n_frames = options.timeline(n_steps).n_frames
    n_pixels = options.width * options.height * n_frames
    if max_pixels is not None and n_pixels > max_pixels:
        raise UsageError(
            f"{n_frames} frames of {options.width}x{options.height} are {n_pixels} pixels, and a video may have {max_pixels} "
            "(recording.render.max_pixels): take a smaller picture (dpi, width, height), fewer frames a second (fps), or "
            "show fewer steps (first_step, end_step) or show them faster (speed)"
        )
    return request


def content_hash_of_request(request: Mapping[str, Any]) -> str:
    """The content hash of the recording that a request was made for."""
    return str(request.get(_CONTENT_HASH, ""))


def options_of_request(request: Mapping[str, Any]) -> VideoOptions:
    """The options that a request comes to.

    Raises:
        UsageError: it can't be.
    """
    options = VideoOptions.chosen(**{name: value for name, value in request.items() if name != _CONTENT_HASH})
    options.check(options.suffix)
    return options
