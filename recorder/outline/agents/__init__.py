"""What several agents did in an episode: the part of the outline that an episode of one agent does not have."""

from recorder.outline.agents.agents_outline import AgentsOutline
from recorder.outline.agents.looks import AgentLook, agent_looks
from recorder.outline.agents.steps import MAX_FOLLOWED, agent_steps, group_values, present_in

__all__ = [
    "MAX_FOLLOWED",
    "AgentLook",
    "AgentsOutline",
    "agent_looks",
    "agent_steps",
    "group_values",
    "present_in",
]
