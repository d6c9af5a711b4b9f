"""Listening without ears: what ffmpeg decodes and measures of a file's sound."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from worker.video.encoding.ffmpeg import ffmpeg_path
from worker.video.sound.loudness import Loudness, measure_loudness
from worker.video.sound.waves import RATE

__all__ = ["Loudness", "audio_of", "measure_loudness", "onsets_of", "samples_of"]


def audio_of(path: Path) -> str:
    """What ffmpeg says of the file's sound, such as ``aac (LC) …, 48000 Hz, stereo``; empty without sound."""
    text = subprocess.run([ffmpeg_path(), "-hide_banner", "-i", str(path)], capture_output=True, text=True).stderr
    found = re.search(r"Audio: (.*)", text)
    return "" if found is None else found.group(1)


def samples_of(path: Path) -> NDArray[np.float32]:
    """``float32[n, 2]``: the sound as a player hears it, from the time of the first frame."""
    command = [
        ffmpeg_path(),
        "-loglevel",
        "error",
        "-i",
        str(path),
        "-map",
        "0:a",
        "-af",
        "aresample=async=1:first_pts=0",
    ]
    raw = subprocess.run(
        [*command, "-f", "f32le", "-ar", str(RATE), "-ac", "2", "-"], capture_output=True, check=True
    ).stdout
    return np.frombuffer(raw, np.float32).reshape(-1, 2)


def onsets_of(samples: NDArray[np.float32], *, hop_secs: float = 0.004) -> list[float]:
    """Seconds at which a sound begins after quiet."""
    hop = round(hop_secs * RATE)
    loud = np.abs(samples).max(axis=1)
    level = loud[: len(loud) // hop * hop].reshape(-1, hop).max(axis=1)
    is_loud = level > 0.15 * level.max()
    quiet_before = np.array([not is_loud[max(0, i - 12) : i].any() for i in range(len(is_loud))])
    return [i * hop_secs for i in np.flatnonzero(is_loud & quiet_before).tolist()]
