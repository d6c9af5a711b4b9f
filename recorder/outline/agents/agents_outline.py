"""``AgentsOutline``: the agents of an episode, found while its chunks arrive."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.agents import AgentInfo
from recorder.agents.table import AgentTable
from recorder.chunk import Chunk
from recorder.episode import EpisodeMetadata
from recorder.errors import UsageError
from recorder.outline.agents.looks import agent_looks
from recorder.outline.agents.presence import MAX_SPANS, Presence
from recorder.outline.agents.returns import ReturnCurves
from recorder.outline.agents.steps import MAX_FOLLOWED, agent_rewards, agent_steps, group_values, present_in
from recorder.outline.agents.stillness import Stillness
from recorder.outline.dull_spans import Span, at_most
from recorder.outline.markers import AffordanceUses, LowMeters, Marker, MarkerFinder, UnsureChoices
from recorder.outline.meter_levels import MeterRanges
from recorder.outline.pictures import agent_picture_columns
from recorder.outline.scene import Bounds, Scene, agent_action_names, short_names
from recorder.outline.step_columns import Floats, StepColumns

__all__ = ["AgentsOutline", "find_agent", "shown_agent"]

_MAX_TEAMS = 16
"""Teams with a curve of their return. More could not be told apart."""
_MAX_NAMED = 20
"""In a message."""


class AgentsOutline:
    """Presence, markers and returns of the agents of an episode; empty for an episode of one agent.

    Args:
        scene: of the episode.
        ranges, bounds: of the episode; extended by all agents.
        has_progress: whether the agents have ``interaction_progress``.
    """

    def __init__(self, scene: Scene, ranges: MeterRanges, bounds: Bounds, *, has_progress: bool) -> None:
        self._scene = scene
        self._ranges = ranges
        self._bounds = bounds
        self._has_progress = has_progress
        self._table = AgentTable()
        self._given: Sequence[AgentInfo] = ()
        self._info: Mapping[str, Any] = {}
        """Of the episode."""
        self._followed: list[_Followed] = []
        self._presence: list[Presence] = []
        self._pictures: dict[int, list[str]] = {}
        """Columns of pictures, by group."""
        self._described_at: list[int] = []
        """Index of the first step of the chunk in which the lasting facts of each agent changed last."""
        self._stillness = Stillness()
        self.still: NDArray[np.bool_] | None = None
        """``bool[n_steps]`` of the last chunk, where all agents stand still; None without agents."""
        self._agent_sums = ReturnCurves()
        self._team_sums = ReturnCurves()
        self._teams: list[str] = []
        """In the order in which they appeared."""

    def add(self, chunk: Chunk, first_index: int) -> list[Marker]:
        """Add the next chunk; return its markers.

        Raises:
            EpisodeFileError: the chunk is damaged.
        """
        before = list(self._table.roster)
        self._table.add(chunk)
        agents = self._table.roster
        if not agents:
            return []
        with_new_pictures = self._add_pictures(chunk)
        self._described_at += [first_index] * (len(agents) - len(before))
        for number, (was, now) in enumerate(zip(before, agents, strict=False)):
            if was != now or now.group in with_new_pictures:
                self._described_at[number] = first_index
        for agent in agents[len(self._presence) :]:
            self._presence.append(Presence(agent.agent_id))
            if len(self._followed) < MAX_FOLLOWED:
                self._followed.append(_Followed(agent.agent_id, self._scene, self._ranges, self._has_progress))
        found = []
        for agent, presence in zip(agents, self._presence, strict=True):
            found += presence.add(first_index, present_in(chunk, agent), _flags(chunk, agent))
        groups = sorted({agent.group for agent in agents})
        for group in groups:
            self._include(chunk, group)
        self.still = self._stillness.add(chunk, groups)
        steps = [agent_steps(chunk, agent) for agent in agents[: len(self._followed)]]
        shares = self._shares(steps)
        for number, (followed, columns) in enumerate(zip(self._followed, steps, strict=True)):
            found += followed.add(columns, first_index, None if shares is None else shares[:, number])
        self._add_returns(chunk, steps, first_index)
        return found

    def close(self, metadata: EpisodeMetadata) -> None:
        """Take what the final metadata says of the agents."""
        self._given, self._info = metadata.agents, metadata.info

    @property
    def critical(self) -> list[Span]:
        """The spans in which a meter of any followed agent is critical."""
        return [span for followed in self._followed for span in followed.critical]

    def infos(self, weight: float | None) -> tuple[AgentInfo, ...]:
        """The agents so far, in the order in which they appeared.

        Args:
            weight: of the intrinsic reward in returns.
        """
        return self._table.agents(intrinsic_weight=weight, given=self._given)

    def to_map(self, weight: float | None, first_index: int = 0, end_index: int | None = None) -> dict[str, Any]:
        """``agents``, ``teams`` and ``shown_agent`` of the outline.

        Args:
            first_index: who gets this knows the agents of the steps before. Of those it has only what changes, and nothing
                of agents that take no part in later steps, unless there are new ones: then colours may change.
        """
        infos = self.infos(weight)
        is_new = [at >= first_index for at in self._described_at] or [True] * len(infos)
        looks, team_numbers = agent_looks({info.agent_id: info.team for info in infos})
        rows = []
        for number, info in enumerate(infos):
            look = looks[info.agent_id]
            spans = self._presence[number].spans if number < len(self._presence) else []
            critical = self._followed[number].critical if number < len(self._followed) else []
            if not any(is_new) and (not spans or spans[-1][1] <= first_index):
                continue
            row = {
                "id": info.agent_id,
                "number": look.number,
                "sign": look.sign,
                "spans": _clipped(spans, end_index),
                "critical": _clipped(at_most(critical, MAX_SPANS)[0], end_index),
                "return": float(f"{info.return_:.9g}"),
                "n_steps": info.n_steps,
                "outcome": info.outcome,
            }
            if is_new[number]:
                names = agent_action_names(self._info, info.agent_id)
                row |= {
                    "team": info.team,
                    "group": info.group,
                    "slot": info.slot,
                    "pictures": self._pictures.get(info.group, []),
                    "action_names": names,
                    "action_labels": short_names(names),
                }
            rows.append(row)
        teams = [{"name": name, "number": number} for name, number in team_numbers.items()]
        return {"agents": rows, "teams": teams, "shown_agent": shown_agent(infos)}

    def curves(self, weight: float | None, first_index: int, end_index: int | None) -> dict[str, Any]:
        """``agents`` and ``teams`` of the overview: samples of the returns of the first agents, and of each team, by name.

        An agent that has not joined yet has NaN, and a team none of whose agents has joined.
        """
        names = sorted(range(len(self._teams)), key=lambda number: self._teams[number])
        teams = self._team_sums.returns(weight, first_index, end_index)
        return {
            "agents": self._agent_sums.returns(weight, first_index, end_index),
            "teams": [teams[number] for number in names],
        }

    def _include(self, chunk: Chunk, group: int) -> None:
        """Extend the bounds by where agents of a group are."""
        positions, present = group_values(chunk, group, "position"), group_values(chunk, group, "present")
        if positions is None or present is None or present[0].shape != positions[0].shape[:2]:
            return
        there = positions[0][np.asarray(present[0], np.bool_)]
        if there.size:
            self._bounds.include(there.reshape(len(there), -1).astype(np.float64))

    def _add_pictures(self, chunk: Chunk) -> set[int]:
        """Columns may first appear after the first steps; returns their groups."""
        changed = set()
        for group, names in agent_picture_columns(map(chunk.spec, chunk.names)).items():
            known = self._pictures.setdefault(group, [])
            more = [name for name in names if name not in known]
            known += more
            changed |= {group} if more else set()
        return changed

    def _shares(self, steps: Sequence[StepColumns]) -> Floats | None:
        """``float64[n_steps, n_agents, n_meters]``."""
        n_meters = len(self._scene.meter_names)
        if not n_meters or all(columns.meters is None for columns in steps):
            return None
        meters = np.full((steps[0].n_steps, len(steps), n_meters), np.nan)
        for number, columns in enumerate(steps):
            if columns.meters is not None and columns.meters.shape[1] >= n_meters:
                meters[:, number] = columns.meters[:, :n_meters]
        return self._ranges.shares(meters)

    def _add_returns(self, chunk: Chunk, steps: Sequence[StepColumns], first_index: int) -> None:
        begins = [presence.first_index for presence in self._presence]
        rewards = [np.stack([columns.reward, columns.intrinsic_reward]) for columns in steps]
        self._agent_sums.add(first_index, rewards, begins[: len(rewards)])
        for agent in self._table.roster:
            if agent.team and agent.team not in self._teams and len(self._teams) < _MAX_TEAMS:
                self._teams.append(agent.team)
        whole = np.zeros((len(self._teams), 2, chunk.n_steps))
        first = [np.inf] * len(self._teams)
        for number, agent in enumerate(self._table.roster):
            if agent.team in self._teams:
                team = self._teams.index(agent.team)
                whole[team] += rewards[number] if number < len(rewards) else agent_rewards(chunk, agent)
                first[team] = min(first[team], begins[number])
        if self._teams:
            self._team_sums.add(first_index, list(whole), first)


class _Followed:
    """The markers of one agent."""

    def __init__(self, agent_id: str, scene: Scene, ranges: MeterRanges, has_progress: bool) -> None:
        self._agent_id = agent_id
        self._low = LowMeters(scene.meter_names, ranges)
        self._others: tuple[MarkerFinder, ...] = (
            AffordanceUses(scene.affordances, scene.action_names, has_progress=has_progress),
            UnsureChoices(),
        )

    @property
    def critical(self) -> list[Span]:
        """The spans in which a meter is critical."""
        return self._low.spans

    def add(self, columns: StepColumns, first_index: int, shares: Floats | None) -> list[Marker]:
        found = [] if shares is None else self._low.of_shares(shares, first_index)
        found += [marker for finder in self._others for marker in finder.add(columns, first_index)]
        return [
            Marker(it.index, it.kind, f"{self._agent_id}: {it.label}", it.name, it.value, self._agent_id)
            for it in found
        ]


def shown_agent(infos: Sequence[AgentInfo]) -> str | None:
    """The agent whose numbers are shown until another is selected: the one with the highest return; None if there is none.

    A return that is NaN is lower than any other.
    """
    return max(infos, key=_by_return, default=AgentInfo("")).agent_id or None


def _by_return(info: AgentInfo) -> tuple[bool, float]:
    return not math.isnan(info.return_), info.return_


def find_agent(infos: Sequence[AgentInfo], agent_id: str | None) -> AgentInfo | None:
    """The agent to show: the one with this id, or without an id the one that is shown first; None if there is none.

    Raises:
        UsageError: no agent has this id.
    """
    wanted = shown_agent(infos) if agent_id is None else agent_id
    found = next((info for info in infos if info.agent_id == wanted), None)
    if found is None and agent_id is not None:
        there = ", ".join(info.agent_id for info in infos[:_MAX_NAMED]) or "one agent without a name"
        raise UsageError(f"agent {agent_id!r}: the episode has {there}{' …' if len(infos) > _MAX_NAMED else ''}")
    return found


def _flags(chunk: Chunk, agent: AgentInfo) -> NDArray[np.bool_]:
    """``bool[n_steps]``: where the agent is terminated."""
    flags = np.zeros(chunk.n_steps, np.bool_)
    for name in ("terminated", "done"):
        found = group_values(chunk, agent.group, name)
        if found is not None and found[0].ndim == 2 and agent.slot < found[0].shape[1]:
            flags |= found[0][:, agent.slot] != 0
            break
    return flags


def _clipped(spans: Sequence[Span], end_index: int | None) -> list[Span]:
    return [(a, b if end_index is None else min(b, end_index)) for a, b in spans if end_index is None or a < end_index]
