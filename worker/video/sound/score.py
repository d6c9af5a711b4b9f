"""Which sound is played when: from an episode's events and the video's timeline. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from recorder.outline import LOW_SHARE, EpisodeEvents, Event
from recorder.outline.scene import Bounds
from recorder.outline.step_columns import Floats
from recorder.video.timeline import Timeline
from worker.video.sound.waves import RATE

__all__ = ["Note", "make_score"]

_LEAST_TICK_SECS = 0.08
"""Ticks closer to each other sound like a buzz, so those in between are left out."""
_LEAST_GAP_SECS = {"use": 0.15, "reward_up": 0.25, "reward_down": 0.25, "recovered": 0.3, "gap": 0.3}
"""Least time between two sounds of a kind."""
_ALARM_SECS = (0.35, 1.4)
"""Time between two alarms with an empty meter, and with one that has just become low."""
_GAINS = {
    "use": 0.5, "recovered": 0.35, "reward_up": 0.4, "reward_down": 0.45, "best_reward": 0.6, "gap": 0.3, "stage": 0.6,
    "death": 0.8, "end": 0.5,
}  # fmt: skip
_TICK_GAIN = 0.22
_ALARM_GAINS = (0.65, 0.18)
"""Of an alarm with an empty meter, and with one that has just become low."""
_WIDTH = 0.8
"""How far to one side a sound at the board's edge is."""

At = Callable[[int], int]
"""Returns the sample at which the step with an index begins."""


@dataclass(frozen=True, slots=True)
class Note:
    """One sound.

    Args:
        at: index of its first sample.
        name: of the sound, for ``SoundBank``.
        gain: loudness, 1 for the sound as it is.
        pan: -1 is left, 1 right.
    """

    at: int
    name: str
    gain: float
    pan: float = 0.0


def make_score(episode: EpisodeEvents, timeline: Timeline) -> list[Note]:
    """The notes of the steps that the video shows, in order.

    Each begins with the first frame of its step.
    """
    pans = _pans(episode)
    times: dict[int, int] = {}

    def at(index: int) -> int:
        if index not in times:
            times[index] = round(timeline.time_of_step(index) * RATE)
        return times[index]

    shown = range(timeline.first_index, timeline.end_index)
    events = [event for event in episode.events if event.index in shown]
    notes = [Note(at(event.index), name, gain, float(pans[event.index])) for event, name, gain in _spaced(events, at)]
    loud = {note.at for note in notes}
    notes += [note for note in _ticks(episode, shown, pans, at) if note.at not in loud]
    notes += _alarms(episode, shown, pans, at)
    return sorted(notes, key=lambda note: (note.at, note.name))


def _spaced(events: Sequence[Event], at: At) -> Iterator[tuple[Event, str, float]]:
    """The sound of each event, without those too close to the last one of their kind."""
    last: dict[str, int] = {}
    for event in events:
        gain = _GAINS.get(event.kind)
        if gain is None:
            continue  # the alarm speaks of low meters
        now = at(event.index)
        if now - last.get(event.kind, -(10**9)) < _LEAST_GAP_SECS.get(event.kind, 0.0) * RATE:
            continue
        last[event.kind] = now
        yield event, f"use_{event.name}" if event.kind == "use" else event.kind, gain


def _ticks(episode: EpisodeEvents, shown: range, pans: Floats, at: At) -> Iterator[Note]:
    actions = episode.columns.action
    last = -(10**9)
    for index in shown:
        now = at(index)
        if now - last < _LEAST_TICK_SECS * RATE:
            continue
        last = now
        action = 0.0 if actions is None else float(actions[index])
        if math.isfinite(action):
            yield Note(now, f"action_{int(action)}", _TICK_GAIN, float(pans[index]))


def _alarms(episode: EpisodeEvents, shown: range, pans: Floats, at: At) -> Iterator[Note]:
    """An alarm while a meter is low: the lower, the louder and the more often."""
    if not episode.shares.shape[1]:
        return
    lowest = np.fmin.reduce(episode.shares, axis=1)
    next_at = -(10**9)
    for index in shown:
        share = float(lowest[index])
        if not share < LOW_SHARE:
            next_at = -(10**9)
            continue
        now = at(index)
        if now >= next_at:
            fullness = max(0.0, share) / LOW_SHARE
            near, far = _ALARM_SECS
            next_at = now + round((near + fullness * (far - near)) * RATE)
            loud, quiet = _ALARM_GAINS
            yield Note(now, "alarm", loud + fullness * (quiet - loud), float(pans[index]) / 2)


def _pans(episode: EpisodeEvents) -> Floats:
    """``float64[n_steps]``: the place of the agent on the board from left to right, as a pan."""
    position, n_steps = episode.columns.position, episode.columns.n_steps
    if position is None or not position.shape[1]:
        return np.zeros(n_steps)
    bounds = Bounds(episode.scene.substrate, episode.scene.affordances)
    bounds.include(position)
    if not len(bounds.low):
        return np.zeros(n_steps)
    x, low, high = position[:, 0], float(bounds.low[0]), float(bounds.high[0])
    share = (np.where(np.isfinite(x), x, (low + high) / 2) + 0.5 - low) / max(high - low, 1e-9)
    return _WIDTH * (2 * np.clip(share, 0, 1) - 1)
