"""Opens the Redis that a command's settings name. Apart from ``opening``: the client takes a quarter of a command's start."""

from __future__ import annotations

import contextlib

from recorder.errors import StreamUnavailableError
from recorder.installation import Installation
from recorder.installation.ownership import check_owner
from recorder.redis_server.find import find_server_url
from recorder.settings import Settings
from recorder.step_stream import RedisStepStream

__all__ = ["check_redis_owner", "find_server_url", "open_stream"]


def check_redis_owner(settings: Settings, url: str | None, ours: Installation) -> None:
    """Check that Redis does not belong to another installation. Skipped without a URL, or if Redis can't be reached.

    Raises:
        StreamError: Redis belongs to another installation; the message names both.
    """
    if url is None:
        return
    with contextlib.closing(open_stream(settings, url)) as stream, contextlib.suppress(StreamUnavailableError):
        check_owner(stream, ours)


def open_stream(settings: Settings, url: str) -> RedisStepStream:
    """Connection to the step stream at ``url``; close it after use."""
    redis = settings.redis
    return RedisStepStream(
        url, key_prefix=redis.key_prefix, purpose="server", socket_timeout_secs=redis.socket_timeout_secs
    )
