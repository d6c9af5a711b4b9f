"""What a Redis-compatible server says of itself, for ``doctor`` and ``stats``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recorder.redis_server.client import ask_if_allowed, make_client, translate_errors
from recorder.step_stream.redis_set_aside import SetAside

__all__ = ["QUEUES", "QUEUE_PRIORITIES", "ServerStatus", "mend_queues", "read_queue_lengths", "read_server_status"]

QUEUES = ("ingest", "render", "maintenance")
"""Celery's queues: lists on the server, behind the key prefix."""

QUEUE_PRIORITIES = (0, 3, 6, 9)
"""What a task's priority can be, the first to be done in front: each queue has a list for each."""

_PRIORITY_MARK = "\x06\x16"
"""Between a queue's name and its priority, in the name of a list; that of priority 0 has the queue's name alone."""

_LISTS = {
    queue: [f"{queue}{_PRIORITY_MARK}{priority}" if priority else queue for priority in QUEUE_PRIORITIES]
    for queue in QUEUES
}

_QUEUE_KEYS = {
    **dict.fromkeys((name for lists in _LISTS.values() for name in lists), "list"),
    **dict.fromkeys((f"_kombu.binding.{queue}" for queue in QUEUES), "set"),
    "unacked": "hash",
    "unacked_index": "zset",
    "unacked_mutex": "string",
}
"""What Celery keeps of them, and of which type each key is."""

_WORKER_CLIENT = "hamlet-worker"


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One look at a server.

    Args:
        kind: ``redis`` or ``valkey``; version: its own.
        used_bytes: memory that its data takes; limit_bytes: its ``maxmemory``, None when it has none.
        eviction_policy: ``maxmemory-policy``; steps are safe with ``noeviction`` only.
        has_append_only_file: whether it writes its data to disk as it comes.
            These four are None where the server tells this user nothing of itself (INFO is refused).
        n_worker_connections: clients of ingest workers; None where the server tells nobody of its clients.
    """

    kind: str
    version: str
    used_bytes: int | None
    limit_bytes: int | None
    eviction_policy: str | None
    has_append_only_file: bool | None
    n_worker_connections: int | None


def read_server_status(url: str, *, socket_timeout_secs: float = 2.0) -> ServerStatus:
    """Ask a server about itself; without CONFIG, which hosted servers forbid.

    Raises:
        StreamUnavailableError: it can't be reached.
    """
    client = make_client(url, purpose="server", socket_timeout_secs=socket_timeout_secs)
    try:
        information = ask_if_allowed(url, client.info)
        greeting = information or _greeting(url, client)
        entries = ask_if_allowed(url, client.client_list)
    finally:
        client.close()
    kind = "valkey" if "valkey_version" in greeting else "redis"
    named = {} if information is None else information
    return ServerStatus(
        kind=kind,
        version=str(greeting.get(f"{kind}_version", "unknown")),
        used_bytes=None if information is None else int(information.get("used_memory", 0)),
        limit_bytes=int(named.get("maxmemory", 0)) or None,
        eviction_policy=None if information is None else str(information.get("maxmemory_policy", "")),
        has_append_only_file=None if information is None else bool(information.get("aof_enabled", 0)),
        n_worker_connections=None if entries is None else [it.get("name") for it in entries].count(_WORKER_CLIENT),
    )


def _greeting(url: str, client: Any) -> Mapping[str, str]:
    """What the server says of itself to everyone who connects, by the names that INFO has for it."""
    with translate_errors(url):
        reply = client.execute_command("HELLO")
    said = dict(zip(reply[::2], reply[1::2], strict=True)) if isinstance(reply, list) else reply
    return {f"{said[b'server'].decode()}_version": said[b"version"].decode()}


def read_queue_lengths(url: str, *, key_prefix: str, socket_timeout_secs: float = 2.0) -> Mapping[str, int]:
    """How many tasks wait in each of Celery's queues.

    Args:
        url: the server with the queues: ``redis.broker_url``, or the one with the streams where that is left out.

    Raises:
        StreamUnavailableError: it can't be reached.
    """
    client = make_client(url, purpose="server", socket_timeout_secs=socket_timeout_secs)
    try:
        with translate_errors(url):
            return {
                queue: sum(_length(client, f"{key_prefix}{name}") for name in lists) for queue, lists in _LISTS.items()
            }
    finally:
        client.close()


def mend_queues(url: str, *, key_prefix: str, socket_timeout_secs: float = 2.0) -> None:
    """Set aside what another program has put in the place of the queues: no task could be handed out or taken.

    Raises:
        StreamError: the server with the queues can't be reached, or refuses.
    """
    client = make_client(url, purpose="worker", socket_timeout_secs=socket_timeout_secs)
    try:
        with translate_errors(url):
            SetAside(client, key_prefix, may_write=True).move(
                {f"{key_prefix}{name}": kind for name, kind in _QUEUE_KEYS.items()}
            )
    finally:
        client.close()


def _length(client: Any, key: str) -> int:
    """Of a list; 0 where another program has put something else, which a worker sets aside."""
    return int(client.llen(key)) if client.type(key) == b"list" else 0
