"""The quick way of a step of several agents, for agents whose values come as they came before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from recorder.agents import AgentInfo
from recorder.agents.columns import agent_text_column
from recorder.capture.agents.filler import Fill, Shown, columns_of, joined, make_fill, shown_fields
from recorder.capture.agents.group import AgentGroup
from recorder.schema import EXTRAS_PREFIX

__all__ = ["QuickStep", "QuickWay"]

_MAX_LEARNT = 256
"""Times that an episode looks for a quick way: values that come another way each time would cost more than they save."""


class QuickStep(NamedTuple):
    """One step of agents that are all there and none of which ends."""

    extras: dict[str, Any]
    reward: float
    intrinsic_reward: float


class QuickWay:
    """Of one open episode.

    Args:
        groups: of the episode.
    """

    def __init__(self, groups: Sequence[AgentGroup]) -> None:
        self._groups = groups
        self._fills: dict[Any, tuple[Fill, int, int]] = {}
        """By agent: its function, slot and group."""
        self._shown: dict[int, Shown] = {}
        self._present: dict[Any, None] | None = None
        """Who is present in the columns as they are; None when they hold values of the slow way."""
        self._extras: dict[str, Any] = {}
        self._n_learnt = 0

    def take(self, agents: Any) -> QuickStep | None:
        """The step; None when a value came another way, and the slow way has to look at it.

        Raises:
            Exception: whatever a value of another kind raises; then, too.
        """
        fills = self._fills
        if not fills or agents.__class__ is not dict or not agents:
            return None
        if self._present is None or agents.keys() != self._present.keys():
            if not agents.keys() <= fills.keys():
                return None
            self._clear(agents)
        sums = [0.0, 0.0]
        extras = dict(self._extras)
        for agent_id, fields in agents.items():
            fill, slot, group = fills[agent_id]
            texts: list[tuple[str, str]] = []
            if not fill(fields, slot, sums, texts):
                return None
            for name, text in texts:
                extras[agent_text_column(group, slot, name).removeprefix(EXTRAS_PREFIX)] = text
        return QuickStep(extras, *sums)

    def forget(self) -> None:
        """The slow way uses the columns now."""
        self._present = None

    def learn(self, given: Any, known: Mapping[str, AgentInfo], ended: Collection[str], *, is_whole: bool) -> None:
        """See how the values of a step came, which the slow way has put into the columns.

        Args:
            given: the agents and their fields.
            known: the agents of the episode.
            ended: those that take part in no later step.
            is_whole: whether every value could be recorded.
        """
        self._fills = {}
        if not is_whole or given.__class__ is not dict or self._n_learnt >= _MAX_LEARNT:
            return
        shown: dict[int, Shown] = {}
        places: dict[str, AgentInfo] = {}
        for agent_id, fields in given.items():
            info = known.get(agent_id) if agent_id.__class__ is str else None
            if info is None:
                return
            own = shown_fields(fields)
            if own is not None and info.group in shown:
                own = joined(own, shown[info.group])
            elif own is not None and info.group in self._shown:
                own = joined(own, self._shown[info.group]) or own
            if own is None:
                return
            shown[info.group] = own
            if agent_id not in ended:
                places[agent_id] = info
        self._n_learnt += shown != self._shown
        self._shown = {**self._shown, **shown}
        by_group: dict[int, Fill] = {}
        for group, fields in shown.items():
            fill = make_fill(fields, self._groups[group].columns)
            if fill is None:
                return
            by_group[group] = fill
        self._fills = {name: (by_group[info.group], info.slot, info.group) for name, info in places.items()}

    def _clear(self, agents: Mapping[Any, Any]) -> None:
        """Empty the columns: others are present now."""
        by_group: dict[int, list[int]] = {}
        for agent_id in agents:
            _, slot, group = self._fills[agent_id]
            by_group.setdefault(group, []).append(slot)
        present: dict[str, Any] = {}
        values: dict[str, Any] = {}
        for group, slots in by_group.items():
            own = self._groups[group].begin(slots)
            present |= own
            values |= self._groups[group].extras_of(columns_of(self._shown[group]))
        self._extras = {**present, **values}
        self._present = dict.fromkeys(agents)
