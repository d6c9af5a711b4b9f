"""Episodes that look like life: an agent that walks to what it needs, in a world like the example's. For tests and pictures of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from recorder.catalog import Catalog, EpisodeRow
from tests.episodes import add_episode

__all__ = ["ACTIONS", "AFFORDANCES", "METERS", "SCENE", "Life", "add_life", "add_lives"]

METERS = ("energy", "hygiene", "satiation", "money", "mood", "social", "health", "fitness")
ACTIONS = ("UP", "DOWN", "LEFT", "RIGHT", "INTERACT", "WAIT")
AFFORDANCES = {
    "Bed": (1, 1), "Shower": (1, 4), "HomeMeal": (3, 6), "Job": (6, 6), "Park": (6, 2), "Bar": (4, 3), "Doctor": (0, 7), "Gym": (7, 0),
}  # fmt: skip
SERVES = {name: meter for meter, name in enumerate(("Bed", "Shower", "HomeMeal", "Job", "Park", "Bar", "Doctor", "Gym"))}
GRID = 8
TICKS = 4
SCENE: dict[str, Any] = {"meter_names": METERS, "action_names": ACTIONS, "affordance_layout": AFFORDANCES}
MOVES = np.array([(0, -1), (0, 1), (-1, 0), (1, 0), (0, 0), (0, 0)])


@dataclass
class Life:
    """One episode, lived step by step.

    Args:
        skill: share of the steps in which the agent does what it needs, instead of anything.
        waits: ``(first, end)`` steps in which it only waits: a dull stretch.
        fork: from this step on it draws other random numbers.
    """

    seed: int
    n_steps: int
    skill: float = 0.9
    waits: tuple[int, int] = (0, 0)
    fork: int | None = None
    rows: dict[str, list[Any]] = field(default_factory=dict)

    def columns(self) -> dict[str, np.ndarray]:
        """The columns of the whole episode."""
        random = np.random.default_rng(self.seed)
        position, meters, progress = np.array([3, 3]), np.full(len(METERS), 0.75), 0
        cells = list(AFFORDANCES.items())
        for step in range(self.n_steps):
            if step == self.fork:
                random = np.random.default_rng(self.seed + 10_000)
            name, cell = min(cells, key=lambda item: meters[SERVES[item[0]]])
            wanted = self._towards(position, np.array(cell))
            masks = np.array([*(((position + MOVES[:4]) >= 0) & ((position + MOVES[:4]) < GRID)).all(axis=1), False, True])
            here = next((name for name, cell in cells if tuple(position) == cell), None)
            masks[4] = here is not None
            q_values = random.normal(0, 0.25, len(ACTIONS)) + 2 * (np.arange(len(ACTIONS)) == wanted)
            action = wanted if random.random() < self.skill else int(random.choice(np.flatnonzero(masks)))
            if self.waits[0] <= step < self.waits[1]:
                action = 5
            before = meters.copy()
            meters = meters - [0.010, 0.008, 0.012, 0.003, 0.005, 0.006, 0.002, 0.005]
            progress = progress % TICKS + 1 if action == 4 else 0
            if action == 4 and here:
                meters[SERVES[here]] += 0.16
            elif action < 4:
                position = np.clip(position + MOVES[action], 0, GRID - 1)
            meters = np.clip(meters, 0, 1)
            self._add(
                position=position.copy(), meters=meters, action=action,
                reward=0.25 if self.waits[0] <= step < self.waits[1] else round(float(meters.min() * 2 + (meters - before).sum()), 4),
                intrinsic_reward=0.02, done=step == self.n_steps - 1, terminated=step == self.n_steps - 1, truncated=False,
                q_values=q_values, action_masks=masks, time_of_day=step % 24, interaction_progress=progress / TICKS, epsilon=0.05,
            )  # fmt: skip
        kinds = {"position": "<i2", "meters": "<f4", "action": "<i2", "reward": "<f4", "intrinsic_reward": "<f4", "q_values": "<f4",
                 "time_of_day": "<i2", "interaction_progress": "<f4", "epsilon": "<f4"}  # fmt: skip
        return {name: np.array(values, kinds.get(name, "|b1")) for name, values in self.rows.items()}

    def _towards(self, position: np.ndarray, cell: np.ndarray) -> int:
        across, down = cell - position
        if across == down == 0:
            return 4
        if abs(across) > abs(down):
            return 3 if across > 0 else 2
        return 1 if down > 0 else 0

    def _add(self, **values: Any) -> None:
        for name, value in values.items():
            self.rows.setdefault(name, []).append(value)


def add_lives(catalog: Catalog, root: Path, *, run_id: str, n_episodes: int, recorded: Sequence[int], n_steps: int = 300) -> None:
    """A run whose agent gets better: all episodes in the curve, the ``recorded`` ones with files."""
    random = np.random.default_rng(1)
    curve = []
    for episode_id in range(n_episodes):
        skill = episode_id / n_episodes
        if episode_id in recorded:
            length = int(n_steps * (0.4 + 0.6 * skill))
            columns = Life(seed=episode_id, n_steps=length, skill=0.35 + 0.6 * skill).columns()
            add_life(catalog, root, run_id, episode_id, columns, stage=1 + int(3 * skill))
        else:
            total = float(45 + 60 * skill + random.normal(0, 12))
            curve.append(
                EpisodeRow(
                    run_id=run_id, episode_id=episode_id, play_id=1, decision="skipped", total_reward=total, n_steps=200,
                    curriculum_stage=1 + int(3 * skill), finished_unix_nanos=(1_760_000_000 + 60 * episode_id) * 10**9,
                )
            )  # fmt: skip
    add_to_curve(catalog, run_id, curve)


def add_life(
    catalog: Catalog, root: Path, run_id: str, episode_id: int, columns: dict[str, np.ndarray], *, stage: int = 1, **metadata: Any
) -> None:
    """One recorded episode with these columns."""
    length = len(columns["reward"])
    options: dict[str, Any] = {
        "total_reward": float(columns["reward"].sum()), "curriculum_stage": stage, **SCENE, "timestamp": 1_760_000_000.0 + 60 * episode_id,
        "finished_unix_nanos": (1_760_000_000 + 60 * episode_id) * 10**9, "info": {"seed": 1000 + episode_id},
        "reasons": ("periodic_10", "top_10.0pct") if episode_id % 20 == 0 else ("periodic_10",),
    }  # fmt: skip
    add_episode(catalog, root, run_id=run_id, episode_id=episode_id, n_steps=length, columns=columns, **{**options, **metadata})


def add_to_curve(catalog: Catalog, run_id: str, rows: Sequence[EpisodeRow]) -> None:
    """Episodes that were not kept."""
    catalog.commit_evaluation(
        run_id, old_cursor=catalog.load_run_state(run_id).cursor, new_cursor="1-1", criteria_state={}, new_episodes=rows, settled=(),
        at=datetime.now(UTC),
    )  # fmt: skip
