"""The measures of an episode that charts and cards can show: their titles, units and meanings."""

from __future__ import annotations

from typing import Any, NamedTuple

from recorder.values.number_format import DECIMALS, format_number

__all__ = ["MEASURES", "MEASURE_CHOICES", "METRIC", "METRIC_PREFIX", "Measure", "is_measure", "measure_of"]


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
        metric: name of the number in the episode's ``info``, of measures that a trainer recorded; else empty.
    """

    title: str
    meaning: str
    decimals: int
    column: str
    unit: str = ""
    order: str = ""
    superlative: str = ""
    metric: str = ""

    @property
    def suffix(self) -> str:
        """The unit after a number."""
        return f" {self.unit}" if self.unit else ""

    def of(self, episode: Any) -> float | None:
        """The value of an episode or a point of the curve; None if unknown."""
        value = getattr(episode, self.column)
        if not self.metric:
            return value  # type: ignore[no-any-return]
        number = (value or {}).get(self.metric)
        return float(number) if isinstance(number, int | float) else None

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

METRIC_PREFIX = "info."
"""Before the name of a number that the trainer recorded in the episode's ``info``."""

MEASURE_CHOICES = f"{', '.join(MEASURES)} or {METRIC_PREFIX}NAME, a number in the episodes' info"
"""All names of measures, in words."""

METRIC = Measure("", "A number that the trainer recorded with each episode, in its info.", 3, "metrics")
"""What all such numbers have in common."""


def is_measure(name: str) -> bool:
    """Whether a name is that of a measure; whether a run has it is another question."""
    return name in MEASURES or name.startswith(METRIC_PREFIX)


def measure_of(name: str) -> Measure:
    """Return the measure with this name.

    Raises:
        KeyError: there is none.
    """
    if not name.startswith(METRIC_PREFIX):
        return MEASURES[name]
    metric = name.removeprefix(METRIC_PREFIX)
    return METRIC._replace(title=metric.replace("_", " "), metric=metric)
