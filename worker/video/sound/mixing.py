"""Mixes effects and speech to blocks of samples. Pure; memory does not grow with the length of the video."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from worker.video.sound.score import Note
from worker.video.sound.waves import RATE, Samples

__all__ = ["Speech", "mixed"]

_BLOCK = 4 * RATE
_DUCKED = 10 ** (-12 / 20)
"""Gain of the effects while someone speaks: 12 dB less, so that every word is understood."""
_ATTACK, _RELEASE = round(0.12 * RATE), round(0.35 * RATE)
"""The effects fade before the first word, and return after the last one."""
_FADE_OUT = round(0.05 * RATE)
"""At the end of the video, where the last sound may be cut off."""
_SPEECH_GAIN = 0.9


@dataclass(frozen=True, slots=True)
class Speech:
    """A spoken sentence.

    Args:
        at: index of its first sample.
        n_samples: its length.
        read: returns ``float32[n_samples]``; called once, when the sentence is reached.
    """

    at: int
    n_samples: int
    read: Callable[[], Samples]


def mixed(
    notes: Sequence[Note], sound: Callable[[str], Samples], speeches: Sequence[Speech], n_samples: int
) -> Iterator[Samples]:
    """Mix all sounds.

    Args:
        notes: in order.
        sound: returns the samples of a note's sound.
        speeches: in order, without overlap.
        n_samples: of the whole; later ones are cut off.

    Yields:
        ``float32[n, 2]``.
    """
    effects, voice = _Track(), _Track()
    next_note = next_speech = 0
    for start in range(0, n_samples, _BLOCK):
        stop = min(start + _BLOCK, n_samples)
        while next_note < len(notes) and notes[next_note].at < stop:
            note = notes[next_note]
            effects.add(_placed(sound(note.name), note), note.at - start)
            next_note += 1
        while next_speech < len(speeches) and speeches[next_speech].at < stop:
            speech = speeches[next_speech]
            voice.add(_SPEECH_GAIN * _both_sides(speech.read()), speech.at - start)
            next_speech += 1
        block = effects.take(stop - start)
        if speeches:
            block *= _ducking(speeches, start, stop)[:, np.newaxis]
            block += voice.take(stop - start)
        if stop > n_samples - _FADE_OUT:
            left = n_samples - np.arange(start, stop)
            block *= np.clip(left / _FADE_OUT, 0, 1).astype(np.float32)[:, np.newaxis]
        yield block


class _Track:
    """Sounds that have begun, from the current block on."""

    def __init__(self) -> None:
        self._samples = np.zeros((0, 2), np.float32)

    def add(self, samples: Samples, at: int) -> None:
        end = at + len(samples)
        if end > len(self._samples):
            longer = np.zeros((max(end, _BLOCK), 2), np.float32)
            longer[: len(self._samples)] = self._samples
            self._samples = longer
        self._samples[at:end] += samples

    def take(self, n: int) -> Samples:
        taken = np.zeros((n, 2), np.float32)
        ready = self._samples[:n]
        taken[: len(ready)] = ready
        self._samples = self._samples[n:]
        return taken


def _both_sides(samples: Samples) -> Samples:
    return samples if samples.ndim == 2 else np.repeat(samples[:, np.newaxis], 2, axis=1)


def _placed(samples: Samples, note: Note) -> Samples:
    """The samples between left and right, at equal power."""
    angle = (note.pan + 1) * np.pi / 4
    sides = note.gain * np.sqrt(2) * np.array([np.cos(angle), np.sin(angle)], np.float32)
    return np.asarray(_both_sides(samples) * sides, np.float32)


def _ducking(speeches: Sequence[Speech], start: int, stop: int) -> Samples:
    """``float32[stop - start]``: gain of the effects."""
    gain = np.ones(stop - start, np.float32)
    for speech in speeches:
        end = speech.at + speech.n_samples
        if end + _RELEASE <= start or speech.at - _ATTACK >= stop:
            continue
        places = np.arange(max(start, speech.at - _ATTACK), min(stop, end + _RELEASE))
        share = np.clip(np.minimum((places - speech.at) / _ATTACK + 1, (end - places) / _RELEASE + 1), 0, 1)
        span = slice(places[0] - start, places[-1] - start + 1)
        gain[span] = np.minimum(gain[span], 1 - (1 - _DUCKED) * share)
    return gain
