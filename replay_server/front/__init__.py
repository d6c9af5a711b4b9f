"""The HTTP front: an event loop that reads requests and sends answers without holding a thread."""

from replay_server.front.front import Front
from replay_server.limits import FrontLimits

__all__ = ["Front", "FrontLimits"]
