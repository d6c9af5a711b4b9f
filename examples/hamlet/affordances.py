"""What the world offers: the eight meters, how they feed on each other, and the twelve affordances.

Plain tables without torch: ``environment.py`` turns them into tensors, ``curriculum.py`` picks from them by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["AFFORDANCES", "DECAY", "HUNGERS", "METER_NAMES", "VITAL_METERS", "Affordance"]

METER_NAMES = ("energy", "hygiene", "satiation", "money", "mood", "social", "health", "fitness")

VITAL_METERS = ("energy", "satiation", "health")
"""The agent dies when one of these is empty."""

DECAY = {
    "energy": 0.012,
    "hygiene": 0.008,
    "satiation": 0.014,
    "mood": 0.004,
    "social": 0.005,
    "health": 0.002,
    "fitness": 0.004,
}
"""What a meter loses in one step at decay 1.0. Money is only ever spent."""

HUNGERS: Mapping[tuple[str, str], float] = {
    ("satiation", "energy"): 0.008,
    ("satiation", "health"): 0.012,
    ("hygiene", "health"): 0.006,
    ("hygiene", "social"): 0.006,
    ("social", "mood"): 0.008,
    ("mood", "energy"): 0.006,
    ("fitness", "health"): 0.006,
}
"""``(cause, victim)`` to what the victim loses in a step when the cause is empty; half full or more, nothing."""


@dataclass(frozen=True, slots=True)
class Affordance:
    """A place where the agent can interact.

    Args:
        n_ticks: steps of INTERACT, one after the other, that the whole interaction takes.
        effects: what the whole interaction adds to each meter; paid out in equal parts, a tick each.
        cost: money for the whole interaction, paid the same way.
        opens, closes: opening hours, ``opens <= hour < closes``; a place that closes before it opens is open overnight.
    """

    name: str
    n_ticks: int
    effects: Mapping[str, float] = field(default_factory=dict)
    cost: float = 0.0
    opens: int = 0
    closes: int = 24

    def is_open(self, hour: int) -> bool:
        """Whether the place is open at ``hour``, 0 to 23."""
        if self.opens <= self.closes:
            return self.opens <= hour < self.closes
        return hour >= self.opens or hour < self.closes


AFFORDANCES = (
    Affordance("Bed", 4, {"energy": 0.60, "mood": 0.05}),
    Affordance("LuxuryBed", 4, {"energy": 0.90, "mood": 0.20, "health": 0.05}, cost=0.20),
    Affordance("Shower", 2, {"hygiene": 0.70}, cost=0.02),
    Affordance("HomeMeal", 3, {"satiation": 0.60, "health": 0.10}, cost=0.06),
    Affordance("FastFood", 1, {"satiation": 0.40, "energy": 0.10, "fitness": -0.10, "health": -0.05}, cost=0.10),
    Affordance("Job", 5, {"money": 0.60, "energy": -0.15, "mood": -0.05}, opens=8, closes=18),
    Affordance("Labor", 4, {"money": 0.40, "energy": -0.20, "hygiene": -0.15, "fitness": 0.10}, opens=6, closes=20),
    Affordance("Gym", 3, {"fitness": 0.60, "energy": -0.10, "hygiene": -0.10}, cost=0.08, opens=6, closes=22),
    Affordance("Bar", 3, {"social": 0.60, "mood": 0.25, "health": -0.05}, cost=0.15, opens=18, closes=4),
    Affordance("Park", 3, {"mood": 0.20, "social": 0.20, "fitness": 0.15}, opens=6, closes=22),
    Affordance("Recreation", 2, {"mood": 0.50, "social": 0.20}, cost=0.10, opens=10, closes=23),
    Affordance("Doctor", 2, {"health": 0.60}, cost=0.20, opens=8, closes=18),
)
