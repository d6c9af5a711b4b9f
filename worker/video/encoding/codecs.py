"""ffmpeg's options for the output file: codec, quality, colours. Pure."""

from __future__ import annotations

from fractions import Fraction

from recorder.video.codecs import X264_PRESETS, EncoderSettings

__all__ = ["holds_chapters", "output_arguments"]

_VP9_SPEEDS = {name: max(0, 5 - i // 2) for i, name in enumerate(X264_PRESETS)}
_SVT_PRESETS = {name: 12 - i for i, name in enumerate(X264_PRESETS)}


def holds_chapters(suffix: str) -> bool:
    """Return whether a file with this suffix can have chapters and tags."""
    return suffix.lower() != ".gif"


def output_arguments(settings: EncoderSettings, fps: Fraction) -> list[str]:
    """Return ffmpeg's arguments between the input and the file name; ``GifEncoder`` has those of a GIF."""
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
            # lossless H.264 (crf 0) needs another profile
            profile = ["-profile:v", "high"] if settings.crf else []
            # chroma location 1: chroma samples are in the centre of their four pixels
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
