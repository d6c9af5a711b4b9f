"""What a Redis-compatible server says of itself, for ``doctor`` and ``stats``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recorder.redis_client import make_client, translate_errors

__all__ = ["QUEUES", "ServerStatus", "read_server_status"]

QUEUES = ("ingest", "render", "maintenance")
"""Celery's queues: lists on the server, behind the key prefix."""

_WORKER_CLIENT = "hamlet-worker"


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One look at a server.

    Args:
        kind: ``redis`` or ``valkey``; version: its own.
        used_bytes: memory that its data takes; limit_bytes: its ``maxmemory``, None when it has none.
        eviction_policy: ``maxmemory-policy``; steps are safe with ``noeviction`` only.
        has_append_only_file: whether it writes its data to disk as it comes.
        queue_lengths: tasks that wait, by queue.
        n_worker_connections: clients of ingest workers.
    """

    kind: str
    version: str
    used_bytes: int
    limit_bytes: int | None
    eviction_policy: str
    has_append_only_file: bool
    queue_lengths: Mapping[str, int]
    n_worker_connections: int


def read_server_status(url: str, *, key_prefix: str, socket_timeout_secs: float = 2.0) -> ServerStatus:
    """Ask a server about itself; INFO alone, as hosted servers forbid CONFIG.

    Raises:
        StreamUnavailableError: it can't be reached.
    """
    client = make_client(url, purpose="server", socket_timeout_secs=socket_timeout_secs)
    try:
        with translate_errors(url):
            information = client.info()
            names = [entry.get("name", "") for entry in client.client_list()]
            queue_lengths = {queue: int(client.llen(f"{key_prefix}{queue}")) for queue in QUEUES}
    finally:
        client.close()
    kind = "valkey" if "valkey_version" in information else "redis"
    return ServerStatus(
        kind=kind,
        version=str(information[f"{kind}_version"]),
        used_bytes=int(information["used_memory"]),
        limit_bytes=int(information.get("maxmemory", 0)) or None,
        eviction_policy=str(information.get("maxmemory_policy", "")),
        has_append_only_file=bool(information.get("aof_enabled", 0)),
        queue_lengths=queue_lengths,
        n_worker_connections=names.count(_WORKER_CLIENT),
    )
