"""The way to the server: keys, and commands that find a key of another type than expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import redis

from recorder.redis_server.client import Purpose, make_client, translate_errors
from recorder.step_stream.redis_set_aside import SetAside

__all__ = ["RedisDoor"]

_T = TypeVar("_T")
_WRONG_TYPE = "WRONGTYPE"


class RedisDoor:
    """A client, and the names of its keys.

    Args:
        url, key_prefix, purpose, socket_timeout_secs: as for ``RedisStepStream``.
    """

    def __init__(self, url: str, *, key_prefix: str, purpose: Purpose, socket_timeout_secs: float) -> None:
        self.url = url
        self._prefix = key_prefix
        # The driver's types are the union of every protocol's answers; these are checked where they are read.
        self._redis: Any = make_client(url, purpose=purpose, socket_timeout_secs=socket_timeout_secs)
        # As the server sends it, [id, [field, value, …]] an entry: the driver would make a tuple and a map of each.
        self._redis.set_response_callback("XRANGE", lambda rows: rows)
        self._aside = SetAside(self._redis, key_prefix, may_write=purpose != "server")

    @property
    def key_prefix(self) -> str:
        """What stands before every key."""
        return self._prefix

    def key(self, kind: str, run_id: str, *more: object) -> str:
        """``hamlet:episode:{run}:7``; the braces keep all keys of a run on one shard of a cluster."""
        tag = quote(run_id, safe=" !#$&'()*+,/:;=?@[]^`|~<>\"\\")
        return ":".join([f"{self._prefix}{kind}", f"{{{tag}}}", *map(str, more)])

    def _place_of(self, key: bytes) -> tuple[str, int] | None:
        """Run and episode of a stream's key; None when it is none of ours."""
        try:
            tag, brace, number = key.decode().removeprefix(f"{self._prefix}episode:{{").rpartition("}:")
        except UnicodeDecodeError:
            return None
        if not brace or not number.isdecimal():
            return None
        run_id, episode_id = unquote(tag, errors="surrogatepass"), int(number)
        return (run_id, episode_id) if self.key("episode", run_id, episode_id).encode() == key else None

    def _ask(self, expected: Mapping[str, str], commands: Callable[[], _T], *, empty: _T) -> _T:
        """Run commands; where a key is of another type than expected it is set aside first.

        Args:
            expected: key to type.
            empty: what the commands come to for who only looks, and moves nothing.
        """
        with translate_errors(self.url):
            try:
                return commands()
            except redis.ResponseError as error:
                if _WRONG_TYPE not in str(error):
                    raise
            is_moved = self._aside.move(expected)
            return commands() if is_moved or self._aside.may_write else empty
