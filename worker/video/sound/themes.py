"""Sound themes: what each sound of an episode is made of. Pure; the same seed gives the same samples."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from recorder.outline.looks import number_affordances
from worker.video.sound.waves import Samples, bell, chirp, click, hiss, joined, pulse, sine

__all__ = ["THEME_SOUNDS", "SoundBank", "ThemeSounds"]

_SEMITONE = 2 ** (1 / 12)
_PENTATONIC = (0, 2, 4, 7, 9)
_MINOR = (0, 3, 5, 7, 10)
_MOTIFS = ((0, 2, 4), (4, 2, 3), (2, 4, 1), (0, 4, 3), (3, 1, 4), (1, 3, 0))
"""Which degrees of the scale a motif has; with the octave, each affordance gets another one."""

_BED_DECAY = 0.5
"""Seconds: the tones of a music bed run into each other."""

Strike = Callable[[float, float, "np.random.Generator"], Samples]
"""Makes a tone: hertz, seconds of decay, a source of noise."""


@dataclass(frozen=True, slots=True)
class ThemeSounds:
    """One theme.

    Args:
        strike: the instrument.
        root: hertz of the lowest tone.
        scale: semitones within an octave.
    """

    strike: Strike
    root: float
    scale: Sequence[int] = _PENTATONIC

    def tone(self, degree: int, decay: float, random: np.random.Generator) -> Samples:
        """The tone of a degree of the scale, counted on into further octaves."""
        octave, place = divmod(degree, len(self.scale))
        return self.strike(self.root * 2**octave * _SEMITONE ** self.scale[place], decay, random)


def _soft(hertz: float, decay: float, _: np.random.Generator) -> Samples:
    return sine(hertz, 5 * decay, decay=decay, overtones=(1.0, 0.28, 0.0, 0.12))


def _arcade(hertz: float, decay: float, _: np.random.Generator) -> Samples:
    return 0.6 * pulse(hertz, 4 * decay, decay=decay, duty=0.25)


def _wood(hertz: float, decay: float, random: np.random.Generator) -> Samples:
    return click(hertz, 4 * decay, decay=0.7 * decay, random=random)


def _glass(hertz: float, decay: float, _: np.random.Generator) -> Samples:
    return 0.6 * bell(hertz, 5 * decay, decay=1.3 * decay)


THEME_SOUNDS: Mapping[str, ThemeSounds] = {
    "soft": ThemeSounds(_soft, 261.6),
    "arcade": ThemeSounds(_arcade, 220.0, _MINOR),
    "wood": ThemeSounds(_wood, 196.0),
    "glass": ThemeSounds(_glass, 523.3),
}
"""The themes by the names of ``recorder.video.sound_choices.THEMES``."""


class SoundBank:
    """Makes each sound once.

    Sounds are named by what happens: ``action_3``, ``use_Bed``, ``alarm``, ``recovered``, ``reward_up``,
    ``reward_down``, ``best_reward``, ``gap``, ``stage``, ``death`` and ``end``; ``bed_3`` is a tone of a music bed.

    Args:
        theme: a name in ``THEME_SOUNDS``.
        seed: of the noise.
        affordances: names, which select the motifs.
        own: recorded sounds, which replace those of the theme; a name without its part after ``_`` replaces all that
            begin with it.
    """

    def __init__(
        self, theme: str, seed: int, affordances: Sequence[str] = (), own: Mapping[str, Samples] | None = None
    ) -> None:
        self._theme, self._seed = THEME_SOUNDS[theme], seed
        self._numbers = number_affordances(affordances)
        self._own = own or {}
        self._made: dict[str, Samples] = {}

    def sound(self, name: str) -> Samples:
        """The samples of a sound."""
        made = self._made.get(name)
        if made is None:
            kind = "_".join(name.split("_")[:1])
            own = self._own.get(name, self._own.get(kind) if kind in ("action", "use") else None)
            made = self._made[name] = _at_full_scale(self._make(name)) if own is None else own
        return made

    def _make(self, name: str) -> Samples:
        random = np.random.default_rng([self._seed & 0xFFFF_FFFF, zlib.crc32(name.encode("utf-8", "surrogatepass"))])
        tone = partial(self._tone, random)
        kind, _, part = name.partition("_")
        if kind == "action":
            return self._tick(int(part or 0), random)
        if kind == "use":
            return self._motif(part, random)
        if kind == "bed":
            return tone(int(part), _BED_DECAY)
        match name:
            case "alarm":
                return joined(tone(8, 0.07), tone(7, 0.09), gap_secs=0.09)
            case "recovered":
                return joined(tone(3, 0.12), tone(5, 0.2), gap_secs=0.08)
            case "reward_up":
                return joined(tone(5, 0.08), tone(7, 0.08), tone(9, 0.25), gap_secs=0.06)
            case "reward_down":
                return joined(tone(4, 0.12), tone(2, 0.25), gap_secs=0.1)
            case "best_reward":
                return joined(tone(5, 0.1), tone(7, 0.1), tone(9, 0.1), tone(12, 0.45), gap_secs=0.08)
            case "gap":
                return 0.7 * hiss(0.35, decay=0.12, random=random)
            case "stage":
                return joined(*(tone(degree, 0.16) for degree in (0, 2, 4, 5)), tone(7, 0.5), gap_secs=0.11)
            case "death":
                fall = chirp(self._theme.root * 1.5, self._theme.root / 4, 1.2, decay=0.5)
                return joined(tone(5, 0.2), tone(3, 0.2), tone(1, 0.2), 0.8 * fall, gap_secs=0.16)
            case _:
                return joined(tone(2, 0.3), tone(0, 0.6), gap_secs=0.2)

    def _tone(self, random: np.random.Generator, degree: int, decay: float) -> Samples:
        return self._theme.tone(degree, decay, random)

    def _tick(self, action: int, random: np.random.Generator) -> Samples:
        """Short; each action has another pitch, and every second one another length."""
        return self._theme.tone(action % 11, (0.035, 0.06)[action % 2], random)

    def _motif(self, affordance: str, random: np.random.Generator) -> Samples:
        number = self._numbers.get(affordance, 0)
        start = number // len(_MOTIFS) % 3 * 2
        degrees = _MOTIFS[number % len(_MOTIFS)]
        return joined(*(self._tone(random, start + degree, 0.14) for degree in degrees), gap_secs=0.085)


def _at_full_scale(samples: Samples) -> Samples:
    """The samples with a greatest value of 1, so that all instruments are equally loud."""
    return np.asarray(samples / max(1e-9, float(np.abs(samples).max())), np.float32)
