"""Publishing: from the records of a ring to chunks to the stream, each step once, whatever dies.

A trainer imports only the limits: the ``publisher`` runs in its sender, most often another process.
"""

from recorder.publish.limits import PublisherLimits
from recorder.publish.trouble import OnMessage

__all__ = ["OnMessage", "PublisherLimits"]
