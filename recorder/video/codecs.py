"""Codecs, their options and their file types. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches

from recorder.errors import UsageError

__all__ = ["CODECS", "X264_PRESETS", "EncoderSettings", "check_one_of", "check_settings"]

X264_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)

_SUFFIXES = {
    "libx264": (".mp4", ".mov", ".mkv"),
    "libx265": (".mp4", ".mov", ".mkv"),
    "libvpx-vp9": (".webm", ".mkv"),
    "libsvtav1": (".mp4", ".webm", ".mkv"),
    "gif": (".gif",),
}
CODECS = tuple(_SUFFIXES)
"""Names of the codecs, the default first."""

_MAX_CRF = {"libx264": 51, "libx265": 51, "libvpx-vp9": 63, "libsvtav1": 63, "gif": 51}
_MAX_GIF_FPS = 50


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """Settings of the encoder.

    Args:
        codec: ffmpeg's name of the encoder.
        crf: constant quality; lower is better and larger. x264 at 18 is nearly lossless to the eye.
        preset: x264's preset; slower makes smaller files.
        keyframe_secs: longest time between key frames, to which players can seek.
        n_threads: threads of the encoder; 0 uses all cores.
    """

    codec: str = CODECS[0]
    crf: int = 18
    preset: str = "slow"
    keyframe_secs: float = 2.0
    n_threads: int = 0


def check_settings(settings: EncoderSettings, suffix: str, *, fps: float) -> None:
    """Check the settings and that a file with this suffix can hold the codec.

    Raises:
        UsageError: a setting is invalid; the message has the valid ones.
    """
    check_one_of("codec", settings.codec, CODECS)
    check_one_of("preset", settings.preset, X264_PRESETS)
    if not 0 <= settings.crf <= _MAX_CRF[settings.codec]:
        raise UsageError(f"crf must be 0 to {_MAX_CRF[settings.codec]} for {settings.codec}, got {settings.crf}")
    if not 0 < settings.keyframe_secs <= 60:
        raise UsageError(f"keyframe_secs must be above 0 and at most 60, got {settings.keyframe_secs}")
    suffixes = _SUFFIXES[settings.codec]
    if suffix.lower() not in suffixes:
        raise UsageError(f"a video with codec {settings.codec} must end in {' or '.join(suffixes)}, not in {suffix!r}")
    if settings.codec == "gif" and fps > _MAX_GIF_FPS:
        raise UsageError(
            f"a GIF can have at most {_MAX_GIF_FPS} frames a second, got {fps}: browsers slow down frames of less than two"
            " hundredths of a second"
        )


def check_one_of(name: str, value: str, allowed: Collection[str]) -> None:
    """Check a choice of words.

    Raises:
        UsageError: it is not allowed; the message has the allowed ones and the nearest.
    """
    if value not in allowed:
        near = get_close_matches(value, list(allowed), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"{name} must be one of {', '.join(allowed)}, got {value[:40]!r}{hint}")
