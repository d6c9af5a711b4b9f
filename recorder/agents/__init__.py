"""Many agents in one episode: their table, the names of their columns, and the columns of one of them.

The agents of a group have values of the same shapes and stand together on one axis, each in its slot.
"""

from recorder.agents.columns import (
    ROSTER,
    agent_column,
    agent_columns,
    agent_text_column,
    parse_agent_column,
    parse_agent_text_column,
    presence,
)
from recorder.agents.info import MAX_AGENT_ID_LETTERS, MAX_AGENTS, AgentInfo, pack_agents, read_agents

__all__ = [
    "MAX_AGENTS",
    "MAX_AGENT_ID_LETTERS",
    "ROSTER",
    "AgentInfo",
    "agent_column",
    "agent_columns",
    "agent_text_column",
    "pack_agents",
    "parse_agent_column",
    "parse_agent_text_column",
    "presence",
    "read_agents",
]
