"""Episodes that look like life: an agent that walks to what it needs. For tests of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from recorder.catalog import Catalog, EpisodeRow
from tests.episodes import add_episode

__all__ = ["ACTIONS", "AFFORDANCES", "METERS", "SCENE", "Life", "add_life", "add_lives", "observed"]

METERS = ("energy", "hygiene", "satiation", "money", "mood", "social", "health", "fitness")
ACTIONS = ("UP", "DOWN", "LEFT", "RIGHT", "INTERACT", "WAIT")
INTERACT, WAIT = 4, 5
MOVES = np.array([(0, -1), (0, 1), (-1, 0), (1, 0)])
AFFORDANCES = {
    "Bed": (1, 1),
    "Shower": (1, 4),
    "HomeMeal": (3, 6),
    "Job": (6, 6),
    "Park": (6, 2),
    "Bar": (4, 3),
    "Doctor": (0, 7),
    "Gym": (7, 0),
}
"""Each fills the meter that stands in the same place of ``METERS``."""

SCENE: dict[str, Any] = {"meter_names": METERS, "action_names": ACTIONS, "affordance_layout": AFFORDANCES}
GRID = 8

_DECAY = np.array([0.010, 0.008, 0.012, 0.003, 0.005, 0.006, 0.002, 0.005])
_TICKS = 4
_DTYPES = {
    "position": "<i2",
    "meters": "<f4",
    "action": "<i2",
    "reward": "<f4",
    "intrinsic_reward": "<f4",
    "q_values": "<f4",
    "time_of_day": "<i2",
    "interaction_progress": "<f4",
    "epsilon": "<f4",
}


@dataclass(frozen=True, slots=True)
class Life:
    """One episode, lived step by step; the same arguments live the same life.

    Args:
        skill: share of the steps in which the agent does what it needs, instead of anything.
        waits: ``(first, end)`` steps in which it only waits, for an even reward: a dull span.
    """

    seed: int
    n_steps: int
    skill: float = 0.9
    waits: tuple[int, int] = (0, 0)

    def columns(self) -> dict[str, np.ndarray]:
        """The columns of the whole episode."""
        random = np.random.default_rng(self.seed)
        rows: dict[str, list[Any]] = {}
        position, meters, progress = np.array([3, 3]), np.full(len(METERS), 0.75), 0
        cells = list(AFFORDANCES.values())
        for step in range(self.n_steps):
            is_waiting = self.waits[0] <= step < self.waits[1]
            here = cells.index(tuple(position)) if tuple(position) in cells else None
            wanted = _towards(position, cells[int(np.argmin(meters[: len(cells)]))])
            masks = _masks(position, can_interact=here is not None)
            q_values = random.normal(0, 0.25, len(ACTIONS)) + 2 * (np.arange(len(ACTIONS)) == wanted)
            action = wanted if random.random() < self.skill else int(random.choice(np.flatnonzero(masks)))
            if is_waiting:
                action = WAIT
            before, meters = meters, meters - _DECAY
            progress = progress % _TICKS + 1 if action == INTERACT else 0
            if action == INTERACT and here is not None:
                meters[here] += 0.16
            elif action < INTERACT:
                position = np.clip(position + MOVES[action], 0, GRID - 1)
            meters = np.clip(meters, 0, 1)
            earned = 0.25 if is_waiting else round(float(meters.min() * 2 + (meters - before).sum()), 4)
            for name, value in {
                "position": position,
                "meters": meters,
                "action": action,
                "reward": earned,
                "intrinsic_reward": 0.02,
                "done": step == self.n_steps - 1,
                "terminated": step == self.n_steps - 1,
                "truncated": False,
                "q_values": q_values,
                "action_masks": masks,
                "time_of_day": step % 24,
                "interaction_progress": progress / _TICKS,
                "epsilon": 0.05,
            }.items():
                rows.setdefault(name, []).append(value)
        return {name: np.array(values, _DTYPES.get(name, "|b1")) for name, values in rows.items()}


def observed(n_steps: int, *, n_numbers: int = 4, apart: int = 20) -> dict[str, np.ndarray]:
    """An episode as wrappers record it: no positions, no meters; an observation, and what a critic thought of it.

    Number ``k`` of the observation is 0 up to step ``apart * (k + 1)``, and 1 from there on.
    """
    steps = np.arange(n_steps)
    return {
        "action": (steps % 2).astype("<i8"),
        "reward": np.ones(n_steps, "<f4"),
        "done": steps == n_steps - 1,
        "extras.observation": (steps[:, None] >= apart * (1 + np.arange(n_numbers))).astype("<f4"),
        "extras.value": (n_steps - steps).astype("<f4"),
    }


def _towards(position: np.ndarray, cell: tuple[int, int]) -> int:
    across, down = np.array(cell) - position
    if across == down == 0:
        return INTERACT
    if abs(across) > abs(down):
        return 3 if across > 0 else 2
    return 1 if down > 0 else 0


def _masks(position: np.ndarray, *, can_interact: bool) -> np.ndarray:
    reached = position + MOVES
    inside = ((reached >= 0) & (reached < GRID)).all(axis=1)
    return np.array([*inside, can_interact, True])


def add_lives(
    catalog: Catalog, root: Path, *, run_id: str, n_episodes: int, recorded: Sequence[int], n_steps: int = 300
) -> None:
    """A run whose agent gets better: all episodes in the curve, the ``recorded`` ones with files."""
    random = np.random.default_rng(1)
    curve = []
    for episode_id in range(n_episodes):
        skill = episode_id / n_episodes
        stage = 1 + int(3 * skill)
        if episode_id in recorded:
            life = Life(seed=episode_id, n_steps=int(n_steps * (0.4 + 0.6 * skill)), skill=0.35 + 0.6 * skill)
            add_life(catalog, root, run_id, episode_id, life.columns(), stage=stage)
        else:
            row = EpisodeRow(
                run_id,
                episode_id,
                play_id=1,
                decision="skipped",
                total_reward=float(45 + 60 * skill + random.normal(0, 12)),
                n_steps=200,
                curriculum_stage=stage,
                finished_unix_nanos=_finished_at(episode_id) * 10**9,
            )
            curve.append(row)
    catalog.commit_evaluation(
        run_id,
        old_cursor=catalog.load_run_state(run_id).cursor,
        new_cursor="1-1",
        criteria_state={},
        new_episodes=curve,
        decided=(),
        at=datetime.now(UTC),
    )


def add_life(
    catalog: Catalog,
    root: Path,
    run_id: str,
    episode_id: int,
    columns: dict[str, np.ndarray],
    *,
    stage: int | None = 1,
    **metadata: Any,
) -> None:
    """One recorded episode with these columns; ``metadata`` as for ``tests.episodes.make_episode_file``."""
    options: dict[str, Any] = {
        **SCENE,
        "n_steps": len(columns["reward"]),
        "total_reward": float(columns["reward"].sum()),
        "curriculum_stage": stage,
        "timestamp": float(_finished_at(episode_id)),
        "finished_unix_nanos": _finished_at(episode_id) * 10**9,
        "info": {"seed": 1000 + episode_id},
        "reasons": ("periodic_10", "top_10.0pct") if episode_id % 20 == 0 else ("periodic_10",),
        **metadata,
    }
    add_episode(catalog, root, run_id=run_id, episode_id=episode_id, columns=columns, **options)


def _finished_at(episode_id: int) -> int:
    return 1_760_000_000 + 60 * episode_id
