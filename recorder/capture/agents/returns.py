"""The metadata of an ended episode with the returns that the trainer gives for its agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recorder.agents import AgentInfo, pack_agents
from recorder.capture.agents.roster import AgentRoster
from recorder.episode import EpisodeMetadata
from recorder.errors import UsageError
from recorder.publish.metadata.given import given_metadata, own_metadata
from recorder.values.text import sanitize_text

__all__ = ["metadata_with_returns"]


def metadata_with_returns(
    metadata: EpisodeMetadata | Mapping[str, Any] | None,
    roster: AgentRoster | None,
    agent_returns: Mapping[Any, float],
) -> tuple[bytes, list[UsageError]]:
    """As ``own_metadata``, with a table of those agents that the episode has.

    Args:
        roster: of the episode; None if it has no agents.
    """
    given, wrong = given_metadata(metadata)
    known = {} if roster is None else roster.agents
    table: dict[str, AgentInfo] = {}
    try:
        for agent_id, amount in agent_returns.items():
            name = sanitize_text(str(agent_id))
            if name in known:
                table[name] = AgentInfo(name, return_=float(amount))
            else:
                wrong.append(UsageError(f"agent_returns: the episode has no agent {name!r:.60}"))
    except Exception as error:  # noqa: BLE001 - whatever an object raises when it is read
        wrong.append(UsageError(f"agent_returns: expected a map from agents to numbers: {error}"))
    own, also_wrong = own_metadata({**given, "agents": pack_agents(table.values())} if table else given)
    return own, wrong + also_wrong
