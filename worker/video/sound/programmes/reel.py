"""The sound of a reel: a music bed, the effects of each clip, and words that introduce each stage and each clip. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from worker.video.narration.facts import Fact
from worker.video.narration.names import number_text
from worker.video.narration.script import Script, TimedFact
from worker.video.sound.programmes.episode import EpisodeProgramme, seed_of
from worker.video.sound.score import Note
from worker.video.sound.waves import RATE

__all__ = ["ReelPart", "ReelProgramme", "Section", "make_bed"]

_STAGE_IMPORTANCE, _CLIP_IMPORTANCE = 1.0, 0.95
_WITHIN = 0.8
"""Factor of the importance of what happens within a clip: the introductions come first."""
_UNSAID = ("intro", "stage")
"""Facts that the introduction of a clip replaces."""
_STAGE_GAIN = 0.6
_INTRODUCTION_SECS = 8.0
"""A silence that begins sooner would displace the introduction."""


@dataclass(frozen=True, slots=True)
class ReelPart:
    """One clip: its sound, its stage, and which of the stage's episodes it is, such as ``best``."""

    programme: EpisodeProgramme
    stage: int | None
    pick: str


class ReelProgramme:
    """The sound of clips, one after the other.

    Args:
        parts: in order, each with its start; at least one.
    """

    def __init__(self, parts: Sequence[ReelPart]) -> None:
        self._parts = parts
        self.secs: Fraction = max(part.programme.start + part.programme.secs for part in parts)
        self.seed = seed_of(*(part.programme.episode for part in parts))

    @property
    def affordances(self) -> Sequence[str]:
        """Names of all clips, each once."""
        return list(dict.fromkeys(name for part in self._parts for name in part.programme.affordances))

    @property
    def action_names(self) -> Sequence[str]:
        """Those of the first clip: a run has one set of actions."""
        return self._parts[0].programme.action_names

    def notes(self) -> list[Note]:
        """The bed, a motif where a stage begins, and the effects of the clips."""
        opens = self._opens_stage()
        rises = [sum(opens[: i + 1]) - 1 if any(opens) else 0 for i in range(len(self._parts))]
        notes = make_bed(
            [
                Section(float(part.programme.start), float(part.programme.start + part.programme.secs), max(0, rise))
                for part, rise in zip(self._parts, rises, strict=True)
            ]
        )
        for part, is_first in zip(self._parts, opens, strict=True):
            if is_first:
                notes.append(Note(round(part.programme.start * RATE), "stage", _STAGE_GAIN))
            notes += [note for note in part.programme.notes() if note.name != "stage"]
        return sorted(notes, key=lambda note: (note.at, note.name))

    def script(self) -> Script:
        """An introduction of each stage and clip, and what happens in the clips."""
        facts: list[TimedFact] = []
        names: set[str] = set()
        climaxes: list[float] = []
        for part, is_first in zip(self._parts, self._opens_stage(), strict=True):
            inner = part.programme.script()
            start = float(part.programme.start)
            facts.append(TimedFact(_introduction(part, is_first=is_first), start, inner.secs))
            facts += [
                timed._replace(fact=replace(timed.fact, importance=_WITHIN * timed.fact.importance))
                for timed in inner.facts
                if timed.fact.kind not in _UNSAID
            ]
            names |= inner.names
            climaxes += [at for at in inner.climaxes if at > start + _INTRODUCTION_SECS]
        return Script(tuple(facts), frozenset(names), tuple(climaxes), float(self.secs))

    def _opens_stage(self) -> list[bool]:
        """Of each clip, whether it is the first one of a known stage."""
        stages = [part.stage for part in self._parts]
        return [stage is not None and stage not in stages[:i] for i, stage in enumerate(stages)]


def _introduction(part: ReelPart, *, is_first: bool) -> Fact:
    metadata = part.programme.episode.metadata
    values = {"pick": part.pick, "episode": str(metadata.episode_id)}
    if is_first:
        values["stage"] = str(part.stage)
    if math.isfinite(metadata.total_reward):
        values["return"] = number_text(metadata.total_reward)
    index = part.programme.timeline.first_index
    return Fact(
        index,
        "reel_stage" if is_first else "clip",
        _STAGE_IMPORTANCE if is_first else _CLIP_IMPORTANCE,
        values,
    )


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
