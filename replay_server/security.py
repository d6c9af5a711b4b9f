"""Who may: hosts, origins and the token are checked before anything else happens, the WebSocket's upgrade included."""

from __future__ import annotations

import hashlib
import hmac
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from werkzeug.datastructures import Headers

__all__ = ["COOKIE_NAME", "Gate", "content_security_policy", "is_loopback"]

COOKIE_NAME = "hamlet_replay"
_SAFE_METHODS = frozenset(["GET", "HEAD", "OPTIONS"])


class Gate:
    """Decides about one request by its headers.

    Args:
        host: the address that the server listens on.
        token: what a client must present; None lets in everyone who reaches the port, which is for loopback only.
    """

    def __init__(self, *, host: str, token: str | None) -> None:
        self._is_local = is_loopback(host)
        self._token = token

    @property
    def needs_token(self) -> bool:
        """Whether a token is asked for."""
        return self._token is not None

    def cookie_value(self) -> str:
        """What the cookie holds: it proves the token and does not tell it."""
        return hashlib.blake2b((self._token or "").encode(), digest_size=24, person=b"hamlet-replay").hexdigest()

    def knows(self, token: str) -> bool:
        """Whether this is the token."""
        return self._token is not None and hmac.compare_digest(token.encode(), self._token.encode())

    def host_problem(self, host: str) -> str | None:
        """What is wrong with a ``Host`` header, None when nothing is.

        A name that a stranger's DNS points to this machine (DNS rebinding) is recognised here. Any port is right,
        because an SSH tunnel has another one at its far end. With a token, on an address that others reach, any name is
        right: the cookie is bound to the name, and a stranger's name has none.
        """
        if self._token is not None and not self._is_local:
            return None
        name = _split(f"//{host}").hostname
        if name is not None and (name == "localhost" or name.endswith(".localhost") or is_loopback(name)):
            return None
        return f"this server is for its own machine: expected Host localhost or 127.0.0.1, found {host[:80]!a}"

    def origin_problem(self, headers: Headers, *, host: str) -> str | None:
        """What is wrong with where a request comes from, None when nothing is. Programs send no ``Origin``; browsers do."""
        origin = headers.get("Origin")
        if origin is None:
            site = headers.get("Sec-Fetch-Site", "none")
            return None if site in ("none", "same-origin") else f"the request comes from another site ({site[:20]!a})"
        if _split(origin).netloc.casefold() == host.casefold() and origin != "null":
            return None
        return f"the request comes from {origin[:80]!a}, not from this server's own page"

    def is_admitted(self, *, cookie: str | None, authorization: str | None) -> bool:
        """Whether the client has shown the token, where one is asked for."""
        if self._token is None:
            return True
        if cookie is not None and hmac.compare_digest(cookie.encode(), self.cookie_value().encode()):
            return True
        scheme, _, given = (authorization or "").partition(" ")
        return scheme.casefold() == "bearer" and self.knows(given.strip())

    @staticmethod
    def changes_something(method: str) -> bool:
        """Whether a request of this method may change anything."""
        return method not in _SAFE_METHODS


def content_security_policy(frame_ancestors: str = "'none'") -> str:
    """What a browser may do with an answer.

    Args:
        frame_ancestors: sources of pages that may show it in a frame.
    """
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "media-src 'self'",  # a link to a video is a page of its own, which the browser makes around it
            "connect-src 'self'",
            "font-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            f"frame-ancestors {frame_ancestors}",
        ]
    )


def _split(url: str) -> SplitResult:
    """The parts of an address; all empty when it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
