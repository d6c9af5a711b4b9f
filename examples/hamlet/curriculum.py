"""Five stages, from a gentle world to a harsh one. ``recorder.demo.curriculum`` has the rule that moves between them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["STAGES", "Stage"]

BASICS = ("Bed", "Shower", "HomeMeal", "Job")
OUTDOORS = (*BASICS, "Labor", "Park", "Doctor")
TOWN = (*OUTDOORS, "FastFood", "Gym", "Bar", "Recreation")
EVERYTHING = (*TOWN, "LuxuryBed")


@dataclass(frozen=True, slots=True)
class Stage:
    """The rules of one stage.

    Args:
        number: 1 to 5.
        decay: factor on what every meter loses in a step.
        affordances: names of the places that can be used.
        opening_hours: whether places close.
        sparse_reward: rewards are saved up and paid four times a day, in place of at once.
        intrinsic_weight: weight of the novelty reward in what the agent learns from.
        advance_at: mean survival, a share of the longest episode, from which on the run moves to the next stage.
        retreat_at: mean survival below which it moves back.
    """

    number: int
    decay: float
    affordances: tuple[str, ...]
    opening_hours: bool
    sparse_reward: bool
    intrinsic_weight: float
    advance_at: float
    retreat_at: float


STAGES = (
    Stage(1, 0.80, BASICS, False, False, 0.10, advance_at=0.50, retreat_at=0.0),
    Stage(2, 0.90, OUTDOORS, False, False, 0.08, advance_at=0.60, retreat_at=0.30),
    Stage(3, 1.00, TOWN, True, False, 0.06, advance_at=0.65, retreat_at=0.40),
    Stage(4, 1.10, EVERYTHING, True, False, 0.04, advance_at=0.70, retreat_at=0.50),
    Stage(5, 1.25, EVERYTHING, True, True, 0.02, advance_at=2.0, retreat_at=0.55),
)
"""Nothing comes after the fifth, so its ``advance_at`` is out of reach; nothing before the first."""
