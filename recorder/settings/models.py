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
    """Where the steps travel."""

    url: str | None = setting(
        None,
        "Redis or Valkey, as `redis://`, `rediss://`, `unix://`, `valkey://` or `valkey+unix://`. Left out, a worker "
        "starts a server of its own beside the recordings, and trainers and commands look for it there.",
        secret=True,
    )
    broker_url: str | None = setting(
        None,
        "The server for Celery's queues when it is to be another one than `url`, so that a server full of steps can "
        "still hand out the tasks that would empty it.",
        secret=True,
    )
    key_prefix: str = setting(
        "hamlet:",
        "Begins every key, so that several projects can share a server. No braces: those are a cluster's hash tags.",
        pattern=r"^[^{}\s]*$",
    )
    socket_timeout_secs: float = setting(
        2.0,
        "Longest wait for a connection or an answer. Short, because a server that hangs must not hold the sender "
        "while its queue fills; no command of ours blocks.",
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
        "Capacity of the queue between the trainer and what sends for it. Blocks, not steps: 1000 single steps "
        "would be shorter than one switch of the interpreter between threads.",
        unit="blocks of 64 steps",
        ge=2,
    )
    on_full: Literal["drop", "block"] = setting(
        "drop",
        "What a full queue does: `drop` counts the lost steps and marks the gap in the episode; `block` makes the "
        "trainer wait.",
    )
    sender: Literal["process", "thread"] = setting(
        "process",
        "What encodes the trainer's steps and sends them to the server: a `process` of its own, or a `thread` of the trainer, "
        "where none may be started; the two share one interpreter then.",
    )
    flush_interval_secs: float = setting(
        0.25,
        "How often steps are sent; longer makes larger, better packed chunks. Those of many slow lanes may wait up to two "
        "seconds, so that cutting small chunks takes little time.",
        unit="seconds",
        gt=0,
        le=60,
    )
    max_pending_bytes: ByteSize = setting(
        ByteSize(64 * _MIB),
        "Encoded steps kept by the sender while the server is away; beyond it they are dropped, counted and marked.",
        unit="bytes",
        ge=_MIB,
    )
    max_server_memory_bytes: ByteSize = setting(
        ByteSize(2 * _GIB),
        "Sending pauses while a server without a `maxmemory` of its own holds more than this: a recording must "
        "not drive a machine into swap.",
        unit="bytes",
        ge=_MIB,
    )
    server_memory_fraction: float = setting(
        0.8,
        "Sending pauses while the server is filled beyond this share of its `maxmemory`; the rest is for the "
        "tasks that empty it.",
        unit="share, 0 to 1",
        gt=0,
        le=1,
    )
    heartbeat_secs: float = setting(
        1.0,
        "How often a trainer says that it is alive; well under `ingest.abandoned_after_secs`.",
        unit="seconds",
        gt=0,
        le=60,
    )


class IngestSettings(Section):
    """The workers that decide, write and sweep."""

    tick_secs: float = setting(
        1.0, "How often finished episodes are looked for: the delay of a decision.", unit="seconds", gt=0, le=60
    )
    batch_episodes: int = setting(
        2000,
        "Finished episodes decided in one transaction: larger is faster, and longer under the write lock.",
        unit="episodes",
        ge=1,
    )
    write_batch_episodes: int = setting(
        128, "Kept episodes written by one task; bounds the work that a killed task repeats.", unit="episodes", ge=1
    )
    lease_secs: float = setting(
        60.0,
        "How long a worker has an episode to itself while it writes it; then another may try. Longer than the slowest "
        "write of a batch.",
        unit="seconds",
        gt=0,
    )
    max_attempts: int = setting(
        3,
        "Failed writes after which an episode is set aside with its error, for a person to look at.",
        unit="attempts",
        ge=1,
    )
    abandoned_after_secs: float = setting(
        30.0,
        "Time without a new heartbeat of a trainer after which its open episodes are salvaged. Longer than any pause of a "
        "healthy trainer's heartbeat; below three times `ingest.sweep_secs` it takes longer than this.",
        unit="seconds",
        gt=0,
    )
    sweep_secs: float = setting(
        10.0,
        "How often what fell between the steps is swept up: unwritten, undropped, abandoned.",
        unit="seconds",
        gt=0,
    )
    compact_below_steps: int = setting(
        64,
        "An episode whose chunks hold fewer steps than this on average is encoded again into full ones: a slow trainer "
        "sends many small ones. 0 never does.",
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
        "Where the videos lie that workers make: a path or an fsspec URL, reached by all of them and by the server. Left out, "
        "`videos` in `recordings_dir`.",
        min_length=1,
    )
    encoder_threads: int = setting(
        0,
        "Threads of the encoder of one process; 0 takes all cores, 1 is best with as many processes as cores.",
        unit="threads",
        ge=0,
    )
    max_pixels: int = setting(
        200_000_000_000,
        "Pixels of a video that a worker is asked for: width x height x frames. The default is about 53 minutes of "
        "1920x1080 at 30 frames a second; one core draws and packs that in about an hour and a half.",
        unit="pixels",
        ge=1_000_000,
    )
    lease_secs: float = setting(
        180.0,
        "How long a worker that gives no sign of life keeps a part of a video; then another may try. While frames come, "
        "the worker keeps it.",
        unit="seconds",
        gt=0,
    )


class ServerSettings(Section):
    """The replay server."""

    host: str = setting("127.0.0.1", "Address to listen on. Anything but loopback needs a `token`.")
    port: int = setting(8766, "Port to listen on; 0 takes a free one.", ge=0, le=65535)
    token: SecretStr | None = setting(
        None,
        "What a client must present. Left out, everyone who reaches the port of this machine may watch, and no address but "
        "loopback is served.",
        secret=True,
    )
    embed_origins: str = setting(
        "http://localhost:* http://127.0.0.1:*",
        "Origins of pages that may show the player (links with `embed=1`) in a frame, with spaces between; those of "
        "this machine by default, such as notebooks.",
        pattern=r"^( *https?://(\*\.)?[A-Za-z0-9.-]+(:(\d+|\*))?)* *$",
    )
    allowed_origins: str = setting(
        "",
        "Origins of pages that may use the server though they are not its own, with spaces between, such as "
        "`http://localhost:5173`: a frontend of your own, or the address under which a proxy publishes the page. `*` may "
        "stand for the port. They may do all that the page may.",
        pattern=r"^( *[a-z][a-z0-9+.-]*://(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+)(:(\d{1,5}|\*))?)* *$",
    )
    base_path: str = setting(
        "",
        "Path under which a proxy publishes the page, such as `/replay`; the proxy may pass it on or take it away.",
        pattern=BASE_PATH_PATTERN,
    )
    trusted_proxies: str = setting(
        "",
        "Addresses or networks of proxies whose `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` and `-Prefix` are believed, "
        "with spaces between, such as `127.0.0.1 10.0.0.0/8`. Only name proxies that set these headers themselves.",
    )
    max_connections: int = setting(
        1200,
        "Viewers at once in one process; each costs a socket and some memory, none a thread.",
        unit="connections",
        ge=1,
    )
    processes: int = setting(
        1, "Processes that share the port. One serves hundreds of viewers; more use more cores.", unit="processes", ge=1
    )
    threads: int = setting(
        8,
        "Threads of a process for plain requests: pages, lists, files. Two more decode steps and draw thumbnails; a slow "
        "client takes none.",
        unit="threads",
        ge=1,
        le=256,
    )
    cache_bytes: ByteSize = setting(
        ByteSize(256 * _MIB),
        "Opened recordings and encoded steps that a process keeps; what was used last stays.",
        unit="bytes",
        ge=_MIB,
    )
    steps_per_second: float = setting(
        5.0,
        "Pace of a playback that the server drives (`play` on the socket), at speed 1; the page plays on its own clock.",
        unit="steps a second",
        gt=0,
        le=1000,
    )
    memory_bytes: ByteSize = setting(
        ByteSize(1024 * _MIB),
        "Recordings that are open at once in a process: those in use as well as those kept. One alone may take half of it, "
        "else it is refused (413); when all is in use, others are refused for a while (503).",
        unit="bytes",
        ge=16 * _MIB,
    )
    idle_secs: float = setting(
        3600.0,
        "A viewer that plays nothing and says nothing for so long is disconnected; the page comes back by itself.",
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
    """Every worker, whatever queues it serves."""

    pulse_file: str | None = setting(
        None,
        "File that a worker keeps new while it is alive, for `hamlet-recorder probe`: one for each worker of a machine. "
        "Left out, none is written.",
        min_length=1,
    )


class StorageSettings(Section):
    """The store, where files lie behind a URL."""

    timeout_secs: float = setting(
        15.0,
        "Longest wait for an answer of the store; the bytes of a file have time at 128 KiB a second besides. A store that does "
        "not answer is left alone for some seconds, so that it doesn't hold up what needs no store.",
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
    """What ``prune`` removes; nothing is ever removed by itself."""

    max_age_days: float | None = setting(None, "Recordings older than this go; none by default.", unit="days", gt=0)
    max_bytes: ByteSize | None = setting(
        None, "The oldest recordings go until the rest fits in this; no limit by default.", unit="bytes", ge=0
    )


class Settings(Section):
    """Everything under ``recording:``."""

    enabled: bool = setting(True, "For the trainer: whether to record at all.")
    recordings_dir: PathOrUrl = setting(
        "recordings",
        "Where the episode files lie: a path relative to the current directory, or an fsspec URL (`s3://bucket/runs`).",
        min_length=1,
    )
    database: PathOrUrl | None = setting(
        None,
        "The catalog: a path of an SQLite file, or `postgresql+psycopg://…`. Left out, `catalog.db` in a local "
        "`recordings_dir`.",
        secret=True,
    )
    run_id: str | None = setting(
        None, "Name of this training job. Left out, one is made from the time and four random letters.", min_length=1
    )
    resume: bool = setting(
        False,
        "The trainer goes on with the run from a checkpoint: an episode that it plays again replaces the older one. Otherwise it "
        "is refused.",
    )
    unique_run_id: bool = setting(
        False,
        "Add the time and four random letters to `run_id`, so that each start of the trainer is a run of its own.",
    )
    format: Literal[1, 2] = setting(2, "Version of the files written; every version can be read.")
    compression: Literal["lz4", "none"] = setting("lz4", "How files are packed; `none` for a filesystem that packs.")
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
