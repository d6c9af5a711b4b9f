"""Reads the status and queue lengths of Redis, for ``doctor`` and ``stats``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recorder.redis_server.client import call_if_allowed, make_client, translate_errors
from recorder.step_stream.redis_set_aside import SetAside

__all__ = [
    "QUEUES",
    "QUEUE_KEYS",
    "QUEUE_PRIORITIES",
    "ServerStatus",
    "read_queue_lengths",
    "read_server_status",
    "repair_queues",
]

QUEUES = ("ingest", "render", "maintenance")
"""Celery's queues; their lists have the key prefix."""

QUEUE_PRIORITIES = (0, 3, 6, 9)
"""Task priorities, the most urgent first; each queue has a list for each."""

_PRIORITY_MARK = "\x06\x16"
"""Separates queue and priority in a list's name; priority 0 has no suffix."""

_LISTS = {
    queue: [f"{queue}{_PRIORITY_MARK}{priority}" if priority else queue for priority in QUEUE_PRIORITIES]
    for queue in QUEUES
}

QUEUE_KEYS = {
    **dict.fromkeys((name for lists in _LISTS.values() for name in lists), "list"),
    **dict.fromkeys((f"_kombu.binding.{queue}" for queue in QUEUES), "set"),
    **dict.fromkeys((f"_kombu.binding_permanent.{queue}" for queue in QUEUES), "set"),
    "unacked": "hash",
    "unacked_index": "zset",
    "unacked_mutex": "string",
}
"""Celery's keys and their types."""

_WORKER_CLIENT = "hamlet-worker"


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """Status of a Redis server. Fields from INFO are None if this user may not call it.

    Args:
        kind: ``redis`` or ``valkey``.
        is_replica: whether it is a copy of another server, which refuses to write.
        used_bytes: memory of its data.
        limit_bytes: ``maxmemory``; None without a limit.
        eviction_policy: ``maxmemory-policy``; steps are safe only with ``noeviction``.
        has_append_only_file: whether it writes its data to disk continuously.
        n_worker_connections: connections of workers; None if CLIENT LIST is not allowed.
    """

    kind: str
    version: str
    is_replica: bool
    used_bytes: int | None
    limit_bytes: int | None
    eviction_policy: str | None
    has_append_only_file: bool | None
    n_worker_connections: int | None


def read_server_status(url: str, *, socket_timeout_secs: float = 2.0) -> ServerStatus:
    """Read the status, without CONFIG, which hosted servers forbid.

    Raises:
        StreamUnavailableError: Redis can't be reached.
    """
    with make_client(url, purpose="server", socket_timeout_secs=socket_timeout_secs) as client:
        information = call_if_allowed(url, client.info)
        greeting = information or _greeting(url, client)
        entries = call_if_allowed(url, client.client_list)
    kind = "valkey" if "valkey_version" in greeting else "redis"
    named = {} if information is None else information
    return ServerStatus(
        kind=kind,
        version=str(greeting.get(f"{kind}_version", "unknown")),
        is_replica=greeting.get("role") in ("slave", "replica"),
        used_bytes=None if information is None else int(information.get("used_memory", 0)),
        limit_bytes=int(named.get("maxmemory", 0)) or None,
        eviction_policy=None if information is None else str(information.get("maxmemory_policy", "")),
        has_append_only_file=None if information is None else bool(information.get("aof_enabled", 0)),
        n_worker_connections=None if entries is None else [it.get("name") for it in entries].count(_WORKER_CLIENT),
    )


def _greeting(url: str, client: Any) -> Mapping[str, str]:
    """The version and the role from HELLO, which every user may call, in the form of INFO."""
    with translate_errors(url):
        reply = client.execute_command("HELLO")
    fields = dict(zip(reply[::2], reply[1::2], strict=True)) if isinstance(reply, list) else reply
    return {f"{fields[b'server'].decode()}_version": fields[b"version"].decode(), "role": fields[b"role"].decode()}


def read_queue_lengths(url: str, *, key_prefix: str, socket_timeout_secs: float = 2.0) -> Mapping[str, int]:
    """Number of waiting tasks in each queue.

    Args:
        url: ``redis.broker_url``, or ``redis.url`` if it is not set.

    Raises:
        StreamUnavailableError: Redis can't be reached.
    """
    with make_client(url, purpose="server", socket_timeout_secs=socket_timeout_secs) as client, translate_errors(url):
        return {queue: sum(_length(client, f"{key_prefix}{name}") for name in lists) for queue, lists in _LISTS.items()}


def repair_queues(url: str, *, key_prefix: str, socket_timeout_secs: float = 2.0) -> None:
    """Set aside keys of another type that another program has put in place of the queues, which would block all tasks.

    Raises:
        StreamError: Redis can't be reached, or refuses.
    """
    with make_client(url, purpose="worker", socket_timeout_secs=socket_timeout_secs) as client, translate_errors(url):
        SetAside(client, key_prefix, may_write=True).move(
            {f"{key_prefix}{name}": kind for name, kind in QUEUE_KEYS.items()}
        )


def _length(client: Any, key: str) -> int:
    """Length of a list; 0 for a key of another type."""
    return int(client.llen(key)) if client.type(key) == b"list" else 0
