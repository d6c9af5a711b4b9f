"""Who may: hosts, origins and the token are checked before anything else happens, the WebSocket's upgrade included."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from werkzeug.datastructures import Headers

from replay_server.access.origins import Origins

__all__ = ["COOKIE_PREFIX", "Gate", "content_security_policy", "is_loopback"]

COOKIE_PREFIX = "hamlet_replay"
"""Begins the name of each server's cookie."""

_SAFE_METHODS = frozenset(["GET", "HEAD", "OPTIONS"])
_ALLOWED_ORIGINS = "recording.server.allowed_origins (HAMLET_RECORDER_SERVER__ALLOWED_ORIGINS)"


class Gate:
    """Decides about one request by its headers.

    Args:
        token: what a client must present; None lets in everyone who reaches the port, which is for loopback only.
        allowed_origins: of pages that are not this server's own and may use it all the same.
    """

    def __init__(self, *, token: str | None, allowed_origins: Origins) -> None:
        self._token = token
        self._allowed = allowed_origins

    @property
    def needs_token(self) -> bool:
        """Whether a token is asked for."""
        return self._token is not None

    @property
    def has_guests(self) -> bool:
        """Whether pages of other origins may use the server at all."""
        return bool(self._allowed)

    def is_guest(self, origin: str | None) -> bool:
        """Whether this is the origin of a page that is not the server's own and may use it."""
        return origin is not None and self._allowed.holds(origin)

    def cookie_name(self, host: str) -> str:
        """Name of the cookie: browsers keep cookies apart by the host's name and the path, and not by the port.

        Args:
            host: as the browser wrote it, with its port.
        """
        port = _port(_split(f"//{host}"))
        return COOKIE_PREFIX if port is None else f"{COOKIE_PREFIX}_{port}"

    def cookie_value(self) -> str:
        """What the cookie holds: it proves the token and does not tell it."""
        return hashlib.blake2b((self._token or "").encode(), digest_size=24, person=b"hamlet-replay").hexdigest()

    def knows(self, token: str) -> bool:
        """Whether this is the token."""
        return self._token is not None and hmac.compare_digest(token.encode(), self._token.encode())

    def host_problem(self, host: str) -> str | None:
        """What is wrong with a ``Host`` header, None when nothing is.

        A name that a stranger's DNS points to this machine (DNS rebinding) is recognised here. Any port is right,
        because an SSH tunnel has another one at its far end. With a token any name is right: the cookie is bound to
        the name, and a stranger's name has none. The name of an allowed origin is right: a proxy may publish the page
        under it.
        """
        if self._token is not None:
            return None
        name = _split(f"//{host}").hostname
        if name is not None and (name == "localhost" or name.endswith(".localhost") or is_loopback(name)):
            return None
        if name is not None and self._allowed.has_host(name):
            return None
        return (
            f"this server is for its own machine: expected Host localhost or 127.0.0.1, found {host[:80]!a}; if a proxy "
            f"publishes the page under this name, add its origin to {_ALLOWED_ORIGINS}"
        )

    def origin_problem(self, headers: Headers, *, scheme: str, host: str) -> str | None:
        """What is wrong with where a request comes from, None when nothing is. Programs send no ``Origin``; browsers do.

        Args:
            scheme, host: of the address that the browser asked; ``https`` is certain, ``http`` may hide a proxy's TLS.
        """
        origin = headers.get("Origin")
        if origin is None:
            site = headers.get("Sec-Fetch-Site", "none")
            return None if site in ("none", "same-origin") else f"the request comes from another site ({site[:20]!a})"
        if _is_own(_split(origin), scheme=scheme, host=host) or self.is_guest(origin):
            return None
        return (
            f"the request comes from {origin[:80]!a}, not from this server's own page; to let pages of that origin in, "
            f"add it to {_ALLOWED_ORIGINS}"
        )

    def is_admitted(self, *, cookies: Iterable[str], authorization: str | None) -> bool:
        """Whether the client has shown the token, where one is asked for.

        Args:
            cookies: all values under the cookie's name: a path within another server's path has two.
        """
        if self._token is None:
            return True
        wanted = self.cookie_value().encode()
        if any(hmac.compare_digest(cookie.encode(), wanted) for cookie in cookies):
            return True
        kind, _, given = (authorization or "").partition(" ")
        return kind.casefold() == "bearer" and self.knows(given.strip())

    @staticmethod
    def changes_something(method: str) -> bool:
        """Whether a request of this method may change anything."""
        return method not in _SAFE_METHODS


def content_security_policy(
    *, frame_ancestors: str = "'none'", style: str = "'self'", form_action: str = "'none'"
) -> str:
    """What a browser may do with an answer.

    Args:
        frame_ancestors: sources of pages that may show it in a frame.
        style: sources of its style sheets.
        form_action: where its forms may be sent.
    """
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            f"style-src {style}",
            "img-src 'self' data: blob:",
            "media-src 'self'",  # a link to a video is a page of its own, which the browser makes around it
            "connect-src 'self'",
            "font-src 'self'",
            "base-uri 'none'",
            f"form-action {form_action}",
            f"frame-ancestors {frame_ancestors}",
        ]
    )


def _is_own(origin: SplitResult, *, scheme: str, host: str) -> bool:
    """Whether an origin is that of the address that was asked for. A port that is not written is the scheme's."""
    if not origin.hostname or origin.scheme not in ("http", "https"):
        return False
    if scheme == "https" and origin.scheme != "https":
        return False
    standard = 443 if origin.scheme == "https" else 80
    asked = _split(f"//{host}")
    try:
        return (origin.hostname, origin.port or standard) == (asked.hostname, asked.port or standard)
    except ValueError:  # no number of a port
        return False


def _split(url: str) -> SplitResult:
    """The parts of an address; all empty when it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _port(parts: SplitResult) -> int | None:
    """The port; None where none is written, or no number."""
    try:
        return parts.port
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
