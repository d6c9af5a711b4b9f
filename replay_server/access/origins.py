"""Patterns of origins, as in the settings."""

from __future__ import annotations

import re

__all__ = ["Origins"]

_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:]+\]|[^\s/:@?#\[\]]+)(?::(\d{1,5}|\*))?")
_STANDARD_PORTS = {"http": "80", "https": "443"}


class Origins:
    """A set of origins.

    Args:
        text: origins separated by spaces, such as ``https://tools.example http://localhost:*``; ``*`` is any port.
    """

    def __init__(self, text: str) -> None:
        self._known = {found for each in text.split() if (found := _parts(each)) is not None}

    def __bool__(self) -> bool:
        return bool(self._known)

    def holds(self, origin: str) -> bool:
        """Return whether an ``Origin`` header matches; ``null`` never does."""
        parts = _parts(origin)
        return parts is not None and (parts in self._known or (*parts[:2], "*") in self._known)

    def has_host(self, name: str) -> bool:
        """Return whether one of them has this host name."""
        return any(host.strip("[]") == name.casefold() for _, host, _ in self._known)


def _parts(origin: str) -> tuple[str, str, str] | None:
    """Return scheme, host and port; None if it is not an origin."""
    found = _ORIGIN.fullmatch(origin.casefold())
    if found is None:
        return None
    scheme, host, port = found[1], found[2], found[3]
    return scheme, host, port or _STANDARD_PORTS.get(scheme, "")
