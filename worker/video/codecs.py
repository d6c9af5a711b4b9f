"""What ffmpeg is told about the file it writes: codec, quality, colours. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction

from recorder.errors import UsageError

__all__ = ["X264_PRESETS", "EncoderSettings", "check_settings", "holds_chapters", "output_arguments"]

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
_MAX_CRF = {"libx264": 51, "libx265": 51, "libvpx-vp9": 63, "libsvtav1": 63, "gif": 51}
_MAX_GIF_FPS = 50
_VP9_SPEEDS = {name: max(0, 5 - i // 2) for i, name in enumerate(X264_PRESETS)}
_SVT_PRESETS = {name: 12 - i for i, name in enumerate(X264_PRESETS)}


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

    codec: str = "libx264"
    crf: int = 18
    preset: str = "slow"
    keyframe_secs: float = 2.0
    n_threads: int = 0


def check_settings(settings: EncoderSettings, suffix: str, *, fps: float) -> None:
    """Check that the settings can be, and that a file with this suffix can hold the codec, at so many frames a second.

    Raises:
        UsageError: they can't; the message names what can.
    """
    _one_of("codec", settings.codec, tuple(_SUFFIXES))
    _one_of("preset", settings.preset, X264_PRESETS)
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


def holds_chapters(suffix: str) -> bool:
    """Whether a file with this suffix can hold chapters and tags."""
    return suffix.lower() != ".gif"


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        near = get_close_matches(value, allowed, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"{name} is one of {', '.join(allowed)}, not {value!r}{hint}")


def output_arguments(settings: EncoderSettings, fps: Fraction) -> list[str]:
    """ffmpeg's arguments after the input, up to the file's name."""
    if settings.codec == "gif":
        # A palette for each frame: one for all would need all frames in memory. Only what changes is stored.
        return [
            "-filter_complex",
            "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1:dither=none:diff_mode=rectangle",
            "-loop",
            "0",
        ]
    group = max(1, round(settings.keyframe_secs * fps))
    arguments = [
        "-c:v",
        settings.codec,
        "-crf",
        str(settings.crf),
        "-pix_fmt",
        "yuv420p",
        "-g",
        str(group),
        "-fps_mode",
        "cfr",
    ]
    if settings.n_threads:
        arguments += ["-threads", str(settings.n_threads)]
    match settings.codec:
        case "libx264":
            # Lossless H.264 (crf 0) has a profile of its own.
            profile = ["-profile:v", "high"] if settings.crf else []
            # Chroma location 1: chroma samples lie in the middle of their four pixels.
            arguments += ["-preset", settings.preset, *profile, "-x264-params", "open-gop=0:chromaloc=1"]
        case "libx265":
            arguments += ["-preset", settings.preset, "-tag:v", "hvc1", "-x265-params", "open-gop=0:log-level=warning"]
        case "libvpx-vp9":
            arguments += ["-b:v", "0", "-row-mt", "1", "-cpu-used", str(_VP9_SPEEDS[settings.preset])]
        case "libsvtav1":
            arguments += ["-preset", str(_SVT_PRESETS[settings.preset])]
    arguments += ["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    return (
        [*arguments, "-movflags", "+faststart"] if settings.codec in ("libx264", "libx265", "libsvtav1") else arguments
    )
