"""Waveforms and envelopes, from which the themes make their sounds. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["RATE", "Samples", "bell", "chirp", "click", "faded", "hiss", "joined", "pulse", "sine"]

RATE = 48_000
"""Samples per second."""

Samples = NDArray[np.float32]
"""``float32[n]``, or ``float32[n, 2]`` for left and right."""

_FADE_SECS = 0.004
"""Shorter fades click."""


def _phase(hertz: float, secs: float) -> NDArray[np.float64]:
    return 2 * np.pi * hertz * np.arange(round(secs * RATE)) / RATE


def _decay(n: int, secs: float) -> NDArray[np.float64]:
    return np.exp(-np.arange(n) / RATE / secs)


def sine(hertz: float, secs: float, *, decay: float, overtones: tuple[float, ...] = (1.0,)) -> Samples:
    """A struck tone: harmonics with the given strengths, each fading faster than the one below."""
    phase = _phase(hertz, secs)
    parts = (
        strength * np.sin(number * phase) * _decay(len(phase), decay / number)
        for number, strength in enumerate(overtones, 1)
        if number * hertz < RATE / 2
    )
    return faded(sum(parts, np.zeros(len(phase))))


def bell(hertz: float, secs: float, *, decay: float) -> Samples:
    """A tone whose partials are not harmonic, like glass."""
    phase = _phase(hertz, secs)
    partials = ((1.0, 1.0), (2.76, 0.45), (5.4, 0.2), (8.93, 0.08))
    parts = (
        strength * np.sin(ratio * phase) * _decay(len(phase), decay / ratio**0.7)
        for ratio, strength in partials
        if ratio * hertz < RATE / 2
    )
    return faded(sum(parts, np.zeros(len(phase))))


def pulse(hertz: float, secs: float, *, decay: float, duty: float = 0.5) -> Samples:
    """A pulse wave of the first chips, from its harmonics, so that none is above half the rate."""
    phase = _phase(hertz, secs)
    numbers = range(1, max(2, min(16, int(RATE / 2.5 / hertz))))
    parts = (np.sin(np.pi * n * duty) / n * np.cos(n * phase) for n in numbers)
    return faded(0.8 * sum(parts, np.zeros(len(phase))) * _decay(len(phase), decay))


def chirp(start_hertz: float, end_hertz: float, secs: float, *, decay: float) -> Samples:
    """A tone that glides from one pitch to another."""
    n = round(secs * RATE)
    hertz = np.geomspace(start_hertz, end_hertz, n)
    return faded(np.sin(2 * np.pi * np.cumsum(hertz) / RATE) * _decay(n, decay))


def hiss(
    secs: float, *, decay: float, random: np.random.Generator, low: float = 400.0, high: float = 6000.0
) -> Samples:
    """Noise within a band of frequencies."""
    n = round(secs * RATE)
    spectrum = np.fft.rfft(random.standard_normal(n))
    hertz = np.fft.rfftfreq(n, 1 / RATE)
    spectrum *= np.exp(-((hertz / high) ** 4)) * (1 - np.exp(-((hertz / low) ** 4)))
    noise = np.fft.irfft(spectrum, n) * _decay(n, decay)
    return faded(noise / max(1e-9, float(np.abs(noise).max())))


def click(hertz: float, secs: float, *, decay: float, random: np.random.Generator) -> Samples:
    """A knock on wood: a short low tone with a breath of noise."""
    tone = sine(hertz, secs, decay=decay, overtones=(1.0, 0.0, 0.35, 0.0, 0.12))
    noise = hiss(secs, decay=decay / 6, random=random, low=hertz, high=4 * hertz + 1000)
    return faded(0.85 * tone + 0.35 * noise)


def joined(*parts: Samples, gap_secs: float) -> Samples:
    """Sounds one after the other; each starts ``gap_secs`` after the one before, while that one fades."""
    gap = round(gap_secs * RATE)
    whole = np.zeros(max(place * gap + len(part) for place, part in enumerate(parts)), np.float32)
    for place, part in enumerate(parts):
        whole[place * gap : place * gap + len(part)] += part
    return whole


def faded(wave: NDArray[np.floating]) -> Samples:
    """The wave with short fades at both ends, so that it does not click."""
    n = min(round(_FADE_SECS * RATE), len(wave) // 2)
    shaped = np.asarray(wave, np.float32).copy()
    if n:
        ramp = np.linspace(0, 1, n, dtype=np.float32)
        # A quarter of the fade at the start, because the ear places a sound by its onset.
        shaped[: n // 4] *= ramp[::4][: n // 4]
        shaped[len(shaped) - n :] *= ramp[::-1]
    return shaped
