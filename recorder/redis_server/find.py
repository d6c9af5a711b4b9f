"""Finds the URL of the Redis that belongs to a recordings folder."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path

from recorder.errors import StreamUnavailableError
from recorder.installation import Installation, read_mark
from recorder.installation.ownership import check_owner
from recorder.redis_server.embedded import folder_state, running_redis_url
from recorder.settings import Settings, load_settings
from recorder.step_stream import RedisStepStream
from recorder.values.argument_kinds import check_kind

__all__ = ["UNREACHABLE_ADVICE", "find_redis_url", "find_server_url"]

UNREACHABLE_ADVICE = (
    "it is starting, or its socket was deleted and its worker will restart it within seconds: try again; if that does not "
    "help, stop that worker and start it again, which keeps the data"
)


def find_redis_url(recordings_dir: str | PathLike[str] = "recordings") -> str:
    """URL of the Redis that the worker of a recordings folder uses, for ``EpisodeRecorder``.

    Args:
        recordings_dir: the worker's ``--recordings``.

    Raises:
        StreamUnavailableError: no URL is configured, and no worker has started Redis for the folder.
        StreamError: the configured Redis belongs to other recordings.
        SettingsError: the configuration is invalid.
    """
    check_kind("recordings_dir", recordings_dir, str | PathLike)
    settings = load_settings(overrides={"recordings_dir": fspath(recordings_dir)})
    url = find_server_url(settings)
    if (
        url is None
        and settings.local_recordings_dir is not None
        and folder_state(settings.embedded_server_dir).is_in_use
    ):
        raise StreamUnavailableError(
            f"Redis runs for this recordings folder, but can't be reached: {UNREACHABLE_ADVICE}: {settings.embedded_server_dir}"
        )
    if url is None:
        raise StreamUnavailableError(
            "no Redis runs for this recordings folder: start a worker first, with "
            f"'hamlet-recorder worker --recordings {fspath(recordings_dir)}'"
        )
    if settings.redis.url is not None and settings.local_recordings_dir is not None:
        _check_same_installation(settings, url, settings.local_recordings_dir)
    return url


def find_server_url(settings: Settings) -> str | None:
    """URL of the configured Redis, else of the embedded one that runs for the recordings, else None."""
    if settings.redis.url is not None:
        return settings.redis.url
    if settings.local_recordings_dir is None:
        return None
    return running_redis_url(settings.embedded_server_dir)


def _check_same_installation(settings: Settings, url: str, folder: Path) -> None:
    """Compare the owners of Redis and folder. Skipped if Redis can't be reached, since the recorder waits for it, or if
    no worker has used the folder.
    """
    mark = read_mark(folder)
    if mark is None:
        return
    redis = settings.redis
    stream = RedisStepStream(
        url, key_prefix=redis.key_prefix, purpose="trainer", socket_timeout_secs=redis.socket_timeout_secs
    )
    copy = Installation("", f"a new one for the copied folder {folder}")
    try:
        check_owner(stream, copy if mark.is_copied else mark.installation)
    except StreamUnavailableError:
        return
    finally:
        stream.close()
