"""The fact sheet: what a narration may say, with every number and name that it may use. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from recorder.agents import AgentInfo
from recorder.episode_file import Episode
from recorder.outline import EpisodeEvents, Event
from recorder.outline.meter_levels import LOW_SHARE
from recorder.values.number_format import format_count
from recorder.video.timeline import Timeline
from worker.video.narration.names import change_text, number_text, shown_name

__all__ = ["Fact", "FactSheet", "climax_of", "make_fact_sheet"]

_IMPORTANCE = {
    "intro": 0.9, "stage": 0.7, "use": 0.5, "low": 0.4, "critical": 0.75, "recovered": 0.5, "reward_up": 0.5,
    "reward_down": 0.55, "best_reward": 0.7, "gap": 0.6, "death": 1.0, "end": 0.85,
}  # fmt: skip
_AGAIN = 0.6
"""Factor of the importance for each time that the same has happened within the last minute of the video."""
_RECENT_SECS = 60.0
_LEAST_IMPORTANCE = 0.1
"""What happens that often is not said again."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to say.

    Args:
        index: of the step at which it happens.
        kind: ``intro``, or a kind of event.
        importance: 0 to 1; less important facts are left out first.
        values: texts by slot, as the video shows them: ``name``, ``share``, ``reward``, ``return``, ``step``, ``steps``,
            ``stage``, ``episode``, ``count``, ``missing``.
        over_at: index of the step from which it is no longer so, such as that a meter is low; None if it stays so.
    """

    index: int
    kind: str
    importance: float
    values: Mapping[str, str] = field(default_factory=dict)
    over_at: int | None = None

    @property
    def is_repeated(self) -> bool:
        """Whether the same has happened before."""
        return "count" in self.values


@dataclass(frozen=True, slots=True)
class FactSheet:
    """What is known of the part of an episode that a video shows.

    Args:
        facts: in order.
        names: all names of the episode: affordances, meters, actions and agents, as shown.
        climax: index of the step that needs no words; None if nothing stands out.
    """

    facts: tuple[Fact, ...]
    names: frozenset[str]
    climax: int | None


def make_fact_sheet(episode: Episode, events: EpisodeEvents, timeline: Timeline) -> FactSheet:
    """Collect the facts of the steps that the video shows."""
    shown = range(timeline.first_index, timeline.end_index)
    facts = [_intro(episode, events.agent, shown.start)]
    counts: Counter[tuple[str, str]] = Counter()
    recent: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
    for event in events.events:
        key = event.kind, event.name
        counts[key] += 1
        if event.index in shown:
            at = timeline.time_of_step(event.index)
            while recent[key] and recent[key][0] < at - _RECENT_SECS:
                recent[key].popleft()
            fact = _fact(episode, events, event, counts[key], n_recent=len(recent[key]))
            recent[key].append(at)
            if fact is not None and fact.importance >= _LEAST_IMPORTANCE:
                facts.append(fact)
    scene = events.scene
    agents = (info.agent_id for info in episode.metadata.agents)
    names = {shown_name(name) for name in (*scene.affordances, *scene.meter_names, *scene.action_names, *agents)}
    return FactSheet(tuple(facts), frozenset(names - {""}), climax_of(events, shown))


def _intro(episode: Episode, agent: AgentInfo | None, index: int) -> Fact:
    metadata = episode.metadata
    values = {"episode": str(metadata.episode_id)}
    if agent is not None and shown_name(agent.agent_id):
        values["name"] = shown_name(agent.agent_id)
    if metadata.curriculum_stage is not None:
        values["stage"] = str(metadata.curriculum_stage)
    return Fact(index, "intro", _IMPORTANCE["intro"], values)


def _fact(episode: Episode, events: EpisodeEvents, event: Event, count: int, *, n_recent: int) -> Fact | None:
    agent = events.agent
    values = {"step": str(int(episode.step_numbers[event.index]))}
    name = shown_name(event.name)
    if name:
        values["name"] = name
    if count > 1 and event.kind == "use":
        values["count"] = str(count)
    match event.kind:
        case "low" | "critical" | "recovered" | "death" if event.value is not None:
            values["share"] = f"{event.value:.0%}"
        case "reward_up" | "reward_down" | "best_reward" if event.value is not None:
            values["reward"] = change_text(event.value)
        case "gap" if event.value is not None:
            values["missing"] = _counted(int(event.value))
        case "stage" if event.value is not None:
            values["stage"] = f"{event.value:.0f}"
    if event.kind in ("death", "end"):
        n_steps = episode.metadata.survival_steps if agent is None or event.kind == "end" else agent.n_steps
        values["steps"] = _counted(n_steps or episode.n_steps)
        earned = episode.metadata.total_reward if agent is None else agent.return_
        if math.isfinite(earned):
            values["return"] = number_text(earned)
    elif event.kind in ("use", "low", "critical", "recovered") and not name:
        return None  # nothing to call it by
    kind = "end" if event.kind == "death" and not name else event.kind
    return Fact(event.index, kind, _IMPORTANCE[kind] * _AGAIN**n_recent, values, _over_at(events, event))


def _over_at(events: EpisodeEvents, event: Event) -> int | None:
    """The first step after a meter became low or critical at which it is neither."""
    if event.kind not in ("low", "critical"):
        return None
    shares = events.shares[event.index :, events.scene.meter_names.index(event.name)]
    over = np.flatnonzero(shares >= LOW_SHARE)
    return event.index + int(over[0]) if over.size else None


def _counted(n_steps: int) -> str:
    return f"{format_count(n_steps)} step{'' if n_steps == 1 else 's'}"


def climax_of(events: EpisodeEvents, shown: range) -> int | None:
    """Index of the death, else of the emptiest meter, else of the greatest reward, among the steps that are shown."""
    found = [event for event in events.events if event.index in shown]
    for event in found:
        if event.kind == "death":
            return event.index
    crises = [event for event in found if event.kind == "critical" and event.value is not None]
    if crises:
        return min(crises, key=lambda event: event.value or 0.0).index
    return next((event.index for event in found if event.kind == "best_reward"), None)
