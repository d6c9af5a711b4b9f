"""Checks Redis: reachable, safe settings, memory and queues; and that no other program writes under the key prefix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from recorder.commands.arguments.opening_redis import find_server_url, open_stream
from recorder.commands.checks.finding import Finding
from recorder.commands.terminal.output import counted, human_bytes
from recorder.errors import RecorderError, ServerStartError, SettingsError, StreamError
from recorder.redis_server.embedded import find_server_binary, folder_state
from recorder.redis_server.find import UNREACHABLE_ADVICE
from recorder.redis_server.status import QUEUE_KEYS, ServerStatus, read_queue_lengths, read_server_status
from recorder.settings import Settings
from recorder.urls import redact

__all__ = ["FoundRedis", "check_keys", "check_server", "find_redis"]

_OLDEST_VERSION = (6, 2)
_LONG_QUEUE = 1000


@dataclass(frozen=True, slots=True)
class FoundRedis:
    """The Redis in use. It is asked once for all checks, because each question to an unreachable one takes seconds.

    Args:
        url: None if none is configured or running.
        status: its answer; None if it can't be used.
        error: why it can't be used.
    """

    url: str | None = None
    status: ServerStatus | None = None
    error: RecorderError | None = None

    @property
    def is_usable(self) -> bool:
        """Whether it answered."""
        return self.status is not None


def find_redis(settings: Settings) -> FoundRedis:
    """Find the Redis in use and read its status."""
    url = find_server_url(settings)
    if url is None:
        return FoundRedis()
    try:
        status = read_server_status(url, socket_timeout_secs=settings.redis.socket_timeout_secs)
    except (SettingsError, StreamError) as error:
        return FoundRedis(url, error=error)
    return FoundRedis(url, status)


def check_server(settings: Settings, redis: FoundRedis) -> Iterator[Finding]:
    """Report the Redis in use, or the one that would be started, and the broker."""
    url, status = redis.url, redis.status
    if url is None:
        yield _unreachable(settings) or _startable()
        return
    if status is None:
        start = "" if isinstance(redis.error, SettingsError) else "start it, or "
        yield Finding("fail", "Redis", str(redis.error), f"{start}correct recording.redis.url (--redis-url)")
        return
    yield _version(status, url)
    if status.used_bytes is None:
        yield _unknown_memory()
    else:
        yield from _safety(status)
        yield _memory(status.used_bytes, status.limit_bytes, settings)
    yield from _queues(status, url, settings)


def _unreachable(settings: Settings) -> Finding | None:
    """A finding if Redis runs for this recordings folder but can't be reached; else None."""
    if settings.local_recordings_dir is None or not folder_state(settings.embedded_server_dir).is_in_use:
        return None
    return Finding(
        "fail",
        "Redis",
        f"it runs for this recordings folder, but can't be reached: {settings.embedded_server_dir}",
        UNREACHABLE_ADVICE,
    )


def _startable() -> Finding:
    try:
        return Finding("ok", "Redis", f"none is running; commands that need it start {find_server_binary()}")
    except ServerStartError as error:
        return Finding("fail", "Redis", "none is configured, and none is installed", str(error))


def _version(status: ServerStatus, url: str) -> Finding:
    found = f"{status.kind} {status.version} at {redact(url)}"
    numbers = tuple(int(part) for part in status.version.split(".")[:2] if part.isdigit())
    if numbers < _OLDEST_VERSION:
        return Finding("fail", "Redis", found, "6.2 or newer is needed")
    if status.is_replica:
        return Finding("fail", "Redis", f"{found} is a read-only replica", "give the URL of its primary (--redis-url)")
    return Finding("ok", "Redis", found)


def _safety(status: ServerStatus) -> Iterator[Finding]:
    if status.eviction_policy == "noeviction":
        yield Finding("ok", "maxmemory-policy", "noeviction")
    else:
        yield Finding(
            "warn",
            "maxmemory-policy",
            f"{status.eviction_policy}: a full Redis would evict steps",
            "redis-cli CONFIG SET maxmemory-policy noeviction, and set it in redis.conf",
        )
    if status.has_append_only_file:
        yield Finding("ok", "appendonly", "yes")
    else:
        yield Finding(
            "warn",
            "appendonly",
            "no: a restart of Redis loses steps that are not written to files yet",
            "redis-cli CONFIG SET appendonly yes, and set it in redis.conf",
        )


def _unknown_memory() -> Finding:
    return Finding(
        "warn",
        "Redis memory",
        "unknown, like maxmemory-policy and appendonly: this Redis user may not call INFO",
        "allow +info, so that trainers pause before Redis is full; or check as another user",
    )


def _memory(used_bytes: int, limit_bytes: int | None, settings: Settings) -> Finding:
    capture = settings.capture
    if limit_bytes is None:
        limit, share = int(capture.max_server_memory_bytes), 1.0
        what = "recording.capture.max_server_memory_bytes"
    else:
        limit, share, what = limit_bytes, capture.server_memory_fraction, "its maxmemory"
    found = f"{human_bytes(used_bytes)} of {human_bytes(limit)} ({what})"
    if used_bytes > limit * share:
        return Finding("fail", "Redis memory", found, "trainers pause; start more ingest workers, or raise the limit")
    return Finding("ok", "Redis memory", found)


def _queues(status: ServerStatus, url: str, settings: Settings) -> Iterator[Finding]:
    redis = settings.redis
    try:
        queue_lengths = read_queue_lengths(
            redis.broker_url or url, key_prefix=redis.key_prefix, socket_timeout_secs=redis.socket_timeout_secs
        )
    except (SettingsError, StreamError) as error:
        yield Finding("fail", "broker", str(error), "start it, or correct recording.redis.broker_url")
        return
    if redis.broker_url is not None:
        yield Finding("ok", "broker", redact(redis.broker_url))
    lengths = ", ".join(f"{name} {length}" for name, length in queue_lengths.items())
    longest = max(queue_lengths.values())
    if longest and status.n_worker_connections == 0:
        yield Finding("warn", "queues", f"{lengths}; no worker is connected", "hamlet-recorder worker")
    elif longest > _LONG_QUEUE:
        yield Finding("warn", "queues", lengths, "start another worker: hamlet-recorder worker")
    else:
        yield Finding("ok", "queues", lengths)


_MAX_KEYS = 200_000
"""Keys to look at, which takes about two seconds."""


def check_keys(settings: Settings, redis: FoundRedis) -> Iterator[Finding]:
    """Count the keys under the prefix that are not of this program. Another check reports a Redis that does not answer."""
    if redis.url is None or not redis.is_usable or not settings.redis.key_prefix:
        return
    try:
        with closing(open_stream(settings, redis.url)) as stream:
            keys = stream.foreign_keys(others=QUEUE_KEYS, most=_MAX_KEYS)
    except StreamError as error:
        yield Finding("warn", "keys", "can't be checked", str(error))
        return
    extent = counted(keys.n_scanned, "key") if keys.is_complete else f"the first {counted(keys.n_scanned, 'key')}"
    if not keys.found:
        yield Finding("ok", "keys", f"{extent} under {settings.redis.key_prefix}, all of hamlet-recorder")
        return
    name, why = next(iter(keys.found.items()))
    yield Finding(
        "warn",
        "keys",
        f"{len(keys.found)} of {extent} under {settings.redis.key_prefix} are of another program, such as {name}: {why}",
        "they do no harm, but its next key may; give each program its own recording.redis.key_prefix, none the start of "
        "another",
    )
