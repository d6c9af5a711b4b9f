"""The sound of a reel: a music bed, the effects of each clip, and words that introduce each stage and each clip. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from worker.video.narration.facts import Fact
from worker.video.narration.names import number_text
from worker.video.narration.script import Script, TimedFact
from worker.video.sound.bed import Section, make_bed
from worker.video.sound.programmes.episode import EpisodeProgramme, seed_of
from worker.video.sound.score import Note
from worker.video.sound.waves import RATE

__all__ = ["ReelPart", "ReelProgramme"]

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
