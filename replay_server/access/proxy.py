"""Restores a request as the browser sent it, from the headers of trusted proxies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import unquote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from recorder.errors import SettingsError
from recorder.settings import BASE_PATH_PATTERN

__all__ = ["OWN_PATHS", "RAW_PATH", "Proxied", "check_base_path", "parse_networks"]

RAW_PATH = "hamlet.raw_path"
"""Key in the environment for the path as it was sent, encoded and without the prefix."""

OWN_PATHS = frozenset(["api", "runs", "static", "ws", "healthz", "readyz", "metrics"])
"""First parts of the server's paths."""

_BASE_PATH = re.compile(BASE_PATH_PATTERN)

Networks = tuple[IPv4Network | IPv6Network, ...]


class Proxied:
    """WSGI middleware.

    Scheme, host, client and prefix are read from ``X-Forwarded-Proto``, ``-Host``, ``-Port``, ``-For`` and ``-Prefix``
    if the request comes from a trusted proxy, and ignored otherwise. The prefix is removed from paths, if the proxy has
    not done so.

    Args:
        base_path: the prefix if no trusted proxy sends one; empty for none.
        trusted: addresses of proxies.
    """

    def __init__(self, app: WSGIApplication, *, base_path: str, trusted: Networks) -> None:
        self._app = app
        self._base_path = base_path.rstrip("/")
        self._trusted = trusted
        self._from_proxy = ProxyFix(self._mounted, x_for=0, x_proto=1, x_host=1, x_port=1, x_prefix=1)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        peer = environ.get("REMOTE_ADDR", "")
        environ["SCRIPT_NAME"] = ""
        if not self._is_trusted(peer):
            return self._mounted(environ, start_response)
        environ["REMOTE_ADDR"] = self._client(environ.get("HTTP_X_FORWARDED_FOR", ""), peer)
        return self._from_proxy(environ, start_response)

    def _mounted(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        prefix = environ["SCRIPT_NAME"].rstrip("/") or self._base_path
        if not _BASE_PATH.fullmatch(prefix):
            problem = Response(f"X-Forwarded-Prefix is not a path: {prefix[:80]!a}\n", status=400)
            return problem(environ, start_response)
        decoded = _decoded(prefix)
        path = environ.get("PATH_INFO", "")
        if prefix and path == decoded and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            query = environ.get("QUERY_STRING", "")
            slash = Response(status=302, headers={"Location": f"{prefix}/" + (f"?{query}" if query else "")})
            return slash(environ, start_response)
        environ["SCRIPT_NAME"] = decoded
        environ["PATH_INFO"] = _remove_prefix(decoded, path)
        environ[RAW_PATH] = _raw_path(environ, prefix)
        return self._app(environ, start_response)

    def path_of(self, environ: WSGIEnvironment) -> str:
        """The path of a request within the application, whether its prefix stands before it or not."""
        prefix = self._base_path
        if self._is_trusted(environ.get("REMOTE_ADDR", "")):
            named = environ.get("HTTP_X_FORWARDED_PREFIX", "").rpartition(",")[2].strip()
            prefix = named.rstrip("/") or prefix
        return _remove_prefix(_decoded(prefix), environ.get("PATH_INFO", ""))

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(mapped in network for network in self._trusted)

    def _client(self, forwarded: str, peer: str) -> str:
        """Return the client: the last address that is not a trusted proxy. Earlier ones may be forged."""
        for address in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
            peer = address
            if not self._is_trusted(address):
                break
        return peer


def check_base_path(base_path: str) -> None:
    """Refuse a prefix that equals a path of the server, because a proxy may remove the prefix.

    Raises:
        SettingsError: it does.
    """
    if base_path.strip("/").partition("/")[0] in OWN_PATHS:
        raise SettingsError(
            f"recording.server.base_path is {base_path!r}, but the server uses this path itself: choose another one"
        )


def parse_networks(text: str) -> Networks:
    """Return the addresses and networks in a text, separated by spaces. The settings have validated them."""
    return tuple(ip_network(each, strict=False) for each in text.split())


def _raw_path(environ: WSGIEnvironment, prefix: str) -> str | None:
    """Return the path as it was sent; None if the WSGI server does not provide it."""
    target: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
    path = target.partition("?")[0]
    if not path.startswith("/"):
        return None
    return _remove_prefix(prefix, path)


def _decoded(prefix: str) -> str:
    return unquote(prefix, encoding="latin-1")


def _remove_prefix(prefix: str, path: str) -> str:
    return path.removeprefix(prefix) or "/" if path == prefix or path.startswith(f"{prefix}/") else path
