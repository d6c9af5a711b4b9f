"""The tree of settings that stands under ``recording:``; the reference in docs/configuration.md is written from it."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Literal

from pydantic import ByteSize, SecretStr, field_validator

from recorder.errors import SettingsError
from recorder.settings.criteria import CriteriaSettings
from recorder.settings.fields import PathOrUrl, Section, setting
from recorder.settings.quotas import QuotaSettings
from recorder.urls import is_url, normalise_redis_url, redact

__all__ = [
    "BASE_PATH_PATTERN",
    "CaptureSettings",
    "IngestSettings",
    "RedisSettings",
    "RenderSettings",
    "RetentionSettings",
    "ServerSettings",
    "Settings",
    "StorageSettings",
    "WorkerSettings",
]

_MIB = 1024**2
_GIB = 1024**3

BASE_PATH_PATTERN = r"^(/[A-Za-z0-9_~!$&'()*+,;=:@%-][A-Za-z0-9._~!$&'()*+,;=:@%-]*)*/?$"
"""A path as it stands in an address, encoded; no part of it begins with a dot."""


class RedisSettings(Section):
    """The server that steps travel through."""

    url: str | None = setting(
        None,
        "Redis or Valkey, as `redis://`, `rediss://`, `unix://`, `valkey://` or `valkey+unix://`. Left out, a "
        "worker starts an embedded server beside the recordings, and trainers and commands look for it there.",
        secret=True,
    )
    broker_url: str | None = setting(
        None,
        "A second server for Celery's queues, so that a Redis full of steps can still hand out the tasks that "
        "empty it. Left out, `url` is used.",
        secret=True,
    )
    key_prefix: str = setting(
        "hamlet:",
        "Start of every key, so that several projects can share a server. Braces are not allowed: they are "
        "cluster hash tags.",
        pattern=r"^[^{}\s]*$",
    )
    socket_timeout_secs: float = setting(
        2.0,
        "Longest wait for a connection or an answer. It is short, because the queue fills while the sender waits."
        " No command blocks in Redis.",
        unit="seconds",
        gt=0,
        le=60,
    )

    @field_validator("url", "broker_url")
    @classmethod
    def _spelled_one_way(cls, url: str | None) -> str | None:
        try:
            return None if url is None else normalise_redis_url(url)
        except SettingsError as error:
            raise ValueError(str(error)) from error


class CaptureSettings(Section):
    """The recorder inside the trainer."""

    queue_maxsize: int = setting(
        1000,
        "Capacity of the queue between the trainer and its sender, in blocks: 1000 single steps would be shorter "
        "than one switch of the interpreter between threads.",
        unit="blocks of 64 steps",
        ge=2,
    )
    on_full: Literal["drop", "block"] = setting(
        "drop",
        "What happens if the queue is full: `drop` counts the lost steps and marks the gap in the episode; "
        "`block` makes the trainer wait.",
    )
    sender: Literal["process", "thread"] = setting(
        "process",
        "What encodes and sends the trainer's steps: a separate `process`, or a `thread` of the trainer, which "
        "shares its interpreter.",
    )
    flush_interval_secs: float = setting(
        0.25,
        "How often steps are sent. Longer intervals make larger chunks that compress better. Chunks of many slow "
        "lanes may wait up to two seconds.",
        unit="seconds",
        gt=0,
        le=60,
    )
    max_pending_bytes: ByteSize = setting(
        ByteSize(64 * _MIB),
        "Encoded steps that the sender keeps while Redis is down. Further steps are dropped, counted and marked.",
        unit="bytes",
        ge=_MIB,
    )
    max_server_memory_bytes: ByteSize = setting(
        ByteSize(2 * _GIB),
        "If Redis has no `maxmemory`, sending pauses while it holds more than this, so that a recording does not "
        "drive the machine into swap.",
        unit="bytes",
        ge=_MIB,
    )
    server_memory_fraction: float = setting(
        0.8,
        "Sending pauses while Redis uses more than this share of its `maxmemory`. The rest is for the tasks that "
        "empty it.",
        unit="share, 0 to 1",
        gt=0,
        le=1,
    )
    heartbeat_secs: float = setting(
        1.0,
        "How often a trainer reports that it is alive. Keep it well under `ingest.abandoned_after_secs`.",
        unit="seconds",
        gt=0,
        le=60,
    )


class IngestSettings(Section):
    """The workers that select, write and sweep."""

    tick_secs: float = setting(
        1.0,
        "How often workers look for finished episodes. This is the delay of a decision.",
        unit="seconds",
        gt=0,
        le=60,
    )
    batch_episodes: int = setting(
        2000,
        "Finished episodes decided in one transaction. More is faster, and holds the write lock longer.",
        unit="episodes",
        ge=1,
    )
    write_batch_episodes: int = setting(
        128, "Kept episodes written by one task. It limits the work that a killed task repeats.", unit="episodes", ge=1
    )
    lease_secs: float = setting(
        60.0,
        "How long one worker alone may write an episode; then another may try. Keep it longer than the slowest "
        "write of a batch.",
        unit="seconds",
        gt=0,
    )
    max_attempts: int = setting(
        3,
        "Failed writes after which an episode is parked with its error.",
        unit="attempts",
        ge=1,
    )
    abandoned_after_secs: float = setting(
        30.0,
        "Time without a new heartbeat of a trainer after which its open episodes are salvaged. Keep it longer "
        "than any pause of a healthy trainer's heartbeat. Below three times `ingest.sweep_secs` it takes longer "
        "than this.",
        unit="seconds",
        gt=0,
    )
    sweep_secs: float = setting(
        10.0,
        "How often workers look for unwritten, undropped and abandoned episodes.",
        unit="seconds",
        gt=0,
    )
    compact_below_steps: int = setting(
        64,
        "An episode whose chunks hold fewer steps than this on average is encoded again into full chunks, because"
        " a slow trainer sends many small ones. 0 turns this off.",
        unit="steps",
        ge=0,
        le=256,
    )
    concurrency: int = setting(2, "Processes of one ingest worker.", unit="processes", ge=1)


class RenderSettings(Section):
    """The workers that make videos."""

    concurrency: int = setting(
        1, "Processes of one render worker; the encoder uses several cores by itself.", unit="processes", ge=1
    )
    videos_dir: PathOrUrl | None = setting(
        None,
        "Where workers put videos: a path or an fsspec URL that all of them and the replay server can reach. Left"
        " out, `videos` in `recordings_dir`.",
        min_length=1,
    )
    encoder_threads: int = setting(
        0,
        "Encoder threads of one process. 0 uses all cores; 1 is best with as many processes as cores.",
        unit="threads",
        ge=0,
    )
    max_pixels: int = setting(
        200_000_000_000,
        "Most pixels of a requested video: width x height x frames. The default is about 53 minutes of 1920x1080 "
        "at 30 frames a second, which takes one core about an hour and a half.",
        unit="pixels",
        ge=1_000_000,
    )
    lease_secs: float = setting(
        180.0,
        "How long a silent worker keeps a part of a video; then another may try. While frames come, the worker "
        "keeps it.",
        unit="seconds",
        gt=0,
    )


class ServerSettings(Section):
    """The replay server."""

    host: str = setting("127.0.0.1", "Address to listen on. Any address but loopback needs a `token`.")
    port: int = setting(8766, "Port to listen on; 0 takes a free one.", ge=0, le=65535)
    token: SecretStr | None = setting(
        None,
        "Secret that every client must present. Left out, the server listens on loopback only, and everyone on "
        "this machine may watch.",
        secret=True,
    )
    embed_origins: str = setting(
        "http://localhost:* http://127.0.0.1:*",
        "Origins of pages that may show the player (links with `embed=1`) in a frame, separated by spaces. By "
        "default pages of this machine, such as notebooks.",
        pattern=r"^( *https?://(\*\.)?[A-Za-z0-9.-]+(:(\d+|\*))?)* *$",
    )
    allowed_origins: str = setting(
        "",
        "Other origins whose pages may use the server, separated by spaces, such as `http://localhost:5173`: your"
        " own frontend, or the address under which a proxy publishes the page. `*` may replace the port. They may"
        " do all that the page may.",
        pattern=r"^( *[a-z][a-z0-9+.-]*://(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+)(:(\d{1,5}|\*))?)* *$",
    )
    base_path: str = setting(
        "",
        "Path under which a proxy publishes the page, such as `/replay`. The proxy may pass it on or remove it.",
        pattern=BASE_PATH_PATTERN,
    )
    trusted_proxies: str = setting(
        "",
        "Addresses or networks of proxies whose `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` and `-Prefix` are "
        "believed, separated by spaces, such as `127.0.0.1 10.0.0.0/8`. Name only proxies that set these headers "
        "themselves.",
    )
    max_connections: int = setting(
        1200,
        "Most viewers in one process. Each needs a socket and some memory, but no thread.",
        unit="connections",
        ge=1,
    )
    processes: int = setting(
        1, "Processes that share the port. One serves hundreds of viewers; more use more cores.", unit="processes", ge=1
    )
    threads: int = setting(
        8,
        "Threads of a process for plain requests: pages, lists, files. Two more decode steps and draw thumbnails."
        " A slow client needs none.",
        unit="threads",
        ge=1,
        le=256,
    )
    cache_bytes: ByteSize = setting(
        ByteSize(256 * _MIB),
        "Opened recordings and encoded steps that a process keeps. The least recently used go first.",
        unit="bytes",
        ge=_MIB,
    )
    steps_per_second: float = setting(
        5.0,
        "Pace of `play` on the WebSocket at speed 1. The page has its own clock.",
        unit="steps a second",
        gt=0,
        le=1000,
    )
    memory_bytes: ByteSize = setting(
        ByteSize(1024 * _MIB),
        "Memory of all open recordings in a process, in use or kept. A recording that needs more than half of it "
        "is refused (413). If all of it is in use, others are refused for a while (503).",
        unit="bytes",
        ge=16 * _MIB,
    )
    idle_secs: float = setting(
        3600.0,
        "A viewer that plays nothing and sends nothing for this time is disconnected. The page reconnects by itself.",
        unit="seconds",
        gt=0,
    )
    quotas: QuotaSettings = QuotaSettings()

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, text: str) -> str:
        for each in text.split():
            try:
                ip_network(each, strict=False)
            except ValueError as error:
                raise ValueError(f"{each[:60]!r} is neither an address nor a network such as 10.0.0.0/8") from error
        return text


class WorkerSettings(Section):
    """All workers, whatever queues they serve."""

    pulse_file: str | None = setting(
        None,
        "File that a worker updates while it is alive, for `hamlet-recorder probe`. Use a different file for each"
        " worker of a machine. Left out, none is written.",
        min_length=1,
    )


class StorageSettings(Section):
    """The store, if files are at a URL."""

    timeout_secs: float = setting(
        15.0,
        "Longest wait for an answer of the store. Transfers get one more second for each 128 KiB. A store that "
        "does not answer is left alone for some seconds, so that it delays nothing else.",
        unit="seconds",
        gt=0,
        le=3600,
    )
    listing_timeout_secs: float = setting(
        300.0,
        "Longest wait for the names of one folder, which come a thousand at a time.",
        unit="seconds",
        gt=0,
        le=86400,
    )


class RetentionSettings(Section):
    """What ``prune`` deletes. Nothing is deleted automatically."""

    max_age_days: float | None = setting(
        None, "Recordings older than this are deleted. Left out, none are.", unit="days", gt=0
    )
    max_bytes: ByteSize | None = setting(
        None, "The oldest recordings are deleted until the rest fits. Left out, there is no limit.", unit="bytes", ge=0
    )


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
    compression: Literal["lz4", "none"] = setting(
        "lz4", "Compression of the files: `none` for a file system that compresses."
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
        """These settings, by the name of their key: a trainer reads ``config.recording.enabled`` as its file has it."""
        return self

    @property
    def local_recordings_dir(self) -> Path | None:
        """The recordings' folder, or None when they lie behind a URL other than ``file://``."""
        place = self.recordings_dir.removeprefix("file://")
        return None if is_url(place) else Path(place)

    @property
    def catalog_url(self) -> str:
        """Path or URL of the catalog.

        Raises:
            SettingsError: the recordings lie behind a URL and no catalog is named.
        """
        if self.database is not None:
            return self.database
        return str(self._beside_recordings("catalog.db", "database", "a path or a PostgreSQL URL"))

    @property
    def embedded_server_dir(self) -> Path:
        """Data folder of the server that is started when ``redis.url`` is left out.

        Raises:
            SettingsError: the recordings lie behind a URL, so that there is no place beside them.
        """
        return self._beside_recordings(".server", "redis.url", "the URL of a server")

    @property
    def videos_place(self) -> str:
        """Path or URL of the folder for the videos that workers make."""
        return self.render.videos_dir or f"{self.recordings_dir.rstrip('/')}/videos"

    def _beside_recordings(self, name: str, key: str, what: str) -> Path:
        folder = self.local_recordings_dir
        if folder is None:
            raise SettingsError(
                f"recording.{key} must be set to {what}, because recording.recordings_dir is a URL: "
                f"{redact(self.recordings_dir)}"
            )
        return folder / name
