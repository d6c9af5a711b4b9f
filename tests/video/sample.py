"""Recordings for the video tests and pictures, made from numbers alone: the same on every machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from recorder.episode import EpisodeMetadata
from recorder.episode_file import Episode, open_episode
from recorder.episode_file.version1 import build_version1
from recorder.recorded_step import RecordedStep

METERS = ("energy", "hygiene", "satiation", "money", "health", "fitness", "mood", "social")
ACTIONS = ("Up", "Down", "Left", "Right", "Interact", "Wait")
PLACES = {
    "Bed": (1, 1), "Shower": (6, 0), "Fridge": (3, 2), "Job": (6, 6),
    "Gym": (1, 6), "Bar": (4, 5), "Park": (7, 3), "Doctor": (0, 3),
}  # fmt: skip
_MOVES = {0: (0, -1), 1: (0, 1), 2: (-1, 0), 3: (1, 0)}


def sample_steps(n_steps: int, *, n_meters: int = 8, n_actions: int = 6, side: int = 8) -> list[RecordedStep]:
    """A round from place to place, with five steps of use at each, and every field filled in."""
    x, y, steps = 2, 2, []
    places, n_used = list(PLACES.values()), 0
    for i in range(n_steps):
        target = places[0]
        if (x, y) == target:
            action, n_used = 4 % n_actions, n_used + 1
        elif x != target[0] and (y == target[1] or i % 2):
            action = 3 if target[0] > x else 2
        else:
            action = 1 if target[1] > y else 0
        progress = n_used / 5
        if n_used == 5:
            places, n_used = [*places[1:], target], 0
        dx, dy = _MOVES.get(action, (0, 0))
        x, y = min(max(x + dx, 0), side - 1), min(max(y + dy, 0), side - 1)
        meters = tuple(round(0.5 + 0.5 * math.sin(0.045 * i * (1 + k / 5) + k), 4) for k in range(n_meters))
        liking = [round(2 * math.sin(i / 7 + k), 3) for k in range(n_actions)]
        liking[action] = round(max(liking) + 0.3, 3)
        steps.append(
            RecordedStep(
                step=i,
                position=(x, y),
                meters=meters,
                action=action,
                reward=round(0.4 + math.sin(i / 11), 3),
                q_values=tuple(liking),
                action_masks=tuple(k == action or (i // 5 + k) % 4 != 0 for k in range(n_actions)),
                time_of_day=(6 + i // 4) % 24,
                interaction_progress=progress,
                epsilon=0.1,
                done=i == n_steps - 1,
            )
        )
    return steps


def observed_steps(n_steps: int, *, n_numbers: int = 4) -> list[RecordedStep]:
    """Steps as wrappers record them: no positions, no meters; an observation, and what a critic thought of it."""
    return [
        RecordedStep(
            step=i,
            position=(),
            meters=(),
            action=i // 6 % 2,
            reward=1.0,
            done=i == n_steps - 1,
            extras={
                "observation": np.sin(i / 9 + np.arange(n_numbers) / 3).astype(np.float32) * (1 + np.arange(n_numbers)),
                "value": 60 + 20 * math.sin(i / 30),
            },
        )
        for i in range(n_steps)
    ]


def sample_metadata(n_steps: int, **changes: Any) -> EpisodeMetadata:
    """What is known of the sample."""
    metadata = EpisodeMetadata(
        episode_id=500,
        survival_steps=n_steps,
        total_reward=123.45,
        curriculum_stage=2,
        affordance_layout=PLACES,
        run_id="grid-8x8-seed-3",
        meter_names=METERS,
        action_names=ACTIONS,
        grid_size=8,
        n_steps=n_steps,
        env_steps=182_340,
    )
    return replace(metadata, **changes)


def sample_episode(
    n_steps: int = 60,
    *,
    steps: Sequence[RecordedStep] | None = None,
    reasons: Sequence[str] = ("top_10.0pct",),
    **changes: Any,
) -> Episode:
    """An opened recording; ``changes`` replace fields of its metadata."""
    return open_episode(sample_file(n_steps, steps=steps, reasons=reasons, **changes))


def sample_file(
    n_steps: int = 60,
    *,
    steps: Sequence[RecordedStep] | None = None,
    reasons: Sequence[str] = ("top_10.0pct",),
    **changes: Any,
) -> bytes:
    """The bytes of a recording."""
    steps = sample_steps(n_steps) if steps is None else steps
    return build_version1(metadata=sample_metadata(len(steps), **changes), reasons=reasons, steps=steps)[0]
