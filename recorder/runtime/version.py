"""The version of this package."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["package_version"]


def package_version() -> str:
    """The installed version; ``0`` in a source tree."""
    try:
        return version("hamlet-recorder")
    except PackageNotFoundError:
        return "0"
