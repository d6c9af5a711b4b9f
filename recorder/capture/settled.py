"""What the configuration says of a recorder."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from recorder.capture.limits import PublisherLimits

if TYPE_CHECKING:
    from recorder.settings import Settings  # a recorder that is not configured by a file need not load it

__all__ = ["settled_arguments"]


def settled_arguments(settings: Settings, *, finds_server: bool) -> dict[str, Any]:
    """The settings as arguments of ``EpisodeRecorder``.

    Args:
        finds_server: look beside the recordings where they name no server.
    """
    from recorder.redis_server.find import (
        find_server_url,  # lazy: loads the settings' models, as whoever has settings does
    )

    capture, redis = settings.capture, settings.redis
    return {
        "stream": find_server_url(settings) if finds_server else None,
        "key_prefix": redis.key_prefix,
        "socket_timeout_secs": redis.socket_timeout_secs,
        "run_id": settings.run_id,
        "resume": settings.resume,
        "unique_run_id": settings.unique_run_id,
        "queue_maxsize": capture.queue_maxsize or 1000,
        "on_full": capture.on_full,
        "sender": capture.sender,
        "limits": PublisherLimits(**{limit.name: getattr(capture, limit.name) for limit in fields(PublisherLimits)}),
    }
