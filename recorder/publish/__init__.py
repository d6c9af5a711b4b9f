"""Publishing: from the records of a ring to chunks to the stream, each step once, whatever dies."""

from recorder.publish.limits import PublisherLimits
from recorder.publish.publisher import Publisher
from recorder.publish.trouble import OnMessage

__all__ = ["OnMessage", "Publisher", "PublisherLimits"]
