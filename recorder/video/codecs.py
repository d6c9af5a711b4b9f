"""Which codecs there are, what can be said to each of them, and which files hold what it makes. Pure."""

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
"""Names, the default first."""

_MAX_CRF = {"libx264": 51, "libx265": 51, "libvpx-vp9": 63, "libsvtav1": 63, "gif": 51}
_MAX_GIF_FPS = 50


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """How frames become a file.

    Args:
        codec: ffmpeg's name of the encoder.
        crf: constant quality; lower is better and larger. 18 of x264 can hardly be told from the original.
        preset: how long the encoder searches, in x264's words; slower is smaller.
        keyframe_secs: at most so many seconds from one point that a player can jump to, to the next.
        n_threads: of the encoder; 0 takes what the machine has.
    """

    codec: str = CODECS[0]
    crf: int = 18
    preset: str = "slow"
    keyframe_secs: float = 2.0
    n_threads: int = 0


def check_settings(settings: EncoderSettings, suffix: str, *, fps: float) -> None:
    """Check that the settings can be, and that a file with this suffix can hold the codec, at so many frames a second.

    Raises:
        UsageError: they can't; the message names what can.
    """
    check_one_of("codec", settings.codec, CODECS)
    check_one_of("preset", settings.preset, X264_PRESETS)
    if not 0 <= settings.crf <= _MAX_CRF[settings.codec]:
        raise UsageError(f"crf of {settings.codec} is 0 to {_MAX_CRF[settings.codec]}, not {settings.crf}")
    if not 0 < settings.keyframe_secs <= 60:
        raise UsageError(f"keyframe_secs is above 0 and up to 60, not {settings.keyframe_secs}")
    suffixes = _SUFFIXES[settings.codec]
    if suffix.lower() not in suffixes:
        raise UsageError(f"a video of {settings.codec} ends in {' or '.join(suffixes)}, not in {suffix!r}")
    if settings.codec == "gif" and fps > _MAX_GIF_FPS:
        raise UsageError(
            f"a GIF has at most {_MAX_GIF_FPS} frames a second, not {fps}: it counts in hundredths of a second, and browsers"
            " slow frames of less than two of them down"
        )


def check_one_of(name: str, value: str, allowed: Collection[str]) -> None:
    """Check a choice that is a word.

    Raises:
        UsageError: it is none of those that are allowed; the message names them, and the nearest.
    """
    if value not in allowed:
        near = get_close_matches(value, list(allowed), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"{name} is one of {', '.join(allowed)}, not {value[:40]!r}{hint}")
