"""The sound of a comparison: the effects of both episodes, each from its side, and words on who is ahead. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from recorder.outline.divergence import first_divergence
from recorder.outline.step_columns import unusual_numbers
from recorder.values.number_format import format_count
from worker.video.episode.series import EpisodeSeries, Floats
from worker.video.narration.facts import Fact
from worker.video.narration.names import number_text
from worker.video.narration.script import Script, TimedFact
from worker.video.sound.programmes.episode import EpisodeProgramme, seed_of
from worker.video.sound.score import Note

__all__ = ["ComparisonProgramme"]

_SIDES = ("left", "right")
_PANS = (-0.55, 0.55)
_PAN_SHARE = 0.35
"""A side is narrower than the whole board by this factor."""
_LEAD_SHARE = 0.05
"""A smaller share of the greatest difference is no lead."""
_IMPORTANCE = {"versus": 0.9, "split": 1.0, "same": 0.85, "lead": 0.8, "first_end": 0.85, "win": 0.95, "tie": 0.95}

_AT_ONCE = 0.3
"""Importance of a divergence at the first step: they began differently, which says little."""


class ComparisonProgramme:
    """The sound of two episodes at once.

    Args:
        left, right: each with its timeline, from the same first step on and at the same pace.
    """

    def __init__(self, left: EpisodeProgramme, right: EpisodeProgramme) -> None:
        self._sides = left, right
        self.secs: Fraction = max(left.secs, right.secs)
        self.seed = seed_of(left.episode, right.episode)

    @property
    def affordances(self) -> Sequence[str]:
        """Names of both, each once."""
        return list(dict.fromkeys(name for side in self._sides for name in side.affordances))

    @property
    def action_names(self) -> Sequence[str]:
        """Those of the left episode."""
        return self._sides[0].action_names

    def notes(self) -> list[Note]:
        """The effects of both."""
        notes = [
            replace(note, pan=pan + _PAN_SHARE * note.pan)
            for side, pan in zip(self._sides, _PANS, strict=True)
            for note in side.notes()
        ]
        return sorted(notes, key=lambda note: (note.at, note.name))

    def script(self) -> Script:
        """Where they diverge, who is ahead, who ends first, and the outcome."""
        secs = float(self.secs)
        longer = max(self._sides, key=lambda side: side.timeline.end_index).timeline
        facts = sorted(self._facts(), key=lambda fact: (fact.kind != "versus", fact.index))
        timed = tuple(
            TimedFact(fact, 0.0 if fact.kind == "versus" else longer.time_of_step(fact.index), secs) for fact in facts
        )
        names = frozenset[str]().union(*(side.script().names for side in self._sides))
        return Script(timed, names, (), secs)

    def _facts(self) -> Iterator[Fact]:
        timelines = [side.timeline for side in self._sides]
        series = [EpisodeSeries(side.episode, side.agent) for side in self._sides]
        first, last = timelines[0].first_index, max(timeline.end_index for timeline in timelines) - 1
        ids = [str(one.metadata.episode_id) for one in series]
        yield self._fact(first, "versus", {"episode": ids[0], "other": ids[1]})
        yield from self._divergence(series[0].step_numbers)
        numbers = max(series, key=lambda one: one.n_steps).step_numbers
        for index, who, lead in _leads(*(one.cumulative for one in series), first=first, end=last + 1):
            values = {
                "side": _SIDES[who],
                "ahead": ids[who],
                "lead": number_text(lead),
                "step": str(int(numbers[index])),
            }
            yield self._fact(index, "lead", values)
        lengths = [one.n_steps for one in series]
        are_whole = all(timeline.end_index == n_steps for timeline, n_steps in zip(timelines, lengths, strict=True))
        if not are_whole:
            return
        if lengths[0] != lengths[1]:
            who = int(lengths[1] < lengths[0])
            steps = f"{format_count(lengths[who])} step{'' if lengths[who] == 1 else 's'}"
            yield self._fact(lengths[who] - 1, "first_end", {"side": _SIDES[who], "episode": ids[who], "steps": steps})
        returns = [one.metadata.total_reward for one in series]
        if not all(map(math.isfinite, returns)):
            return
        if number_text(returns[0]) == number_text(returns[1]):
            yield self._fact(last, "tie", {"return": number_text(returns[0])})
        else:
            who = int(returns[1] > returns[0])
            lead = abs(returns[0] - returns[1])
            values = {
                "side": _SIDES[who], "ahead": ids[who], "return": number_text(returns[who]), "lead": number_text(lead),
            }  # fmt: skip
            yield self._fact(last, "win", values)

    def _divergence(self, step_numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Iterator[Fact]:
        """Where they part, or that they do not; nothing if that is not shown."""
        found = first_divergence(self._sides[0].episode, self._sides[1].episode)
        ends = [side.timeline.end_index for side in self._sides]
        if found is None or found.what not in ("action", "position", "reward"):
            yield self._fact(min(ends) - 1, "same", {})
            return
        index = int(np.searchsorted(step_numbers, found.step))
        if self._sides[0].timeline.first_index <= index < min(ends):
            fact = self._fact(index, "split", {"step": str(found.step), "what": found.what})
            yield replace(fact, importance=_AT_ONCE) if index == self._sides[0].timeline.first_index else fact

    def _fact(self, index: int, kind: str, values: dict[str, str]) -> Fact:
        return Fact(index, kind, _IMPORTANCE[kind], values)


@unusual_numbers()
def _leads(left: Floats, right: Floats, *, first: int, end: int) -> Iterator[tuple[int, int, float]]:
    """Where the lead changes: the index of the step, who has it (0 is left), and by how much."""
    n = max(len(left), len(right))
    ahead = np.nan_to_num(_held(left, n) - _held(right, n), posinf=0.0, neginf=0.0)[:end]
    least = _LEAD_SHARE * float(np.abs(ahead[first:]).max(initial=0.0))
    leader = None
    for index in range(first, len(ahead)):
        if abs(ahead[index]) > least and (who := int(ahead[index] < 0)) != leader:
            leader = who
            yield index, who, abs(float(ahead[index]))


def _held(values: Floats, n: int) -> Floats:
    """The values, the last of which stays."""
    return np.concatenate([values, np.full(n - len(values), values[-1])])
