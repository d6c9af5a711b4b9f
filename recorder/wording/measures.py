"""The measures of an episode that charts and cards can show: their titles, units and meanings."""

from __future__ import annotations

from typing import NamedTuple

from recorder.values.number_format import DECIMALS, format_number

__all__ = ["MEASURES", "Measure"]


class Measure(NamedTuple):
    """A number that the catalog has of each episode.

    Args:
        title: for axes and menus.
        meaning: one sentence.
        decimals: how it is written.
        unit: empty if it has none.
        column: column of the catalog's ``episodes``; the duration is computed from two.
        order: name of the order in lists; empty if lists do not sort by it.
        superlative: what its highest value is, if more is better; else empty.
    """

    title: str
    meaning: str
    decimals: int
    column: str
    unit: str = ""
    order: str = ""
    superlative: str = ""

    @property
    def suffix(self) -> str:
        """The unit after a number."""
        return f" {self.unit}" if self.unit else ""

    def write(self, value: float | None) -> str:
        """Return a value with its unit."""
        return f"{format_number(value, self.decimals)}{self.suffix}"


MEASURES = {
    "return": Measure(
        "Return",
        "Sum of the task reward, plus the weight times the intrinsic reward.",
        DECIMALS["return"],
        "total_reward",
        order="reward",
        superlative="Best return",
    ),
    "task": Measure(
        "Task reward",
        "Sum of the environment's rewards, without intrinsic reward.",
        DECIMALS["return"],
        "extrinsic_reward",
        superlative="Best task reward",
    ),
    "steps": Measure(
        "Steps survived",
        "Steps until the episode ended.",
        0,
        "survival_steps",
        unit="steps",
        order="length",
        superlative="Longest life",
    ),
    "intrinsic": Measure(
        "Intrinsic reward",
        "Sum of the reward for curiosity, before its weight.",
        DECIMALS["return"],
        "intrinsic_reward",
    ),
    "epsilon": Measure("Exploration ε", "Share of random actions.", DECIMALS["epsilon"], "epsilon"),
    "duration": Measure("Duration", "Time from the first step to the last.", 2, "duration", unit="s"),
    "missing": Measure(
        "Missing steps", "Steps that were lost before they were written.", 0, "n_missing_steps", unit="steps"
    ),
}
"""By the names that routes and addresses use."""
