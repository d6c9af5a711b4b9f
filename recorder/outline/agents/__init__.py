"""What several agents did in an episode: the part of the outline that an episode of one agent does not have."""

from recorder.outline.agents.agents_outline import AgentsOutline, find_agent
from recorder.outline.agents.looks import AgentLook, agent_looks
from recorder.outline.agents.steps import (
    MAX_FOLLOWED,
    agent_positions,
    agent_steps,
    group_values,
    present_in,
    whole_positions,
    whole_rows,
    whole_steps,
)

__all__ = [
    "MAX_FOLLOWED",
    "AgentLook",
    "AgentsOutline",
    "agent_looks",
    "agent_positions",
    "agent_steps",
    "find_agent",
    "group_values",
    "present_in",
    "whole_positions",
    "whole_rows",
    "whole_steps",
]
