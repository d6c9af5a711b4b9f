"""Which agents an episode has, and their values of one step as columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.agents import MAX_AGENT_ID_LETTERS, MAX_AGENTS, AgentInfo
from recorder.agents.columns import ROSTER, agent_text_column
from recorder.agents.table import pack_roster
from recorder.capture.agents.group import AgentGroup, Shapes, shapes_of
from recorder.capture.agents.quick import QuickStep, QuickWay
from recorder.capture.reading.values import as_array, checked_extras, checked_name
from recorder.errors import UsageError
from recorder.schema import EXTRAS_PREFIX, STEP_FIELDS
from recorder.values.text import sanitize_text

__all__ = ["AgentRoster", "AgentsStep"]

_REPEATED_EVERY_STEPS = 64
"""Steps from one text of the roster to the next: a reader that lost some steps soon knows the agents again."""

_MAX_GROUPS = 64
"""Each has a column that says who is present; a step has 512 columns."""

_VECTORS = frozenset(name for name, kind in STEP_FIELDS.items() if kind == "array") - {"action"}
_SCALARS = frozenset(name for name, kind in STEP_FIELDS.items() if kind == "scalar")


@dataclass(slots=True)
class AgentsStep:
    """One step of all agents."""

    extras: dict[str, Any] = field(default_factory=dict)
    """The columns of the groups."""
    reward: float = 0.0
    intrinsic_reward: float = 0.0
    """Sums over the agents that are present."""
    terminated: bool = False
    truncated: bool = False
    """Whether the episode ends: with the last of its agents."""


class AgentRoster:
    """The agents of one open episode, in the order of their appearance.

    Args:
        refuse: called with the reason when a value can't be recorded.
    """

    def __init__(self, refuse: Callable[[str], None]) -> None:
        self._refuse_value = refuse
        self._n_refused = 0
        self.agents: dict[str, AgentInfo] = {}
        self._ended: set[str] = set()
        self._groups: list[AgentGroup] = []
        self._text = ""
        self._is_told = True
        """Whether a step has had the agents as they are now."""
        self._teams: Mapping[Any, Any] | None = None
        """As given last."""
        self._texts: list[tuple[str, str, str]] = []
        """Of the step: agent, extra and text."""
        self._quick = QuickWay(self._groups)

    def step(self, number: int, agents: Mapping[Any, Any], teams: Mapping[Any, Any] | None) -> AgentsStep:
        """Take the values of one step.

        Args:
            number: of the step.
            agents: the fields of each agent that is present.
            teams: of some or all agents.
        """
        quick = self._quickly(agents, teams)
        if quick is not None:
            told = {} if number % _REPEATED_EVERY_STEPS else self._told()
            return AgentsStep({**told, **quick.extras}, quick.reward, quick.intrinsic_reward)
        self._quick.forget()
        n_refused = self._n_refused
        self._texts = []
        present = self._checked(agents)
        self._place({name: values for name, values in present.items() if name not in self.agents}, teams or {})
        if teams:
            self._join_teams(teams)
        found = AgentsStep()
        by_group: list[dict[int, Mapping[str, NDArray[Any]]]] = [{} for _ in self._groups]
        for name, values in present.items():
            info = self.agents.get(name)
            if info is not None:
                by_group[info.group][info.slot] = values
                found.reward += _number(values, "reward")
                found.intrinsic_reward += _number(values, "intrinsic_reward")
                self._note_end(name, values, found)
        is_over = bool(present) and all(name in self._ended for name in present)
        found.terminated, found.truncated = is_over and found.terminated, is_over and not found.terminated
        # What readers need most comes first: a step with too many columns loses the last ones.
        if self.agents and (not self._is_told or not number % _REPEATED_EVERY_STEPS):
            if not self._is_told:
                self._text = pack_roster(self.agents.values())
            found.extras |= self._told()
            self._is_told = True
        filled = [group.fill(by_slot) for group, by_slot in zip(self._groups, by_group, strict=True) if by_slot]
        for present_in, _, _ in filled:
            found.extras |= present_in
        for _, columns, problems in filled:
            found.extras |= columns
            for problem in problems:
                self._refuse(problem)
        for name, extra, text in self._texts:
            if (info := self.agents.get(name)) is not None:
                found.extras[agent_text_column(info.group, info.slot, extra).removeprefix(EXTRAS_PREFIX)] = text
        self._teams = None if teams is None else dict(teams)
        self._quick.learn(agents, self.agents, self._ended, is_whole=self._n_refused == n_refused)
        return found

    def _quickly(self, agents: Any, teams: Any) -> QuickStep | None:
        """The step, if its values come as they came before."""
        try:
            return self._quick.take(agents) if self._is_told and (teams is None or teams == self._teams) else None
        except Exception:  # noqa: BLE001 - the quick way does not fit; the slow one says why
            return None

    def _told(self) -> dict[str, Any]:
        return {ROSTER.removeprefix(EXTRAS_PREFIX): self._text}

    def _refuse(self, why: str) -> None:
        self._n_refused += 1
        self._refuse_value(why)

    def _checked(self, agents: Mapping[Any, Any]) -> dict[str, dict[str, NDArray[Any]]]:
        """The agents that may take part in this step, and what of their values can be recorded."""
        if not isinstance(agents, Mapping):
            raise UsageError(f"agents: expected a map from ids to the fields of a step, found {type(agents).__name__}")
        present: dict[str, dict[str, NDArray[Any]]] = {}
        for agent_id, fields in agents.items():
            name = sanitize_text(str(agent_id))
            if not 0 < len(name) <= MAX_AGENT_ID_LETTERS:
                self._refuse(f"an agent's id has {len(name)} letters, expected 1 to {MAX_AGENT_ID_LETTERS}")
            elif name in present:
                self._refuse(f"two agents have the id {name!r:.60}: the values of the second one")
            elif name in self._ended:
                self._refuse(f"agent {name!r:.60} acts after its end: its values")
            elif fields is not None and not isinstance(fields, Mapping):
                self._refuse(f"agent {name!r:.60}: expected a map of fields, found {type(fields).__name__}")
            else:
                present[name] = self._arrays(name, fields or {})
        return present

    def _arrays(self, agent: str, fields: Mapping[Any, Any]) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {}
        for name, value in fields.items():
            if name == "extras" and value is not None:
                try:
                    items = checked_extras(value).items()
                except UsageError as error:
                    self._refuse(f"agent {agent!r:.60}: {error}")
                    continue
                for extra, item in items:
                    if item is not None:
                        self._read(arrays, agent, extra, item, is_extra=True)
            elif value is not None:
                self._read(arrays, agent, name, value, is_extra=False)
        return arrays

    def _read(self, arrays: dict[str, NDArray[Any]], agent: str, name: Any, value: Any, *, is_extra: bool) -> None:
        try:
            if is_extra:
                name = f"{EXTRAS_PREFIX}{checked_name(name)}"
                if isinstance(value, str):
                    self._texts.append((agent, name.removeprefix(EXTRAS_PREFIX), value))
                    return
            elif name not in STEP_FIELDS:
                raise UsageError("no field of a step; put it into extras")
            array = as_array(value)
            if array.dtype.kind not in "biuf":
                raise UsageError(f"expected numbers, or a text in extras, found {type(value).__name__}")
            if name in _SCALARS:
                if array.size != 1:
                    raise UsageError(f"expected one number, found an array of shape {array.shape}")
                array = array.reshape(())
            elif name in _VECTORS:
                array = array.reshape(-1)
            arrays[name] = array
        except Exception as error:  # noqa: BLE001 - whatever an object raises when it is read
            self._refuse(f"agent {agent!r:.60}: {name!s:.60}: {error}")

    def _place(self, newcomers: Mapping[str, Mapping[str, NDArray[Any]]], teams: Mapping[Any, Any]) -> None:
        """Give agents that were not there before a group and a slot."""
        alike: dict[Shapes, list[str]] = {}
        for name, values in newcomers.items():
            alike.setdefault(shapes_of(values), []).append(name)
        for shapes, names in alike.items():
            for index, name in enumerate(names):
                if len(self.agents) >= MAX_AGENTS:
                    self._refuse(f"an episode has at most {MAX_AGENTS} agents: agent {name!r:.60}")
                    continue
                group = self._group_for(shapes, len(names) - index)
                if group is None:
                    self._refuse(
                        f"the agents of an episode have at most {_MAX_GROUPS} kinds of shapes: agent {name!r:.60}"
                    )
                    continue
                self.agents[name] = AgentInfo(name, group=group, slot=self._groups[group].take_slot())
                self._is_told = False
        if newcomers and teams:
            self._join_teams(teams)

    def _group_for(self, shapes: Shapes, n_agents: int) -> int | None:
        """The number of a group with a free slot; a new one has as many slots as there are agents of its kind so far.

        None when there are too many groups.
        """
        n_slots = 0
        for number, group in enumerate(self._groups):
            if group.shapes == shapes:
                if group.has_room:
                    return number
                n_slots += group.n_slots
        if len(self._groups) >= _MAX_GROUPS:
            return None
        self._groups.append(AgentGroup(len(self._groups), shapes, max(n_agents, n_slots)))
        return len(self._groups) - 1

    def _join_teams(self, teams: Mapping[Any, Any]) -> None:
        for agent_id, team in teams.items():
            info, name = self.agents.get(sanitize_text(str(agent_id))), sanitize_text(str(team))[:MAX_AGENT_ID_LETTERS]
            if info is not None and info.team != name:
                self.agents[info.agent_id] = replace(info, team=name)
                self._is_told = False

    def _note_end(self, name: str, values: Mapping[str, NDArray[Any]], found: AgentsStep) -> None:
        is_terminated = bool(_number(values, "terminated"))
        is_truncated = bool(_number(values, "truncated"))
        if is_terminated or is_truncated or bool(_number(values, "done")):
            self._ended.add(name)
            found.terminated = found.terminated or is_terminated or not is_truncated


def _number(values: Mapping[str, NDArray[Any]], name: str) -> float:
    value = values.get(name)
    return 0.0 if value is None else float(np.float64(value))
