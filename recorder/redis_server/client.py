"""Makes all Redis clients, and translates the driver's errors.

redis-py's defaults would send an entry twice (ten silent retries) and open a hundred connections before failing; both
are set here. Redis Cluster and Sentinel, which can't hold step streams, are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from recorder.errors import SettingsError, StreamError, StreamFullError, StreamUnavailableError
from recorder.urls import normalise_redis_url, redact

__all__ = [
    "Purpose",
    "answers",
    "call_if_allowed",
    "check_server",
    "make_client",
    "redact",
    "reply_of",
    "server_id_at",
    "translate_errors",
]

T = TypeVar("T")

Purpose = Literal["trainer", "worker", "server"]
"""User of the client: shown in ``CLIENT LIST``, and sets the size of the pool."""

_MAX_CONNECTIONS: dict[Purpose, int] = {"trainer": 8, "worker": 32, "server": 64}
"""A trainer sends from one thread. The threads of a replay server wait for a free connection."""

_HEALTH_CHECK_SECS = 25
"""A connection that was idle for longer is checked with PING: routers may have dropped it."""

_TRY_AGAIN_REPLIES = ("MISCONF", "NOREPLICAS", "LOADING", "BUSY ", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN")
"""Error replies for a temporary state of Redis."""


_NO_DATABASE_REPLIES = ("DB index is out of range", "invalid DB index")
"""Error replies to SELECT for a number that the server's configuration does not allow."""

_UNSUITABLE = {
    "cluster": (
        "this is a Redis Cluster, which spreads keys over servers; steps and queues need all keys on one server: give the "
        "URL of a Redis or Valkey with cluster-enabled no"
    ),
    "sentinel": (
        "this is a Redis Sentinel, which holds no data: give the URL of the server that it watches (see redis-cli -p 26379 "
        "SENTINEL MASTERS)"
    ),
}
"""Mode that Redis reports on connection, to the error message."""


_ADVICE_ON_CERTIFICATES = "; add ?ssl_ca_certs=PATH with the certificate of its authority"
_ADVICE_ON_TLS = "; if it does not use TLS on this port, use a redis:// URL"
_SIGNS_OF_NO_TLS = ("WRONG_VERSION_NUMBER", "Timeout connecting", "EOF occurred", "handshake")
"""In the error of a TLS handshake without an answer, or with one that is not TLS."""


_OF_A_PIPELINE = re.compile(r"Command # \d+ \(.*\) of pipeline caused error: ", re.DOTALL)
"""What the driver puts before a reply: the command with the bytes of its entries."""


class _UnsuitableServerError(redis.RedisError):
    """The server is a Cluster or Sentinel, or lacks the database; waiting does not help."""


def make_client(url: str, *, purpose: Purpose, socket_timeout_secs: float = 2.0) -> redis.Redis:
    """A client for binary values. It does not retry, and connects with the first command.

    Callers retry where that is safe: an entry has an explicit id, so a second copy is refused.

    Args:
        url: ``redis://``, ``rediss://``, ``unix://`` or their ``valkey`` forms.
        purpose: user of the client.
        socket_timeout_secs: longest wait for a connection, a free place in the pool, or an answer. Blocking commands
            must block for less.

    Raises:
        SettingsError: the URL is invalid.
    """
    normal = normalise_redis_url(url)
    options: dict[str, Any] = {
        "decode_responses": False,
        "health_check_interval": _HEALTH_CHECK_SECS,
        # Notices of a hosted server would loosen the timeouts, and cost each connection a round trip.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        "max_connections": _MAX_CONNECTIONS[purpose],
        "redis_connect_func": partial(_on_connect, name=f"hamlet-{purpose}"),
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": socket_timeout_secs,
        "socket_timeout": socket_timeout_secs,
        "timeout": socket_timeout_secs,
    }
    if not normal.startswith("unix:"):
        options["socket_keepalive"] = True
    try:
        pool = redis.BlockingConnectionPool.from_url(normal, **options)
        pool.connection_class(**pool.connection_kwargs)  # does not connect, but refuses unknown options
        return redis.Redis.from_pool(pool)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"invalid URL ({error}): {redact(url)}") from error


def _on_connect(connection: AbstractConnection, *, name: str) -> None:
    """Set up a connection: refuse an unsuitable server, and set the client's name if the user may."""
    try:
        connection.on_connect_check_health(check_health=False)
    except redis.ResponseError as error:
        _check_mode(connection)
        if str(error).startswith(_NO_DATABASE_REPLIES):
            raise _UnsuitableServerError(
                f"Redis has no database {connection.db}: give a smaller number, or raise 'databases' in its configuration"
            ) from error
        raise
    _check_mode(connection)
    connection.send_command("CLIENT", "SETNAME", name, check_health=False)
    try:
        connection.read_response()
    except redis.ResponseError as error:
        if not _is_not_allowed(error):
            raise


def _check_mode(connection: AbstractConnection) -> None:
    """Refuse a Cluster or Sentinel. The reply to HELLO has the server's mode for every user."""
    greeting: Any = connection.handshake_metadata or {}
    mode = greeting.get(b"mode", b"")
    if why := _UNSUITABLE.get(mode.decode(errors="replace")):
        raise _UnsuitableServerError(why)


def check_server(url: str, *, socket_timeout_secs: float = 2.0) -> StreamError | None:
    """Refuse a server that can't hold step streams. A server that can't be reached passes.

    Returns:
        Why it can't be used for now; None if it answers.

    Raises:
        SettingsError: it is a Cluster or Sentinel or lacks the database, or the URL is invalid.
    """
    with make_client(url, purpose="trainer", socket_timeout_secs=socket_timeout_secs) as client:
        try:
            with translate_errors(url):
                client.ping()
        except StreamError as error:
            return error
    return None


def call_if_allowed(url: str, call: Callable[[], T]) -> T | None:
    """Result of an optional command; None if the user may not call it.

    Raises:
        StreamError: as ``translate_errors``.
    """
    with translate_errors(url):
        try:
            return call()
        except redis.ResponseError as error:
            if not _is_not_allowed(error):
                raise
            return None


def _is_not_allowed(error: Exception) -> bool:
    """Whether the user may not call a command, or the server does not have it."""
    return isinstance(error, redis.exceptions.NoPermissionError) or str(error).lower().startswith("unknown command")


def answers(url: str) -> bool:
    """Whether a server answers within a second. One that is loading its data does not."""
    with make_client(url, purpose="worker", socket_timeout_secs=1.0) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def reply_of(error: Exception) -> str:
    """The reply that an error of the driver tells of, without the command and its entries."""
    return _OF_A_PIPELINE.sub("", str(error), count=1)


def server_id_at(url: str) -> str | None:
    """The ``run_id`` of the server process, new with each start; None if it does not answer within a second."""
    with make_client(url, purpose="worker", socket_timeout_secs=1.0) as client:
        try:
            return str(client.info("server")["run_id"])
        except redis.RedisError:
            return None


@contextmanager
def translate_errors(url: str) -> Iterator[None]:
    """Translate the driver's errors, with the URL but no password. Also usable as a decorator.

    Raises:
        SettingsError: the server is a Cluster or Sentinel, or lacks the URL's database.
        StreamUnavailableError: the server can't be reached, does not answer, refuses the password, or is loading.
        StreamFullError: its memory is full.
        StreamError: it refused a command for another reason.
    """
    try:
        yield
    except _UnsuitableServerError as error:
        raise SettingsError(f"{error}: {redact(url)}") from error
    except (redis.AuthenticationError, redis.exceptions.AuthorizationError) as error:
        raise StreamUnavailableError(
            f"Redis refuses the user or the password ({reply_of(error)}): {redact(url)}"
        ) from error
    except redis.OutOfMemoryError as error:
        raise StreamFullError(
            f"the server is full (maxmemory is reached): start more workers, or give it more memory: {redact(url)}"
        ) from error
    except redis.ReadOnlyError as error:
        raise StreamUnavailableError(
            f"this Redis is a read-only replica: give the URL of its primary: {redact(url)}"
        ) from error
    except (redis.ConnectionError, redis.TimeoutError) as error:
        advice = _ADVICE_ON_CERTIFICATES if "CERTIFICATE_VERIFY_FAILED" in str(error) else ""
        if url.startswith(("rediss:", "valkeys:")) and any(sign in str(error) for sign in _SIGNS_OF_NO_TLS):
            advice = _ADVICE_ON_TLS
        raise StreamUnavailableError(f"Redis can't be reached ({reply_of(error)}){advice}: {redact(url)}") from error
    except redis.ResponseError as error:
        reply = reply_of(error)
        kind = StreamUnavailableError if reply.startswith(_TRY_AGAIN_REPLIES) else StreamError
        raise kind(f"Redis refused a command ({reply}): {redact(url)}") from error
    except redis.RedisError as error:
        raise StreamError(f"the step stream failed ({reply_of(error)}): {redact(url)}") from error
