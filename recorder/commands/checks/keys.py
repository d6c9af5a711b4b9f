"""Checks that no other program writes under the key prefix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from recorder.commands.arguments.opening_redis import open_stream
from recorder.commands.checks.finding import Finding
from recorder.commands.checks.server import FoundRedis
from recorder.commands.terminal.output import counted
from recorder.errors import StreamError
from recorder.redis_server.status import QUEUE_KEYS
from recorder.settings import Settings

__all__ = ["check_keys"]

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
