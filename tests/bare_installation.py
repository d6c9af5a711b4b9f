"""An installation that really lacks packages: a Python whose import path has all others."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

import numpy

from tests.processes import ROOT, PythonProcess

__all__ = ["start_without"]

_SITE_PACKAGES = Path(numpy.__file__).parents[1]


def start_without(
    packages: Collection[str], *arguments: str, folder: Path, programs: Collection[str] = ()
) -> PythonProcess:
    """``python -m recorder ARGUMENT…`` where these packages are not installed.

    Args:
        folder: an empty one, where it runs.
        programs: all that is on its PATH.
    """
    place, path = folder / "site-packages", folder / "bin"
    place.mkdir()
    path.mkdir()
    for each in _SITE_PACKAGES.iterdir():
        if each.name.partition("-")[0] not in packages and each.suffix != ".pth":
            (place / each.name).symlink_to(each)
    for package in ("recorder", "worker", "replay_server"):
        (place / package).symlink_to(ROOT / package)
    for program in programs:
        if (found := shutil.which(program)) is not None:
            (path / program).symlink_to(found)
    environment = {"PYTHONPATH": str(place), "PATH": str(path)}
    return PythonProcess("-S", "-P", "-m", "recorder", *arguments, environment=environment, folder=folder)
