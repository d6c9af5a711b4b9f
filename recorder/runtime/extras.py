"""Explains a failed import: a missing library, or a file that hides it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from recorder.errors import MissingExtraError, RecorderError, WrongModuleError
from recorder.runtime.search_path import PACKAGES_FOLDER

__all__ = ["require_extra"]


@contextmanager
def require_extra(what: str, package: str, *, extra: str) -> Iterator[None]:
    """Wrap imports in this context manager.

    Args:
        what: the feature that needs them, for the message.
        package: the imported package of this project.
        extra: the extra that installs its libraries; empty for the base package.

    Raises:
        MissingExtraError: a library is not installed.
        WrongModuleError: a file with the same name was found instead.
    """
    _check_ours(what, package)
    try:
        yield
    except ImportError as error:
        raise _explained(error, what, extra) from error


def _check_ours(what: str, package: str) -> None:
    found = _file_of(package)
    if found is None:
        raise WrongModuleError(
            f"{what} needs {package!r}, which is missing: install hamlet-recorder again: {PACKAGES_FOLDER}"
        )
    if not found.resolve().is_relative_to(Path(PACKAGES_FOLDER, package).resolve()):
        raise WrongModuleError(
            f"{what} needs hamlet-recorder's own {package!r}, and another one was found: rename it, or take its folder out of "
            f"PYTHONPATH: {found}"
        )


def _file_of(package: str) -> Path | None:
    """The file or folder of a package, whether already imported or not."""
    loaded = sys.modules.get(package)
    spec = find_spec(package) if loaded is None else loaded.__spec__
    origin = getattr(loaded, "__file__", None) if spec is None else spec.origin
    folders = spec.submodule_search_locations if spec is not None else None
    place = origin or next(iter(folders or ()), None)
    if place is not None:
        return Path(place)
    return None if loaded is None else Path(f"<{package}, a module without a file>")


def _explained(error: ImportError, what: str, extra: str) -> RecorderError:
    top = (error.name or "").partition(".")[0]
    found = getattr(sys.modules.get(top), "__file__", None)
    if found is None and isinstance(error, ModuleNotFoundError):
        return MissingExtraError(what, extra)
    install = f"hamlet-recorder[{extra}]" if extra else "hamlet-recorder"
    return WrongModuleError(
        f"{what} can't be loaded ({error}): if this file of yours hides the package {top!r}, rename it, or take its folder "
        f"out of PYTHONPATH; else install '{install}' again: {found or error.path}"
    )
