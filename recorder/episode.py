"""What an episode is: one recorded step, the metadata of a whole episode, and what is missing from it.

Alignment, written here and nowhere else. Of step ``t``:

* ``position``, ``meters``, ``time_of_day``, ``interaction_progress`` are the state *reached by* its action;
* ``reward``, ``intrinsic_reward``, ``done``, ``terminated``, ``truncated`` are what that action earned;
* ``q_values``, ``action_masks``, ``epsilon`` are what the action was *chosen from*.

``done`` is ``terminated or truncated``: the environment's words, whole. An *episode* whose status is ``truncated`` is another matter:
there the recording stopped before the episode did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from recorder.errors import UsageError

__all__ = ["EpisodeMetadata", "EpisodeStatus", "Gap", "RecordedStep", "Substrate"]


class EpisodeStatus(StrEnum):
    """How a recorded episode ended."""

    COMPLETE = "complete"
    """The trainer finished it."""
    TRUNCATED = "truncated"
    """The recorder was closed while it was still open."""
    SALVAGED = "salvaged"
    """Its trainer died; what had arrived was kept."""
    ABORTED = "aborted"
    """The trainer gave it up with ``abort``: no recording, a row in the catalog."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Steps that are missing: ``first_step <= step < end_step``. ``end_step`` is None when nobody knows how many follow."""

    first_step: int
    end_step: int | None
    reason: str = "dropped"

    @property
    def n_steps(self) -> int | None:
        """How many steps are missing, or None when nobody knows."""
        return None if self.end_step is None else self.end_step - self.first_step


@dataclass(frozen=True, slots=True)
class Substrate:
    """The space that positions lie in: ``type`` is a free word (``grid``, ``continuous``, ``aspatial``)."""

    type: str = "grid"
    position_dim: int = 2
    width: int | None = None
    height: int | None = None


@dataclass(slots=True)
class RecordedStep:
    """One step of an episode; the module's docstring says which state belongs to which action.

    Args:
        step: number of the step within its episode, from 0.
        position: coordinates, any number of them, none included.
        meters: the agent's meters, any number; their names are in the metadata.
        action: index of a discrete action, or the components of a continuous one.
        done: ``terminated or truncated``.
        time_of_day: the environment's clock, where it has one.
        interaction_progress: share of a multi-step interaction that is done, 0 to 1.
        terminated: None when the trainer gave only ``done``; the same for ``truncated``.
        action_masks: which actions were allowed.
        extras: any further named scalars or arrays.
    """

    step: int
    position: tuple[float, ...]
    meters: tuple[float, ...]
    action: int | tuple[float, ...]
    reward: float
    intrinsic_reward: float = 0.0
    done: bool = False
    q_values: tuple[float, ...] | None = None
    time_of_day: int | None = None
    interaction_progress: float | None = None
    terminated: bool | None = None
    truncated: bool | None = None
    epsilon: float | None = None
    action_masks: tuple[bool, ...] | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class EpisodeMetadata:
    """What is known of an episode when it ends; every field may be left out.

    Args:
        episode_id: number of the episode within its run.
        survival_steps: steps survived; summed from the steps when left out.
        total_reward: the return the criteria look at; extrinsic plus weighted intrinsic when left out.
        extrinsic_reward: sum of ``reward``; intrinsic_reward: sum of ``intrinsic_reward``.
        curriculum_stage: stage of the curriculum in which the episode was played.
        epsilon: exploration rate; intrinsic_weight: weight of the intrinsic reward in the trainer's return.
        timestamp: when the episode ended, seconds since 1970 (UTC).
        affordance_layout: name to cell, as many coordinates as a position has.
        affordance_visits: name to number of uses; custom_action_uses: the same for actions of the trainer's own.
        run_id: the training job; with ``episode_id`` the episode's identity.
        lane: index of the sub-environment in a vector environment.
        meter_names, action_names: names for the entries of ``meters`` and for the action indices.
        grid_size: cells along one side of a square grid, or ``(width, height)``.
        gaps: steps that are missing from the recording.
        n_steps: steps that the recording holds.
        env_steps: environment steps of the whole run when the episode ended.
        info: anything else worth keeping; JSON-like.
    """

    episode_id: int = -1
    survival_steps: int = 0
    total_reward: float = 0.0
    extrinsic_reward: float = 0.0
    intrinsic_reward: float = 0.0
    curriculum_stage: int = 1
    epsilon: float = 0.0
    intrinsic_weight: float = 0.0
    timestamp: float = 0.0
    affordance_layout: Mapping[str, Sequence[float]] = field(default_factory=dict)
    affordance_visits: Mapping[str, int] = field(default_factory=dict)
    run_id: str = ""
    lane: int = 0
    custom_action_uses: Mapping[str, int] = field(default_factory=dict)
    meter_names: Sequence[str] = ()
    action_names: Sequence[str] = ()
    grid_size: int | Sequence[int] | None = None
    substrate: Substrate | None = None
    status: EpisodeStatus = EpisodeStatus.COMPLETE
    gaps: Sequence[Gap] = ()
    n_steps: int = 0
    started_unix_nanos: int = 0
    finished_unix_nanos: int = 0
    env_steps: int = 0
    info: Mapping[str, Any] = field(default_factory=dict)

    def to_map(self) -> dict[str, Any]:
        """The plain map that stands in files and entries: only msgpack's own types."""
        out: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        out["status"] = str(self.status)
        out["gaps"] = [[gap.first_step, gap.end_step, gap.reason] for gap in self.gaps]
        s = self.substrate
        out["substrate"] = None if s is None else [s.type, s.position_dim, s.width, s.height]
        for name in ("affordance_layout",):
            out[name] = {key: list(cell) for key, cell in out[name].items()}
        for name in ("meter_names", "action_names"):
            out[name] = list(out[name])
        for name in ("affordance_visits", "custom_action_uses", "info"):
            out[name] = dict(out[name])
        if isinstance(self.grid_size, Sequence):
            out["grid_size"] = list(self.grid_size)
        return out

    @classmethod
    def from_map(cls, source: Mapping[str, Any]) -> EpisodeMetadata:
        """The inverse of ``to_map``; unknown keys go to ``info``, missing ones take their defaults.

        Raises:
            UsageError: a known key holds something that it can't be.
        """
        known = {f.name for f in fields(cls)}
        values = {key: value for key, value in source.items() if key in known}
        unknown = {key: value for key, value in source.items() if key not in known}
        try:
            values["status"] = EpisodeStatus(values.get("status", EpisodeStatus.COMPLETE))
            values["gaps"] = tuple(Gap(*gap) for gap in values.get("gaps", ()))
            substrate = values.get("substrate")
            if substrate is not None:
                values["substrate"] = Substrate(*substrate)
            layout = values.get("affordance_layout") or {}
            values["affordance_layout"] = {str(name): tuple(cell) for name, cell in layout.items()}
            for name in ("meter_names", "action_names"):
                values[name] = tuple(str(item) for item in values.get(name) or ())
            if isinstance(values.get("grid_size"), Sequence):
                values["grid_size"] = tuple(values["grid_size"])
            if unknown:
                values["info"] = {**unknown, **(values.get("info") or {})}
            return cls(**values)
        except (TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"episode metadata: {error}") from error
