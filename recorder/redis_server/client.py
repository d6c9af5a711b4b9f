"""The one place that makes Redis clients, and that turns the driver's errors into ours.

redis-py's own defaults would send an entry twice (ten silent retries of every command and pipeline) and open a hundred
connections before they fail; both are set here and nowhere else. Servers that can't hold step streams (Redis Cluster,
Sentinel) are refused here by name, as they connect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
    "ask_if_allowed",
    "check_server",
    "make_client",
    "redact",
    "server_id_at",
    "translate_errors",
]

T = TypeVar("T")

Purpose = Literal["trainer", "worker", "server"]
"""Who uses the client: named in the server's ``CLIENT LIST``, and sets how many connections it may open."""

_MAX_CONNECTIONS: dict[Purpose, int] = {"trainer": 8, "worker": 32, "server": 64}
"""A trainer has one publisher thread; a server shares these among the threads of its viewers, which wait their turn."""

_HEALTH_CHECK_SECS = 25
"""A connection idle for longer is tried with PING first: routers forget idle connections after a minute or so."""

_TRY_AGAIN_REPLIES = ("MISCONF", "NOREPLICAS", "LOADING", "BUSY ", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN")
"""Error replies of a server that will take writes again once its trouble has passed."""


_UNSUITABLE = {
    "cluster": (
        "this server is part of a Redis Cluster, which spreads keys over servers: steps and queues need one server that has all "
        "keys; give the URL of a Redis or Valkey with cluster-enabled no"
    ),
    "sentinel": (
        "this is a Redis Sentinel, which watches servers and holds no data: give the URL of the server that it watches "
        "(redis-cli -p 26379 SENTINEL MASTERS names it)"
    ),
}
"""What a server calls its mode as it greets a client, and what to do about it."""


_ADVICE_ON_CERTIFICATES = "; name the file of the authority that signed its certificate with ?ssl_ca_certs=PATH"
_ADVICE_ON_TLS = "; does it speak TLS on this port? If not, its URL begins with redis://"
_SIGNS_OF_NO_TLS = ("WRONG_VERSION_NUMBER", "Timeout connecting", "EOF occurred", "handshake")
"""What a TLS handshake comes to that is never answered, or not in TLS."""


class _UnsuitableServerError(redis.RedisError):
    """The server is of a kind that can't be used, however long one waits."""


def make_client(url: str, *, purpose: Purpose, socket_timeout_secs: float = 2.0) -> redis.Redis:
    """A client for binary values that never retries by itself; nothing is connected until the first command.

    The caller retries, where that is safe: an entry has an explicit id, so that a second copy is refused.

    Args:
        url: ``redis://``, ``rediss://``, ``unix://`` or the ``valkey`` spellings of them.
        purpose: who asks.
        socket_timeout_secs: longest wait for a connection, a free place in the pool, or an answer; a blocking command
            must block for less.

    Raises:
        SettingsError: the URL can't work.
    """
    normal = normalise_redis_url(url)
    options: dict[str, Any] = {
        "decode_responses": False,
        "health_check_interval": _HEALTH_CHECK_SECS,
        # A hosted server's notices would loosen the timeouts for a while and cost each connection a round trip.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        "max_connections": _MAX_CONNECTIONS[purpose],
        "redis_connect_func": partial(_greet, name=f"hamlet-{purpose}"),
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": socket_timeout_secs,
        "socket_timeout": socket_timeout_secs,
        "timeout": socket_timeout_secs,
    }
    if not normal.startswith("unix:"):
        options["socket_keepalive"] = True
    try:
        pool = redis.BlockingConnectionPool.from_url(normal, **options)
        pool.connection_class(**pool.connection_kwargs)  # connects to nothing, but refuses options it does not know
        return redis.Redis.from_pool(pool)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"the URL can't be used ({error}): {redact(url)}") from error


def _greet(connection: AbstractConnection, *, name: str) -> None:
    """Begin a connection; refuse a server that can't be used, and tell it the name, which not every user may set.

    The greeting (HELLO) tells the server's mode, to every user whatever its rights.
    """
    connection.on_connect_check_health(check_health=False)
    told: Any = connection.handshake_metadata or {}
    mode = told.get(b"mode", b"")
    if why := _UNSUITABLE.get(mode.decode(errors="replace")):
        raise _UnsuitableServerError(why)
    connection.send_command("CLIENT", "SETNAME", name, check_health=False)
    try:
        connection.read_response()
    except redis.ResponseError as error:
        if not _is_not_allowed(error):
            raise


def check_server(url: str, *, socket_timeout_secs: float = 2.0) -> None:
    """Find out at the start whether a server is of a kind that can be used; one that is away may still become one.

    Raises:
        SettingsError: it never can.
    """
    client = make_client(url, purpose="trainer", socket_timeout_secs=socket_timeout_secs)
    try:
        with suppress(StreamError), translate_errors(url):
            client.ping()
    finally:
        client.close()


def ask_if_allowed(url: str, ask: Callable[[], T]) -> T | None:
    """The answer to a question that recording can do without; None where the user has no right to ask it.

    Raises:
        StreamError: as ``translate_errors``.
    """
    with translate_errors(url):
        try:
            return ask()
        except redis.ResponseError as error:
            if not _is_not_allowed(error):
                raise
            return None


def _is_not_allowed(error: Exception) -> bool:
    """Whether a reply says that the user has no right to a command, or that the server does not offer it."""
    return isinstance(error, redis.exceptions.NoPermissionError) or str(error).lower().startswith("unknown command")


def answers(url: str) -> bool:
    """Whether a server answers at ``url`` within a second; one that is still loading its data does not."""
    client = make_client(url, purpose="worker", socket_timeout_secs=1.0)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def server_id_at(url: str) -> str | None:
    """What the server at ``url`` calls this start of itself, another one each time; None when none answers within a second."""
    client = make_client(url, purpose="worker", socket_timeout_secs=1.0)
    try:
        return str(client.info("server")["run_id"])
    except redis.RedisError:
        return None
    finally:
        client.close()


@contextmanager
def translate_errors(url: str) -> Iterator[None]:
    """Raise the driver's errors as ours, with the URL but without its password; usable as a decorator as well.

    Raises:
        SettingsError: the server is of a kind that can't be used.
        StreamUnavailableError: the server can't be reached, hangs, refuses the password, or is loading.
        StreamFullError: its memory is full.
        StreamError: the server refused a command for another reason.
    """
    try:
        yield
    except _UnsuitableServerError as error:
        raise SettingsError(f"{error}: {redact(url)}") from error
    except (redis.AuthenticationError, redis.exceptions.AuthorizationError) as error:
        raise StreamUnavailableError(f"the server refuses the user or the password ({error}): {redact(url)}") from error
    except redis.OutOfMemoryError as error:
        raise StreamFullError(
            f"the server is full (maxmemory is reached): start more workers or give it more memory: {redact(url)}"
        ) from error
    except (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError) as error:
        advice = _ADVICE_ON_CERTIFICATES if "CERTIFICATE_VERIFY_FAILED" in str(error) else ""
        if url.startswith(("rediss:", "valkeys:")) and any(sign in str(error) for sign in _SIGNS_OF_NO_TLS):
            advice = _ADVICE_ON_TLS
        raise StreamUnavailableError(f"the server can't be used ({error}){advice}: {redact(url)}") from error
    except redis.ResponseError as error:
        kind = StreamUnavailableError if str(error).startswith(_TRY_AGAIN_REPLIES) else StreamError
        raise kind(f"the server refused a command ({error}): {redact(url)}") from error
    except redis.RedisError as error:
        raise StreamError(f"the step stream failed ({error}): {redact(url)}") from error
