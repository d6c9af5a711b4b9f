"""Checks host, origin and token before anything else happens, also for a WebSocket's upgrade."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from werkzeug.datastructures import Headers

from replay_server.access.cross_origin import Origins

__all__ = ["COOKIE_PREFIX", "Gate", "content_security_policy", "is_loopback"]

COOKIE_PREFIX = "hamlet_replay"
"""First part of each server's cookie name."""

_SAFE_METHODS = frozenset(["GET", "HEAD", "OPTIONS"])
_ALLOWED_ORIGINS = "recording.server.allowed_origins (HAMLET_RECORDER_SERVER__ALLOWED_ORIGINS)"


class Gate:
    """Decides about a request by its headers.

    Args:
        token: what a client must present; None admits every client that reaches the port, which is for loopback
            only.
        allowed_origins: origins of other sites whose pages may use the server.
    """

    def __init__(self, *, token: str | None, allowed_origins: Origins) -> None:
        self._token = token
        self._allowed = allowed_origins

    @property
    def needs_token(self) -> bool:
        """Whether a token is required."""
        return self._token is not None

    @property
    def allows_other_origins(self) -> bool:
        """Whether pages of any other origin may use the server."""
        return bool(self._allowed)

    def is_allowed_origin(self, origin: str | None) -> bool:
        """Return whether this is another origin whose pages may use the server."""
        return origin is not None and self._allowed.holds(origin)

    def cookie_name(self, host: str) -> str:
        """Return the cookie's name, which differs between servers of one host name.

        Browsers separate cookies by host and path only, so the name contains the port. It also contains a digest of the
        token, for servers that a tunnel or a proxy publishes at one port.

        Args:
            host: as the browser sent it, with its port.
        """
        port = _port(_split(f"//{host}"))
        prefix = COOKIE_PREFIX if port is None else f"{COOKIE_PREFIX}_{port}"
        return f"{prefix}_{self._digest(b'hamlet-cookie', 4)}"

    def cookie_value(self) -> str:
        """Return the cookie's value, which proves the token without containing it."""
        return self._digest(b"hamlet-replay", 24)

    def _digest(self, purpose: bytes, n_bytes: int) -> str:
        return hashlib.blake2b((self._token or "").encode(), digest_size=n_bytes, person=purpose).hexdigest()

    def knows(self, token: str) -> bool:
        """Return whether this is the token."""
        return self._token is not None and hmac.compare_digest(token.encode(), self._token.encode())

    def host_problem(self, host: str) -> str | None:
        """Return what is wrong with a ``Host`` header; None if nothing is.

        This detects DNS rebinding: a stranger's name that resolves to this machine. Any port is valid, because an SSH
        tunnel may have another one. With a token any name is valid: the cookie is bound to the name. The name of an
        allowed origin is valid, because a proxy may publish the page under it.
        """
        if self._token is not None:
            return None
        name = _split(f"//{host}").hostname
        if name is not None and (name == "localhost" or name.endswith(".localhost") or is_loopback(name)):
            return None
        if name is not None and self._allowed.has_host(name):
            return None
        return (
            f"this server only serves its own machine: expected Host localhost or 127.0.0.1, found {host[:80]!a}; if a proxy "
            f"publishes the page under this name, add its origin to {_ALLOWED_ORIGINS}"
        )

    def origin_problem(self, headers: Headers, *, scheme: str, host: str) -> str | None:
        """Return what is wrong with a request's origin; None if nothing is. Browsers send ``Origin``, programs do
        not.

        Args:
            scheme: of the requested address; ``https`` is certain, ``http`` may be a proxy's TLS.
            host: of the requested address.
        """
        origin = headers.get("Origin")
        if origin is None:
            site = headers.get("Sec-Fetch-Site", "none")
            return None if site in ("none", "same-origin") else f"the request comes from another site ({site[:20]!a})"
        if _is_same_origin(_split(origin), scheme=scheme, host=host) or self.is_allowed_origin(origin):
            return None
        return (
            f"the request comes from {origin[:80]!a}, which is not this server's page; to admit pages of that origin, "
            f"add it to {_ALLOWED_ORIGINS}"
        )

    def is_admitted(self, *, cookies: Iterable[str], authorization: str | None) -> bool:
        """Return whether the client has presented the token, or none is required.

        Args:
            cookies: all values of the cookie; there are two if this server's path is inside another server's path.
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
        """Return whether a request with this method may change anything."""
        return method not in _SAFE_METHODS


def content_security_policy(
    *, frame_ancestors: str = "'none'", style: str = "'self'", form_action: str = "'none'"
) -> str:
    """Return the headers that limit what a browser may do with an answer.

    Args:
        frame_ancestors: sources of pages that may embed it.
        style: sources of its style sheets.
        form_action: targets of its forms.
    """
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            f"style-src {style}",
            "img-src 'self' data: blob:",
            "media-src 'self'",  # a browser wraps a link to a video in a page
            "connect-src 'self'",
            "font-src 'self'",
            "base-uri 'none'",
            f"form-action {form_action}",
            f"frame-ancestors {frame_ancestors}",
        ]
    )


def _is_same_origin(origin: SplitResult, *, scheme: str, host: str) -> bool:
    """Return whether an origin is that of the requested address. A missing port is the scheme's default."""
    if not origin.hostname or origin.scheme not in ("http", "https"):
        return False
    if scheme == "https" and origin.scheme != "https":
        return False
    standard = 443 if origin.scheme == "https" else 80
    asked = _split(f"//{host}")
    try:
        return (origin.hostname, origin.port or standard) == (asked.hostname, asked.port or standard)
    except ValueError:  # invalid port
        return False


def _split(url: str) -> SplitResult:
    """Return the parts of an address; all empty if it is invalid."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _port(parts: SplitResult) -> int | None:
    """Return the port; None if it is missing or not a number."""
    try:
        return parts.port
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
