"""Between the network and the application: an event loop that reads requests and sends answers, and holds no thread."""

from replay_server.front.front import Front
from replay_server.front.limits import FrontLimits

__all__ = ["Front", "FrontLimits"]
