"""The step stream: an interface, with one member on Redis and one in memory."""

from recorder.step_stream.base import StepStream
from recorder.step_stream.ends import SHARED_FIELDS, episode_end, pack_body, unpack_body
from recorder.step_stream.entries import (
    CHUNK,
    END,
    FIRST_CURSOR,
    HEADER,
    UNKNOWN,
    EntryKind,
    FinishedEntry,
    Flush,
    OpenPlay,
    Outgoing,
    Play,
    StreamEntry,
)
from recorder.step_stream.memory import MemoryStepStream
from recorder.step_stream.redis import RedisStepStream
from recorder.step_stream.run_info import (
    GONE_AFTER_CHECKS,
    KnownRun,
    MissedHeartbeats,
    Refused,
    RunInfo,
    ServerMemory,
    has_closed,
    heartbeat_of,
    is_gone,
    trainer_names,
    trainers_are_gone,
)
from recorder.step_stream.tally import Tally

__all__ = [
    "CHUNK",
    "END",
    "FIRST_CURSOR",
    "GONE_AFTER_CHECKS",
    "HEADER",
    "SHARED_FIELDS",
    "UNKNOWN",
    "EntryKind",
    "FinishedEntry",
    "Flush",
    "KnownRun",
    "MemoryStepStream",
    "MissedHeartbeats",
    "OpenPlay",
    "Outgoing",
    "Play",
    "RedisStepStream",
    "Refused",
    "RunInfo",
    "ServerMemory",
    "StepStream",
    "StreamEntry",
    "Tally",
    "episode_end",
    "has_closed",
    "heartbeat_of",
    "is_gone",
    "pack_body",
    "trainer_names",
    "trainers_are_gone",
    "unpack_body",
]
