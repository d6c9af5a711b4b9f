"""Compares Python and the installed libraries with the supported ranges, and loads each part the way its command does."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec

from recorder.capture.writing.native_writer import PURE_PYTHON, is_native
from recorder.commands.checks.finding import Finding
from recorder.commands.checks.server import FoundRedis
from recorder.errors import MissingExtraError, RecorderError
from recorder.runtime.extras import require_extra
from recorder.settings import Settings

__all__ = ["check_packages", "check_parts"]

_DISTRIBUTION = "hamlet-recorder"
_EXTRA = re.compile(r"""extra\s*==\s*['"](?P<extra>[^'"]+)['"]""")
_SHOWN_EXTRAS = ("catalog", "worker", "server", "video", "local", "postgres", "torch")
_IN_PYTHON = (
    f"written by Python; machine code takes half of the time: install with a C compiler, run without {PURE_PYTHON}"
)


def check_packages(settings: Settings, _redis: FoundRedis) -> Iterator[Finding]:
    """Report Python, each unmet requirement, and the number of met ones."""
    del settings
    yield Finding("ok", "python", platform.python_version())
    yield Finding("ok", "record_step", "written by machine code" if is_native() else _IN_PYTHON)
    try:
        requirements = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        yield Finding("warn", _DISTRIBUTION, "not installed as a package", "pip install -e .")
        return
    try:
        from packaging.requirements import Requirement  # comes with the worker extra
    except ImportError:
        yield Finding("ok", "libraries", "versions not compared (packaging is not installed)")
        return
    n_met = 0
    for text in requirements:
        found_extra = _EXTRA.search(text)
        extra = found_extra["extra"] if found_extra else None
        requirement = Requirement(text)
        if (extra is not None and extra not in _SHOWN_EXTRAS) or requirement.name == _DISTRIBUTION:
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra or ""}):
            continue
        wanted = f"{requirement.name}{requirement.specifier}"
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            if extra is None:
                yield Finding("fail", requirement.name, "not installed", f"pip install '{wanted}'")
            elif extra != "torch":
                yield Finding("ok", requirement.name, "not installed", f"pip install '{_DISTRIBUTION}[{extra}]'")
            continue
        if requirement.specifier.contains(version, prereleases=True):
            n_met += 1
        else:
            yield Finding("warn", requirement.name, f"{version}, outside the tested range", f"pip install '{wanted}'")
    yield Finding("ok", "libraries", f"{n_met} within the tested ranges")


def check_parts(settings: Settings, _redis: FoundRedis) -> Iterator[Finding]:
    """Report which of the three can run here, and the version of torch."""
    for what, find in (("worker", _worker), ("replay server", _replay_server), ("videos", _videos)):
        try:
            yield Finding("ok", what, find(settings))
        except MissingExtraError as error:
            yield Finding("ok", what, "not installed", str(error))
        except RecorderError as error:
            yield Finding("warn", what, "can't run", str(error))
    if find_spec("torch") is not None:
        yield Finding("ok", "torch", metadata.version("torch"))


def _worker(settings: Settings) -> str:
    with require_extra("A worker", "worker", extra="worker"):
        import worker.app  # noqa: F401 - lazy: loads Celery
        from worker.criteria.factory import criteria_factory
    names = [criterion.name for criterion in criteria_factory(settings)()]
    return f"criteria: {', '.join(names) or 'none; only episodes that trainers keep'}"


def _replay_server(settings: Settings) -> str:
    with require_extra("The replay server", "replay_server", extra="server"):
        from replay_server.serving import check_bind  # lazy: loads Flask
    check_bind(settings)
    return f"listens on {settings.server.host}, port {settings.server.port}"


def _videos(settings: Settings) -> str:
    del settings
    with require_extra("Making videos", "worker", extra="video"):
        from worker.video.encoding.ffmpeg import ffmpeg_path  # lazy: loads matplotlib
        from worker.voices.voice import VOICE_HINT, installed_voices
    voices = ", ".join(installed_voices()) or f"none ({VOICE_HINT})"
    return f"ffmpeg: {ffmpeg_path()}; voices: {voices}"
