"""URLs of Redis and databases: validates, normalises and redacts them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

from recorder.errors import SettingsError, UsageError

__all__ = [
    "REDIS_SCHEMES",
    "celery_broker_url",
    "check_place",
    "is_url",
    "local_path",
    "normalise_redis_url",
    "redact",
    "unix_url",
    "with_encoded_password",
]

REDIS_SCHEMES = {
    "redis": "redis",
    "rediss": "rediss",
    "unix": "unix",
    "valkey": "redis",
    "valkeys": "rediss",
    "redis+unix": "unix",
    "valkey+unix": "unix",
}
"""Accepted scheme to the driver's scheme."""

_UNSUITABLE_SCHEME = re.compile(r"(redis|rediss|valkey|valkeys)?[+.-]?(cluster|sentinel)s?", re.IGNORECASE)
"""Schemes of other libraries for servers that this project can't use."""

_TLS_OPTIONS = (
    "ssl_ca_certs",
    "ssl_ca_data",
    "ssl_ca_path",
    "ssl_certfile",
    "ssl_ciphers",
    "ssl_keyfile",
    "ssl_password",
)
"""Options of the driver that Celery's messaging library also accepts."""

_FORBIDDEN_OPTIONS = ("decode_responses", "encoding", "legacy_responses", "protocol", "retry_on_timeout")
"""Options of the driver that would change replies, or send an entry twice."""

_FALSE_VALUES = ("0", "F", "FALSE", "N", "NO")

_SECRET_OPTIONS = re.compile(r"password|passwd|secret|token|api_?key", re.IGNORECASE)
_DATABASE = re.compile(r"[0-9]{1,9}")
_HOST = re.compile(r"[^:\[\]]*:\d*|\[[0-9A-Fa-f:.]+\](:\d*)?")
"""A host and its port."""
_OPTIONS = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*=")
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # one letter is a drive
_ONE_SLASH = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/(?!/)")
_NO_SLASH = re.compile(
    r"(abfss?|adl|az|file|ftp|gcs|gs|hdfs|https?|memory|s3a?|sftp|smb|ssh|webdav|webhdfs):(?!/)", re.IGNORECASE
)
"""Schemes of stores; a folder may have another word before a colon."""
_CHAIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*::")
_FILE = "file://"


def is_url(place: str) -> bool:
    """Whether ``place`` has a scheme (``s3://…``), unlike a plain path."""
    return _URL.match(place) is not None


def unix_url(path: str | os.PathLike[str]) -> str:
    """URL of a Unix socket; ``#``, ``?`` and ``%`` are escaped.

    Args:
        path: absolute and valid UTF-8, as drivers require.
    """
    return f"unix://{quote(os.fspath(path))}"


def with_encoded_password(url: str) -> str:
    """The URL with its password percent-encoded, since ``@ / # :`` and ``?`` would end it early.

    The last ``@`` before the options ends the password. Encoded characters stay.

    Raises:
        SettingsError: the end of the password is ambiguous; the message has no part of it.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or rest.startswith("/"):  # the path of a file
        return url
    credentials, place = _credentials_of(rest)
    if credentials is None:
        return url
    user, colon, password = credentials.partition(":")
    encoded = quote(_ENCODED.sub(lambda found: f"\0{found[1]}", password), safe="\0~!$&'()*+,;=").replace("\0", "%")
    return f"{scheme}://{user}{colon}{encoded}@{place}"


def _credentials_of(rest: str) -> tuple[str | None, str]:
    """Credentials, or None, and the rest from the host on."""
    before, mark, options = rest.rpartition("?")
    has_options = bool(mark) and _OPTIONS.match(options) is not None
    if has_options and ("@" in before or _HOST.fullmatch(re.split("[/?#]", before, maxsplit=1)[0])):
        credentials, at, host = before.rpartition("@")
        return (credentials if at else None), f"{host}{mark}{options}"
    credentials, at, host = rest.rpartition("@")
    return (credentials if at else None), host


def check_place(place: str) -> str:
    """Return the path or URL, if it is valid.

    Raises:
        SettingsError: it would create a folder with an odd name: a URL with one slash or none, or a chain of URLs.
    """
    if _CHAIN.match(place):
        raise SettingsError(f"expected a path or a single URL, without a chain ('::'): {redact(place)}")
    if found := _ONE_SLASH.match(place) or _NO_SLASH.match(place):
        raise SettingsError(
            f"expected a path or a URL such as {found[1]}://…; for a folder of that name, start with ./: {place}"
        )
    return place


def local_path(place: str | Path, what: str) -> Path:
    """Path of a file or folder on this machine.

    Args:
        place: a path; ``file://`` is removed.
        what: its purpose, for the message.

    Raises:
        UsageError: it is a URL.
    """
    text = str(place).removeprefix(_FILE)
    if is_url(text) or is_url(text.replace(":/", "://", 1)):  # Path("s3://…") has one slash
        raise UsageError(f"{what} must be a path on this machine, not a URL: {redact(text)}")
    return Path(text)


def normalise_redis_url(url: str) -> str:
    """The URL with the driver's scheme ``redis://``, ``rediss://`` or ``unix://``.

    User and encoded password are before the host, the database is the path (of a Unix socket, the option ``db``).

    Raises:
        SettingsError: scheme, port, database or an option is invalid, or the URL has one of them twice.
    """
    if url != url.strip() or not url.isprintable():
        raise SettingsError(f"a URL has no line breaks, other control characters or blanks around it: {redact(url)!r}")
    scheme, separator, rest = url.partition("://")
    if separator and _UNSUITABLE_SCHEME.fullmatch(scheme):
        raise SettingsError(
            f"Redis Cluster and Sentinel can't be used: give the redis:// or rediss:// URL of one server; found {redact(url)!r}"
        )
    if not separator or scheme.lower() not in REDIS_SCHEMES:
        accepted = ", ".join(f"{name}://" for name in REDIS_SCHEMES)
        raise SettingsError(f"expected a URL that begins with one of {accepted}; found {redact(url)!r}")
    normal = with_encoded_password(f"{REDIS_SCHEMES[scheme.lower()]}://{rest}")
    try:
        parts = urlsplit(normal)
        _ = parts.port
    except ValueError:  # its message may contain the password
        raise SettingsError(
            "not a valid URL: expected redis://USER:PASSWORD@HOST:PORT/NUMBER, with a numeric port, and with "
            f"/ ? # @ in the password encoded as %2F %3F %23 %40: {redact(url)}"
        ) from None
    if any(letter.isspace() for letter in parts.hostname or ""):
        raise SettingsError(f"a host has no blanks: {redact(url)}")
    if parts.scheme == "unix" and (not parts.path or parts.netloc.rpartition("@")[2]):
        raise SettingsError(f"a unix URL needs the socket's path, as in unix:///run/redis.sock; found {redact(url)}")
    if parts.scheme == "unix" and "#" in normal:
        raise SettingsError(f"in a unix URL, write '#' in the socket's path as %23, and '?' as %3F: {redact(url)}")
    return _joined(_plain(parts, url))


def _plain(parts: SplitResult, url: str) -> SplitResult:
    """The parts, each in one place: drivers and messaging libraries disagree about which of two counts."""
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    given = dict(pairs)
    for name, _value in pairs:
        if name in _FORBIDDEN_OPTIONS:
            raise SettingsError(f"the option {name!r} is set by the recorder itself; leave it out of {redact(url)}")
        if name in ("host", "port", "path"):
            raise SettingsError(f"expected the {name} after '://', not as an option: {redact(url)}")
    if len(given) < len(pairs):
        raise SettingsError(f"an option is there twice: {redact(url)}")
    is_unix = parts.scheme == "unix"
    numbers = {number for number in (given.get("db"), None if is_unix else parts.path.strip("/")) if number}
    if parts.fragment or not all(map(_DATABASE.fullmatch, numbers)):
        # The driver would take the database 0, or 12 for /1/2.
        raise SettingsError(
            f"expected the number of a database after the host, as in redis://HOST:PORT/0; found {redact(url)}"
        )
    if len(numbers) > 1:
        raise SettingsError(f"expected the number of one database, found two: {redact(url)}")
    credentials, at, place = parts.netloc.rpartition("@")
    if "username" in given or "password" in given:
        if at:
            raise SettingsError(f"expected user and password before the host or as options, not both: {redact(url)}")
        credentials, at = ":".join(quote(given.get(name, ""), safe="") for name in ("username", "password")), "@"
    options = {name: value for name, value in given.items() if name not in ("username", "password") and value}
    if is_unix:
        path = parts.path
    else:
        path = f"/{options.pop('db', '') or ''.join(numbers)}".rstrip("/")
        place = place if parts.hostname else f"localhost{place}"
    return parts._replace(netloc=f"{credentials}{at}{place}", path=path, query=urlencode(options))


def celery_broker_url(url: str) -> str:
    """The URL for Celery's messaging library.

    The library has another scheme for Unix sockets, takes the database only from the path, fails on unknown options,
    and verifies certificates only on request.

    Raises:
        SettingsError: as ``normalise_redis_url``.
    """
    parts = urlsplit(normalise_redis_url(url))
    given = dict(parse_qsl(parts.query))
    if parts.scheme == "unix":
        options = {"virtual_host": given["db"]} if "db" in given else {}
        return _joined(parts._replace(scheme="redis+socket", query=urlencode(options)))
    options = {name: given[name] for name in _TLS_OPTIONS if name in given}
    if parts.scheme == "rediss":
        options["ssl_cert_reqs"] = given.get("ssl_cert_reqs", "required")
        if given.get("ssl_check_hostname", "").upper() in _FALSE_VALUES:
            options["ssl_check_hostname"] = "false"
    return _joined(parts._replace(query=urlencode(options)))


def _joined(parts: SplitResult) -> str:
    """The URL; ``urlunsplit`` would leave out ``//`` before the path of a socket."""
    return f"{parts.scheme}://{parts.netloc}{parts.path}{'?' if parts.query else ''}{parts.query}"


def redact(url: str) -> str:
    """The URL for messages and logs, with passwords and secret options replaced by ``***``."""
    if not is_url(url):
        return url
    scheme, _, rest = url.partition("://")
    is_path = rest.startswith("/") or ":" not in rest
    # The last @ ends the credentials, even after an unencoded password; no host has one.
    credentials, at, rest = rest.rpartition("@")
    if not at and rest and not is_path and not _HOST.fullmatch(re.split("[/?#]", rest, maxsplit=1)[0]):
        return f"{scheme}://***"  # no number where the port should be: a password without its end
    if "?" in credentials:
        return f"{scheme}://***"  # an unencoded password, or an option with '@'; its end is unknown
    user, colon, _password = credentials.partition(":")
    place, mark, query = rest.partition("?")
    options = [(name, "***" if _SECRET_OPTIONS.search(name) else value) for name, value in parse_qsl(query)]
    shown = urlencode(options, quote_via=lambda text, *_: quote(text, safe="*/:,"))
    return f"{scheme}://{user}{':***' if colon else ''}{at}{place}{mark}{shown}"
