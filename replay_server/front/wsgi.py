"""One request as WSGI: the environment, and the answer piece by piece. Source: PEP 3333."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import h11
from werkzeug.wsgi import FileWrapper

__all__ = ["PIECE_BYTES", "Application", "WsgiCall", "framing_problem", "make_environ"]

PIECE_BYTES = 64 * 1024
"""Size of a piece of an answer, which waits in memory for a slow client."""

_SOCKET_KEY = "gunicorn.socket"
"""Key under which flask-sock looks for the socket."""

_SETTLED = frozenset(["content-length", "transfer-encoding"])
"""Headers about a body that is complete."""

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def framing_problem(request: h11.Request) -> str | None:
    """Errors for an ambiguous end of the body: a proxy might see another next request. Source: RFC 9112, 6.1."""
    names = {name for name, _ in request.headers}
    if b"transfer-encoding" not in names:
        return None
    if b"content-length" in names:
        return "a request has Content-Length or Transfer-Encoding, not both"
    return "Transfer-Encoding needs HTTP/1.1" if request.http_version < b"1.1" else None


def make_environ(request: h11.Request, body: bytes, *, client: Any, server: Any) -> dict[str, Any]:
    """Return the environment of a complete request.

    Headers with an underscore are dropped, because WSGI cannot distinguish them from those with a hyphen.

    Args:
        client: the client's address.
        server: the server's address.

    Raises:
        ValueError: the request's target is invalid.
    """
    target = request.target.decode("latin-1")
    path, query, authority = _split(target if (request.method, target) != (b"OPTIONS", "*") else "/")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method.decode("latin-1"),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": target,
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{request.http_version.decode('latin-1')}",
        "REMOTE_ADDR": str(client[0]),
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": lambda file, _n_bytes=0: FileWrapper(file, PIECE_BYTES),
    }
    for raw_name, raw_value in request.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if "_" in name or name in _SETTLED:
            continue
        key = "CONTENT_TYPE" if name == "content-type" else f"HTTP_{name.upper().replace('-', '_')}"
        between = "; " if name == "cookie" else ","
        environ[key] = f"{environ[key]}{between}{value}" if key in environ else value
    if authority:
        environ["HTTP_HOST"] = authority  # counts, whatever the header says. Source: RFC 9112, 3.2.2
    if environ.get("HTTP_X_FORWARDED_PROTO") == "https" and _is_loopback(environ["REMOTE_ADDR"]):
        environ["wsgi.url_scheme"] = "https"  # set by a proxy on this machine
    return environ


def _split(target: str) -> tuple[str, str, str]:
    """Return path, query and host; the target may also be a URL. The host of a path is empty."""
    if target.startswith("/"):
        path, _, query = target.partition("#")[0].partition("?")
        return path, query, ""
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise ValueError(f"expected a path, found {target[:60]!a}")
    return parts.path or "/", parts.query, parts.netloc


def _is_loopback(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_loopback


class WsgiCall:
    """One request in the application. Its methods are called one at a time, on any thread.

    Args:
        app: the application.
        environ: of the request.
        socket: a handle of the client's socket for an upgrade; closed here if there is none.

    Attributes:
        status: of the answer, once it has begun.
        reason: of the answer, once it has begun.
        headers: of the answer, once it has begun.
        is_done: whether the last piece was returned.
        is_handed_over: whether the application has taken the socket, so there is no answer.
    """

    def __init__(self, app: Application, environ: dict[str, Any], socket: Any = None) -> None:
        self._app = app
        self._environ = environ
        self._socket = socket
        self._pieces: Iterator[bytes] = iter(())
        self._close: Callable[[], object] | None = None
        self.status = 0
        self.reason = ""
        self.headers: list[tuple[str, str]] = []
        self.is_done = False
        self.is_handed_over = False

    def start(self) -> bytes:
        """Call the application; return the first piece of its answer."""
        if self._socket is None:
            return self._start()
        self._environ[_SOCKET_KEY] = self._socket
        try:
            return self._start()
        finally:
            self._socket.close()  # nothing, if the application has detached it

    def take(self) -> bytes:
        """Return the next piece; it is empty only at the end."""
        taken: list[bytes] = []
        n_bytes = 0
        try:
            while n_bytes < PIECE_BYTES and not self.is_done:
                piece = next(self._pieces, None)
                if piece is None:
                    self.is_done = True
                else:
                    taken.append(piece)
                    n_bytes += len(piece)
        finally:
            if self.is_done or n_bytes < PIECE_BYTES:  # the last piece, or an error
                self.close()
        return b"".join(taken)

    def close(self) -> None:
        """Close the answer's source; safe to call twice."""
        close, self._close = self._close, None
        self._pieces = iter(())
        if close is not None:
            close()

    def _start(self) -> bytes:
        try:
            answer = self._app(self._environ, self._start_response)
        except StopIteration:  # flask-sock says so that it has taken the socket
            self.is_done = self.is_handed_over = True
            return b""
        self._close = getattr(answer, "close", None)
        self._pieces = iter(answer)
        return self.take()

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], _error: Any = None
    ) -> Callable[[bytes], None]:
        code, _, self.reason = status.partition(" ")
        self.status, self.headers = int(code), headers
        return _no_write


def _no_write(_data: bytes) -> None:
    raise NotImplementedError("an answer is what the application returns")
