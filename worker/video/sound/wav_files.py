"""Reads WAV files: recorded sounds of yours, and what a voice has spoken."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from recorder.errors import UsageError
from worker.video.sound.waves import RATE, Samples

__all__ = ["SOUND_NAMES", "read_own_sounds", "read_wav", "resampled"]

SOUND_NAMES = (
    "action",
    "use",
    "alarm",
    "recovered",
    "reward_up",
    "reward_down",
    "best_reward",
    "gap",
    "stage",
    "death",
    "end",
)
"""Names of the files in a folder of sounds, without ``.wav``. ``action_Up`` and ``use_Bed`` are for one of them."""

_MOST_SECS = 10
"""A sound of an event that lasts longer covers the next ones."""
_LEAST_RATE, _MOST_RATE = 4_000, 192_000


def read_own_sounds(folder: Path, action_names: Sequence[str]) -> dict[str, Samples]:
    """Read a folder of sounds.

    Args:
        action_names: of the episode; ``action_Up.wav`` is for the action with this name.

    Returns:
        Samples by the names of ``SoundBank``.

    Raises:
        UsageError: the folder or a file can't be read, or a file has an unknown name.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".wav")
    except OSError as error:
        raise UsageError(f"can't read the folder of sounds ({error.strerror}): {folder}") from error
    if not paths:
        raise UsageError(f"the folder of sounds has no .wav file; expected {', '.join(SOUND_NAMES)}: {folder}")
    sounds = {}
    for path in paths:
        name = path.stem
        kind, _, part = name.partition("_")
        if name not in SOUND_NAMES and not (part and kind in ("action", "use")):
            near = get_close_matches(name, SOUND_NAMES, n=1)
            hint = f"; did you mean {near[0]}.wav?" if near else ""
            raise UsageError(
                f"a sound is called {', '.join(SOUND_NAMES)}, action_NAME or use_NAME{hint} (no such sound): {path}"
            )
        if kind == "action" and part in action_names:
            name = f"action_{list(action_names).index(part)}"
        sounds[name] = read_wav(path, most_secs=_MOST_SECS)
    return sounds


def read_wav(path: Path, *, most_secs: float | None = None) -> Samples:
    """Read a WAV file of whole numbers.

    Args:
        most_secs: the greatest length.

    Returns:
        ``float32[n]`` or ``float32[n, 2]`` at ``RATE``.

    Raises:
        UsageError: it can't be read, or is too long.
    """
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate, n = file.getparams()[:4]
            if channels not in (1, 2) or not _LEAST_RATE <= rate <= _MOST_RATE:
                raise UsageError(
                    f"a sound must have 1 or 2 channels at {_LEAST_RATE} to {_MOST_RATE} samples a second, found {channels} at"
                    f" {rate}: {path}"
                )
            if most_secs is not None and n > most_secs * rate:
                raise UsageError(f"a sound can last {most_secs} seconds, found {n / rate:.1f}: {path}")
            data = file.readframes(n)
    except (OSError, EOFError, wave.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error) or "it is cut off"
        raise UsageError(
            f"can't read the sound ({reason}); ffmpeg -i IN -c:a pcm_s16le OUT.wav makes a readable one: {path}"
        ) from error
    samples = _numbers(data, width)
    samples = samples[: len(samples) // channels * channels].reshape(-1, channels)
    return resampled(samples[:, 0] if channels == 1 else samples, rate)


def _numbers(data: bytes, width: int) -> Samples:
    """``float32[n]`` from -1 to 1."""
    data = data[: len(data) // width * width]
    if width == 1:
        return np.asarray((np.frombuffer(data, np.uint8) - 128.0) / 128, np.float32)
    if width == 3:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        data, width = wide.tobytes(), 4
    return np.asarray(np.frombuffer(data, f"<i{width}") / 2 ** (8 * width - 1), np.float32)


def resampled(samples: Samples, rate: int) -> Samples:
    """Samples at ``RATE``, from another rate, without frequencies that the other one lacks."""
    if rate == RATE or not len(samples):
        return samples
    n = round(len(samples) * RATE / rate)
    spectrum = np.fft.rfft(samples, axis=0)
    kept = spectrum[: n // 2 + 1]
    return np.asarray(np.fft.irfft(kept, n, axis=0) * (n / len(samples)), np.float32)
