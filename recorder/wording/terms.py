"""Headings and facts of the page: what a number means, and its unit."""

from __future__ import annotations

from typing import NamedTuple

from recorder.wording.measures import MEASURES

__all__ = ["TERMS", "Term"]


class Term(NamedTuple):
    """A heading or the name of a fact, and its explanation with the unit."""

    title: str
    meaning: str


TERMS = {
    "episode": Term("Episode", "Number of the episode in its run, from 0."),
    "return": Term("Return", f"{MEASURES['return'].meaning} No unit."),
    "task": Term("Task reward", f"{MEASURES['task'].meaning} No unit."),
    "intrinsic": Term("Intrinsic reward", f"{MEASURES['intrinsic'].meaning} No unit."),
    "weight": Term("Intrinsic weight", "Factor of the intrinsic reward in the return. No unit."),
    "steps": Term("Steps", "Steps that the recording has."),
    "stage": Term("Stage", "Stage of the curriculum, as the trainer counts it."),
    "status": Term("Status", "How the episode ended: complete, broken off, or salvaged after the trainer died."),
    "reasons": Term("Kept because", "Why criteria kept the episode. Point at a reason for its value and threshold."),
    "finished": Term("Finished", "When the episode ended, in your time zone."),
    "lane": Term("Lane", "Number of the environment in a vector environment, from 0."),
    "epsilon": Term("Exploration ε", "Share of random actions, from 0 to 1."),
    "action": Term("Action", "The action that the agent took in this step."),
    "position": Term("Position", "Where the agent is after this step, as coordinates."),
    "reward": Term("Reward", "What this step earned from the environment. No unit."),
    "step_intrinsic": Term("Intrinsic reward", "What this step earned for curiosity, before its weight. No unit."),
    "return_so_far": Term("Return so far", "The return up to and including this step. No unit."),
    "task_so_far": Term("Task reward so far", "The environment's rewards up to and including this step. No unit."),
    "intrinsic_so_far": Term(
        "Intrinsic reward so far", "The intrinsic reward up to and including this step, before its weight. No unit."
    ),
    "extra": Term("", "A value that the trainer recorded with this step."),
    "end": Term("End", "Whether the episode ends with this step, and how."),
    "seed": Term("Seed", "Seed of the environment's random numbers. Click to copy it."),
}
"""By the names that the page uses."""
