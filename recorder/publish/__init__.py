"""Publishing: from the records of a ring to chunks to the stream, each step once, whatever dies."""

from recorder.publish.limits import PublisherLimits
from recorder.publish.publisher import Publisher

__all__ = ["Publisher", "PublisherLimits"]
