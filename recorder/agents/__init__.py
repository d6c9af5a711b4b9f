"""Many agents in one episode: their table, the names of their columns, and the columns of one of them.

The agents of a group have values of the same shapes and stand together on one axis, each in its slot. This module offers what
the catalog and the settings need, without numpy; the columns are in ``columns``.
"""

from recorder.agents.info import MAX_AGENT_ID_LETTERS, MAX_AGENTS, AgentInfo, pack_agents, read_agents

__all__ = [
    "MAX_AGENTS",
    "MAX_AGENT_ID_LETTERS",
    "AgentInfo",
    "pack_agents",
    "read_agents",
]
