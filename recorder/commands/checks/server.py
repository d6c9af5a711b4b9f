"""The Redis-compatible server: reachable, keeping what it is given, and its queues moving."""

from __future__ import annotations

from collections.abc import Iterator

from recorder.commands.arguments.opening import find_server_url
from recorder.commands.checks.finding import Finding
from recorder.commands.terminal.output import human_bytes
from recorder.errors import ServerStartError, SettingsError, StreamError
from recorder.redis_server.embedded import find_server_binary, look_at_folder
from recorder.redis_server.find import UNREACHABLE_ADVICE
from recorder.redis_server.status import ServerStatus, read_queue_lengths, read_server_status
from recorder.settings import Settings
from recorder.urls import redact

__all__ = ["check_server"]

_OLDEST_VERSION = (6, 2)
_LONG_QUEUE = 1000


def check_server(settings: Settings) -> Iterator[Finding]:
    """The server in use, or the one that would be started, and the one with the queues."""
    url = find_server_url(settings)
    if url is None:
        yield _unreachable(settings) or _startable()
        return
    try:
        status = read_server_status(url, socket_timeout_secs=settings.redis.socket_timeout_secs)
    except SettingsError as error:
        yield Finding("fail", "server", str(error), "correct recording.redis.url (--redis-url)")
        return
    except StreamError as error:
        yield Finding("fail", "server", str(error), "start it, or correct recording.redis.url (--redis-url)")
        return
    yield _version(status, url)
    if status.used_bytes is None:
        yield _tells_nothing()
    else:
        yield from _safety(status)
        yield _memory(status.used_bytes, status.limit_bytes, settings)
    yield from _queues(status, url, settings)


def _unreachable(settings: Settings) -> Finding | None:
    """Of a server that runs beside the recordings all the same; None when none does."""
    if settings.local_recordings_dir is None or not look_at_folder(settings.embedded_server_dir).is_in_use:
        return None
    return Finding(
        "fail",
        "server",
        f"one runs beside the recordings and can't be reached: {settings.embedded_server_dir}",
        UNREACHABLE_ADVICE,
    )


def _startable() -> Finding:
    try:
        return Finding("ok", "server", f"none is running; a command that needs one starts {find_server_binary()}")
    except ServerStartError as error:
        return Finding("fail", "server", "none is configured, and none is installed", str(error))


def _version(status: ServerStatus, url: str) -> Finding:
    found = f"{status.kind} {status.version} at {redact(url)}"
    numbers = tuple(int(part) for part in status.version.split(".")[:2] if part.isdigit())
    if numbers < _OLDEST_VERSION:
        return Finding("fail", "server", found, "6.2 is the oldest that has the commands: install a newer one")
    return Finding("ok", "server", found)


def _safety(status: ServerStatus) -> Iterator[Finding]:
    if status.eviction_policy == "noeviction":
        yield Finding("ok", "maxmemory-policy", "noeviction")
    else:
        yield Finding(
            "warn",
            "maxmemory-policy",
            f"{status.eviction_policy}: a full server would lose steps",
            "redis-cli CONFIG SET maxmemory-policy noeviction, and set it in the server's file",
        )
    if status.has_append_only_file:
        yield Finding("ok", "appendonly", "yes")
    else:
        yield Finding(
            "warn",
            "appendonly",
            "no: a restart of the server loses the steps that no worker has written yet",
            "redis-cli CONFIG SET appendonly yes, and set it in the server's file",
        )


def _tells_nothing() -> Finding:
    return Finding(
        "warn",
        "server memory",
        "unknown, and so are maxmemory-policy and appendonly: this user has no right to INFO",
        "allow +info, so that trainers pause before the server is full; or look at them as another user",
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
        return Finding("fail", "server memory", found, "trainers pause: start more ingest workers, or raise the limit")
    return Finding("ok", "server memory", found)


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
