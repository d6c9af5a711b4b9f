"""What a narration may say and when: the facts of a video, each with its time. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from recorder.episode_file import Episode
from recorder.outline import EpisodeEvents
from recorder.video.timeline import Timeline
from worker.video.narration.facts import Fact, make_fact_sheet

__all__ = ["Script", "TimedFact", "episode_script"]


class TimedFact(NamedTuple):
    """A fact, when it happens, when the part of the video ends that it belongs to, and when it is no longer so; in seconds."""

    fact: Fact
    at: float
    until: float
    over: float = math.inf


@dataclass(frozen=True, slots=True)
class Script:
    """The facts of a video.

    Args:
        facts: in order.
        names: all names that occur: affordances, meters and actions, as shown.
        climaxes: seconds at which the picture and the effects need no words.
        secs: length of the video.
    """

    facts: tuple[TimedFact, ...]
    names: frozenset[str]
    climaxes: tuple[float, ...]
    secs: float


def episode_script(episode: Episode, events: EpisodeEvents, timeline: Timeline, *, start: float = 0.0) -> Script:
    """The facts of an episode.

    Args:
        start: seconds at which the episode begins within the video.
    """
    sheet = make_fact_sheet(episode, events, timeline)
    end = start + float(timeline.n_frames / timeline.fps)
    facts = tuple(
        TimedFact(
            fact,
            start + (0.0 if fact.kind == "intro" else timeline.time_of_step(fact.index)),
            end,
            start + timeline.time_of_step(fact.over_at)
            if fact.over_at is not None and fact.over_at < timeline.end_index
            else math.inf,
        )
        for fact in sheet.facts
    )
    climaxes = () if sheet.climax is None else (start + timeline.time_of_step(sheet.climax),)
    return Script(facts, sheet.names, climaxes, end)
