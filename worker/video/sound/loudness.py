"""Brings a sound to the loudness of the web, and encodes it for a kind of file."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from recorder.errors import VideoError
from worker.video.encoding.ffmpeg import Ffmpeg, ask_ffmpeg
from worker.video.sound.waves import RATE, Samples

__all__ = ["LOUDNESS", "MAX_PEAK", "Loudness", "encode_sound", "measure_loudness", "write_lossless"]

LOUDNESS = -14.0
"""LUFS, as YouTube and others play videos; louder ones are turned down."""
MAX_PEAK = -1.0
"""dBTP; higher peaks distort when a player decodes them."""

_NEAR = 0.3
"""LU; a file this near to the loudness is not encoded again."""
_CODEC_PEAK = 0.8
"""dB; how much a codec may raise a peak."""
_MAX_PASSES = 6
_HEADROOM = 0.25
"""Gain before the lossless file, which can hold no sample above 1."""
_AS_RAW = ["-f", "f32le", "-ar", str(RATE), "-ac", "2"]


class Loudness(NamedTuple):
    """Integrated loudness in LUFS, and true peak in dBTP; both ``-inf`` for silence."""

    lufs: float
    peak: float


def write_lossless(blocks: Iterable[Samples], path: Path) -> None:
    """Write blocks of ``float32[n, 2]`` as a FLAC file, 12 dB quieter.

    Raises:
        VideoError: ffmpeg failed.
    """
    ffmpeg = Ffmpeg([*_AS_RAW, "-i", "pipe:0", "-c:a", "flac", "-sample_fmt", "s32"], path, has_input=True)
    try:
        for block in blocks:
            ffmpeg.write((_HEADROOM * block).reshape(-1).view("u1").data)
        ffmpeg.finish(None)
    except OSError as error:
        ffmpeg.process.wait()
        raise ffmpeg.error("ffmpeg ended before the sound did") from error
    finally:
        ffmpeg.kill()


def measure_loudness(path: Path, filters: str = "anull") -> Loudness:
    """Measure a file by ITU-R BS.1770.

    Args:
        filters: of ffmpeg, through which the sound goes before.

    Raises:
        VideoError: ffmpeg failed, or the file has no sound.
    """
    said = ask_ffmpeg(["-i", str(path), "-map", "0:a", "-af", f"{filters},ebur128=peak=true:framelog=quiet"])
    summary = said.rpartition("Summary:")[2]
    found = [re.search(pattern, summary) for pattern in (r"I:\s+(\S+) LUFS", r"Peak:\s+(\S+) dBFS")]
    if not all(found):
        raise VideoError(f"ffmpeg measured no loudness: {path}")
    lufs, peak = (float(match.group(1)) for match in found if match is not None)
    # The scale ends at -70: below are silence, and sounds shorter than its window of 0.4 seconds.
    return Loudness(lufs if lufs > -70 else -math.inf, peak)


def encode_sound(source: Path, path: Path, *, check: Callable[[], None] = lambda: None) -> Loudness:
    """Encode a sound at ``LOUDNESS``, with all peaks below ``MAX_PEAK``.

    The sound is measured, also after the limiter, until the gain is right. Then it is encoded and measured once more, because
    the codec changes the peaks.

    Args:
        source: a lossless file.
        path: ``.m4a`` for AAC, ``.webm`` for Opus.
        check: called before each pass; what it raises ends the work.

    Returns:
        What the encoded file has. Silence and very short sounds have no loudness; they are only kept below the peak.

    Raises:
        VideoError: ffmpeg failed.
    """
    measured = measure_loudness(source)
    limit = MAX_PEAK - _CODEC_PEAK
    has_loudness = not math.isinf(measured.lufs)
    gain = LOUDNESS - measured.lufs if has_loudness else 0.0 if math.isinf(measured.peak) else limit - measured.peak
    for _ in range(_MAX_PASSES):
        check()
        needs_limiter = measured.peak + gain > limit
        if has_loudness and needs_limiter:
            gain = _gain_before_limiter(source, gain, limit, check)
        _encode(source, path, _filters(gain, limit))
        result = measure_loudness(path)
        is_loud_enough = math.isinf(result.lufs) or abs(result.lufs - LOUDNESS) <= _NEAR
        if result.peak <= MAX_PEAK and is_loud_enough:
            break
        limit -= max(0.0, result.peak - MAX_PEAK + 0.2)
        if not math.isinf(result.lufs):
            gain += LOUDNESS - result.lufs
    return result


def _gain_before_limiter(source: Path, gain: float, limit: float, check: Callable[[], None]) -> float:
    """The gain at which the limiter leaves the right loudness."""
    for _ in range(_MAX_PASSES):
        check()
        limited = measure_loudness(source, _filters(gain, limit))
        if abs(limited.lufs - LOUDNESS) <= _NEAR / 2:
            break
        gain += LOUDNESS - limited.lufs
    return gain


def _filters(gain: float, limit: float) -> str:
    """Gain and limiter, which sees the peaks between samples at four times the rate."""
    return (
        f"volume={gain:.3f}dB,aresample={4 * RATE},alimiter=limit={10 ** (limit / 20):.6f}:attack=2:release=60:level=0,"
        f"aresample={RATE}"
    )


def _encode(source: Path, path: Path, filters: str) -> None:
    codec = ["-c:a", "libopus", "-b:a", "160k"] if path.suffix == ".webm" else ["-c:a", "aac", "-b:a", "192k"]
    exact = ["-fflags", "+bitexact", "-flags", "+bitexact"]
    ffmpeg = Ffmpeg(["-i", str(source), "-af", filters, *codec, *exact], path, has_input=False)
    try:
        ffmpeg.finish(None)
    finally:
        ffmpeg.kill()
