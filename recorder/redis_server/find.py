"""Which server is in use, for who has a folder of recordings and no URL."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path

from recorder.errors import StreamUnavailableError
from recorder.installation import Installation, check_owner, read_mark
from recorder.redis_server.embedded import look_at_folder, running_server_url
from recorder.settings import Settings, load_settings
from recorder.step_stream import RedisStepStream

__all__ = ["UNREACHABLE_ADVICE", "find_redis_url", "find_server_url"]

UNREACHABLE_ADVICE = (
    "it is starting, or its socket was deleted, and its worker begins it anew within seconds: try again; if it stays so, end "
    "that worker, which keeps what the server holds, and start it again"
)


def find_redis_url(recordings_dir: str | PathLike[str] = "recordings") -> str:
    """URL of the server that the worker on a folder of recordings uses, for ``EpisodeRecorder``.

    Args:
        recordings_dir: as the worker was given it (``--recordings``).

    Raises:
        StreamUnavailableError: the configuration names none, and no worker has started one beside the recordings.
        StreamError: the configuration names one that other recordings' workers use.
        SettingsError: the configuration is wrong.
    """
    settings = load_settings(overrides={"recordings_dir": fspath(recordings_dir)})
    url = find_server_url(settings)
    if (
        url is None
        and settings.local_recordings_dir is not None
        and look_at_folder(settings.embedded_server_dir).is_in_use
    ):
        raise StreamUnavailableError(
            f"a server runs beside the recordings and can't be reached: {UNREACHABLE_ADVICE}: {settings.embedded_server_dir}"
        )
    if url is None:
        raise StreamUnavailableError(
            "no server is running beside the recordings: start a worker first, with "
            f"'hamlet-recorder worker --recordings {fspath(recordings_dir)}'"
        )
    if settings.redis.url is not None and settings.local_recordings_dir is not None:
        _see_that_they_belong_together(settings, url, settings.local_recordings_dir)
    return url


def find_server_url(settings: Settings) -> str | None:
    """The server of the configuration, else the embedded one that is running beside the recordings, else None."""
    if settings.redis.url is not None:
        return settings.redis.url
    if settings.local_recordings_dir is None:
        return None
    return running_server_url(settings.embedded_server_dir)


def _see_that_they_belong_together(settings: Settings, url: str, folder: Path) -> None:
    """A server that can't be reached is the recorder's to wait for; a folder that no worker has used is no server's yet."""
    mark = read_mark(folder)
    if mark is None:
        return
    redis = settings.redis
    stream = RedisStepStream(
        url, key_prefix=redis.key_prefix, purpose="trainer", socket_timeout_secs=redis.socket_timeout_secs
    )
    copy = Installation("", f"one that is still to be made for the copied folder {folder}")
    try:
        check_owner(stream, copy if mark.is_copied else mark.installation)
    except StreamUnavailableError:
        return
    finally:
        stream.close()
