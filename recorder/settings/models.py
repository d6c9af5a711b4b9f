"""The tree of settings under ``recording:``. docs/configuration.md is generated from it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from recorder.errors import SettingsError
from recorder.settings.capture import CaptureSettings, RedisSettings
from recorder.settings.criteria import CriteriaSettings
from recorder.settings.fields import PathOrUrl, Section, setting
from recorder.settings.server import ServerSettings
from recorder.settings.stores import RetentionSettings, StorageSettings
from recorder.settings.workers import IngestSettings, RenderSettings, WorkerSettings
from recorder.urls import is_url, redact

__all__ = ["Settings"]


class Settings(Section):
    """Everything under ``recording:``."""

    enabled: bool = setting(True, "Whether the trainer records.")
    recordings_dir: PathOrUrl = setting(
        "recordings",
        "Place of the episode files: a path relative to the current directory, or an fsspec URL (`s3://bucket/runs`).",
        min_length=1,
    )
    database: PathOrUrl | None = setting(
        None,
        "The catalog: the path of a SQLite file, or `postgresql+psycopg://…`. Left out, `catalog.db` in a local "
        "`recordings_dir`.",
        secret=True,
    )
    run_id: str | None = setting(
        None, "Name of this training job. Left out, it is made from the time and four random letters.", min_length=1
    )
    resume: bool = setting(
        False,
        "Whether the trainer continues the run from a checkpoint. Then an episode that it plays again replaces "
        "the older one; otherwise it is refused.",
    )
    unique_run_id: bool = setting(
        False,
        "Whether to add the time and four random letters to `run_id`, so that each start of the trainer is a new run.",
    )
    format: Literal[1, 2] = setting(2, "Version of the files written; every version can be read.")
    compression: Literal["lz4", "zstd", "none"] = setting(
        "lz4",
        "Compression of the files. `zstd` takes a quarter less for pictures and more of a worker's time; it needs the extra"
        " `zstd` where files are written and read. `none` is for a file system that compresses.",
    )
    criteria: CriteriaSettings = CriteriaSettings()
    redis: RedisSettings = RedisSettings()
    capture: CaptureSettings = CaptureSettings()
    ingest: IngestSettings = IngestSettings()
    render: RenderSettings = RenderSettings()
    server: ServerSettings = ServerSettings()
    storage: StorageSettings = StorageSettings()
    worker: WorkerSettings = WorkerSettings()
    retention: RetentionSettings = RetentionSettings()

    @property
    def recording(self) -> Settings:
        """These settings, so that ``config.recording.enabled`` works as in the file."""
        return self

    @property
    def local_recordings_dir(self) -> Path | None:
        """The recordings folder; None if it is at a URL other than ``file://``."""
        place = self.recordings_dir.removeprefix("file://")
        return None if is_url(place) else Path(place)

    @property
    def catalog_url(self) -> str:
        """Path or URL of the catalog.

        Raises:
            SettingsError: the recordings are at a URL and ``database`` is not set.
        """
        if self.database is not None:
            return self.database
        return str(self._beside_recordings("catalog.db", "database", "a path or a PostgreSQL URL"))

    @property
    def embedded_server_dir(self) -> Path:
        """Data folder of the embedded Redis, which runs if ``redis.url`` is not set.

        Raises:
            SettingsError: the recordings are at a URL, so the folder has no place.
        """
        return self._beside_recordings(".server", "redis.url", "the URL of a Redis")

    @property
    def videos_place(self) -> str:
        """Path or URL of the folder for rendered videos."""
        return self.render.videos_dir or f"{self.recordings_dir.rstrip('/')}/videos"

    def _beside_recordings(self, name: str, key: str, what: str) -> Path:
        folder = self.local_recordings_dir
        if folder is None:
            raise SettingsError(
                f"recording.{key} must be set to {what}, because recording.recordings_dir is a URL: "
                f"{redact(self.recordings_dir)}"
            )
        return folder / name
