"""Loads the worker, the replay server and video rendering the way their commands do."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec

from recorder.commands.checks.finding import Finding
from recorder.commands.checks.server import FoundRedis
from recorder.errors import MissingExtraError, RecorderError
from recorder.runtime.extras import require_extra
from recorder.settings import Settings

__all__ = ["check_parts"]


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
