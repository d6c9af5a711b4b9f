"""The call of a recorder that takes a step of several agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recorder.capture.agents.roster import AgentRoster
from recorder.capture.calls.turns import TurnCalls
from recorder.capture.reading.values import checked_extras, whole_number
from recorder.errors import UsageError
from recorder.schema import STEP_FIELDS

__all__ = ["AgentCalls"]

_MAX_OPEN = 65_536
"""Episodes of several agents that are open at once."""

_RESERVED = "agents."
"""Names of extras that begin so belong to the agents."""


class AgentCalls(TurnCalls):
    """Part of ``EpisodeRecorder``. A step of several agents is a step whose extras are the agents' columns."""

    def record_agents(
        self,
        episode_id: int,
        step: int,
        agents: Mapping[Any, Mapping[str, Any]],
        shared: Mapping[str, Any] | None = None,
        *,
        teams: Mapping[Any, str] | None = None,
        lane: int = 0,
    ) -> None:
        """Record one step of several agents of an episode.

        The episode's reward is the sum over the agents in ``agents``. It is terminated or truncated with the last of them.

        Args:
            episode_id, step, lane: as in ``record_step``.
            agents: for each agent that takes part in this step its fields, by the names of ``record_step``. Agents may join and
                leave; an agent whose field ``terminated``, ``truncated`` or ``done`` is true has left. Values are numbers or
                arrays, and in ``extras`` also texts (``str``).
            shared: fields of the episode, by the names of ``record_step``, such as ``time_of_day`` and ``extras``. They outweigh
                the sums.
            teams: the team of each agent; the first step in which an agent appears needs it, the others need not repeat it.
        """
        if self._closed_because:
            self._refusals.refuse(self._closed_error("record_agents"), n_steps=1)
            return
        try:
            number, step_number = whole_number(episode_id), whole_number(step)
            if teams is not None and not isinstance(teams, Mapping):
                raise UsageError(f"teams: expected a map from agents to teams, found {type(teams).__name__}")
            values = self._shared_fields(shared)
            found = self._roster(number).step(step_number, agents, teams)
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._refusals.refuse(error, n_steps=1)
            return
        extras = {**values.pop("extras", {}), **found.extras}
        own = {
            "position": None,
            "meters": None,
            "action": None,
            "reward": found.reward,
            "intrinsic_reward": found.intrinsic_reward,
            "terminated": found.terminated,
            "truncated": found.truncated,
        } | values
        own.setdefault("done", bool(own["terminated"]) or bool(own["truncated"]))
        self.record_step(number, step_number, **own, extras=extras, lane=lane)

    def _roster(self, episode_id: int) -> AgentRoster:
        roster = self._rosters.get(episode_id)
        if roster is None:
            if len(self._rosters) >= _MAX_OPEN:
                raise UsageError(f"{_MAX_OPEN} episodes of several agents are open: end them with finish_episode")
            roster = self._rosters[episode_id] = AgentRoster(self._refusals.refuse_value)
        return roster

    def _shared_fields(self, shared: Mapping[str, Any] | None) -> dict[str, Any]:
        """Those that a step can have."""
        if shared is None:
            return {}
        if not isinstance(shared, Mapping):
            raise UsageError(f"shared: expected a map of fields, found {type(shared).__name__}")
        values: dict[str, Any] = {}
        for name, value in shared.items():
            if name == "extras":
                extras = {} if value is None else checked_extras(value)
                values["extras"] = {key: item for key, item in extras.items() if not str(key).startswith(_RESERVED)}
                if len(values["extras"]) < len(extras):
                    self._refusals.refuse_value(f"shared: names of extras can't begin with {_RESERVED!r}")
            elif name in STEP_FIELDS:
                values[name] = value
            else:
                self._refusals.refuse_value(f"shared: {name!s:.60}: no field of a step; put it into extras")
        return values
