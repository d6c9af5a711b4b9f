"""Settings of Redis, and of the recorder inside the trainer."""

from __future__ import annotations

from typing import Literal

from pydantic import ByteSize, field_validator

from recorder.errors import SettingsError
from recorder.settings.fields import PathOrUrl, Section, setting
from recorder.urls import is_url, normalise_redis_url

__all__ = ["CaptureSettings", "RedisSettings"]

_MIB = 1024**2
_GIB = 1024**3


class RedisSettings(Section):
    """The Redis that steps travel through."""

    url: str | None = setting(
        None,
        "Redis or Valkey, as `redis://`, `rediss://`, `unix://`, `valkey://` or `valkey+unix://`. Left out, a "
        "worker starts an embedded server beside the recordings, and trainers and commands look for it there.",
        secret=True,
    )
    broker_url: str | None = setting(
        None,
        "A second Redis for Celery's queues, so that a Redis full of steps can still hand out the tasks that "
        "empty it. Left out, `url` is used.",
        secret=True,
    )
    key_prefix: str = setting(
        "hamlet:",
        "Start of every key, so that several projects can share a Redis. Braces are not allowed: they are "
        "cluster hash tags.",
        shape="a text without spaces and braces",
        pattern=r"^[^{}\s]*$",
    )
    socket_timeout_secs: float = setting(
        2.0,
        "Longest wait for a connection or an answer. It is short, because the ring fills while the sender waits."
        " No command of a trainer blocks in Redis.",
        unit="seconds",
        gt=0,
        le=60,
    )

    @field_validator("url", "broker_url")
    @classmethod
    def _normalise_url(cls, url: str | None) -> str | None:
        try:
            return None if url is None else normalise_redis_url(url)
        except SettingsError as error:
            raise ValueError(str(error)) from error


class CaptureSettings(Section):
    """The recorder inside the trainer."""

    black_box_bytes: ByteSize = setting(
        ByteSize(64 * _MIB),
        "Size of the ring file, the black box, that a trainer writes its steps into. It holds what Redis has not "
        "acknowledged yet: while Redis is down, and after the trainer is killed.",
        unit="bytes",
        ge=_MIB,
        le=64 * _GIB,
    )
    black_box_dir: PathOrUrl | None = setting(
        None,
        "Folder of the ring files, on a disk of the trainer's machine. Left out, `.black_boxes` in a local "
        "`recordings_dir`, else `hamlet-recorder/black_boxes` in the user's state folder. `/dev/shm` saves disk "
        "writes; files there do not survive a restart of the machine.",
        min_length=1,
    )
    spool_bytes: ByteSize = setting(
        ByteSize(0),
        "Size of a second file beside each ring, for encoded steps while Redis is down. 0 means none: then a long "
        "outage fills the ring, and `on_full` decides.",
        unit="bytes",
        ge=0,
    )
    on_full: Literal["drop", "block", "sample"] = setting(
        "drop",
        "What happens if the ring is full. `drop` waits as long as the sender makes progress: 10 s at most, and a tenth "
        "of the time in the long run. Then it counts the lost steps and marks the gap in the episode. `block` waits "
        "until there is room. `sample` records some episodes whole and leaves out the others.",
    )
    queue_maxsize: int | None = setting(
        None,
        "Older name for the size of the ring: it has room for at least so many blocks. Use `black_box_bytes`.",
        unit="blocks of 64 steps",
        ge=1,
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
        "Encoded steps that the sender keeps in memory while Redis is down. Further steps stay in the black box.",
        unit="bytes",
        ge=_MIB,
    )
    picture_bytes_per_sec: ByteSize = setting(
        ByteSize(16 * _MIB),
        "Encoded pictures that a trainer may send each second. If there are more, or Redis is slow, away or full, some "
        "steps are recorded without their picture. Numbers never wait for pictures.",
        unit="bytes a second",
        ge=1,
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

    @field_validator("black_box_dir")
    @classmethod
    def _is_a_folder(cls, place: str | None) -> str | None:
        if place is not None and is_url(place.removeprefix("file://")):
            raise ValueError("expected a folder of this machine: a ring file is mapped into memory")
        return place
