"""Loading what a command needs beside ``recorder``, with an error that says what is missing, or what is in its way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from recorder.errors import MissingExtraError, RecorderError, WrongModuleError
from recorder.search_path import PACKAGES_FOLDER

__all__ = ["needing"]


@contextmanager
def needing(what: str, package: str, *, extra: str) -> Iterator[None]:
    """Within the block the imports of a command stand.

    Args:
        what: needs them, for the message.
        package: of ours, beside ``recorder``, that is imported.
        extra: that installs what that package needs.

    Raises:
        MissingExtraError: a library is not installed.
        WrongModuleError: a file of the same name was found instead of what is needed.
    """
    _check_ours(what, package)
    try:
        yield
    except ImportError as error:
        raise _explained(error, what, extra) from error


def _check_ours(what: str, package: str) -> None:
    spec = find_spec(package)
    if spec is None:
        raise WrongModuleError(
            f"{what} needs {package!r}, which is missing: install hamlet-recorder again: {PACKAGES_FOLDER}"
        )
    found = Path(spec.origin or next(iter(spec.submodule_search_locations or ()), ""))
    if not found.resolve().is_relative_to(Path(PACKAGES_FOLDER, package).resolve()):
        raise WrongModuleError(
            f"{what} needs hamlet-recorder's own {package!r}, and another one was found: rename it, or take its folder out of "
            f"PYTHONPATH: {found}"
        )


def _explained(error: ImportError, what: str, extra: str) -> RecorderError:
    top = (error.name or "").partition(".")[0]
    found = getattr(sys.modules.get(top), "__file__", None)
    if found is None and isinstance(error, ModuleNotFoundError):
        return MissingExtraError(what, extra)
    return WrongModuleError(
        f"{what} can't be loaded ({error}): if this file of yours hides the package {top!r}, rename it, or take its folder "
        f"out of PYTHONPATH; else install 'hamlet-recorder[{extra}]' again: {found or error.path}"
    )
