"""The music bed of a reel: quiet tones of the theme, in chords that rise with each stage. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from worker.video.sound.score import Note
from worker.video.sound.waves import RATE

__all__ = ["Section", "make_bed"]

_BEAT_SECS = 0.5
_CHORDS = (0, 3, 1, 4)
"""Lowest degree of the chord of each bar."""
_ARPEGGIO = (0, 2, 4, 2)
"""Degrees above it, one a beat."""
_GAINS = (0.16, 0.09, 0.11, 0.09)
"""Quieter than a step's tick, so that the bed covers no event."""
_REST_SECS = 1.0
"""Before the end of a section."""
_MOST_STEPS_UP = 5


class Section(NamedTuple):
    """A part of the video with a mood; ``rise`` is the number of degrees that its chords are higher."""

    start: float
    end: float
    rise: int


def make_bed(sections: Sequence[Section]) -> list[Note]:
    """The notes of the bed, in order. Each section begins with a chord's first beat."""
    return [note for section in sections for note in _bars(section)]


def _bars(section: Section) -> Iterator[Note]:
    n_beats = int((section.end - section.start - _REST_SECS) / _BEAT_SECS)
    for beat in range(max(0, n_beats)):
        place = beat % len(_ARPEGGIO)
        degree = _CHORDS[beat // len(_ARPEGGIO) % len(_CHORDS)] + _ARPEGGIO[place] + min(section.rise, _MOST_STEPS_UP)
        at = round((section.start + beat * _BEAT_SECS) * RATE)
        yield Note(at, f"bed_{degree}", _GAINS[place], 0.3 * (place - 1.5))
