"""Send what trainers have left in their black boxes, the files that hold steps until Redis has them.

Without FILE, it takes all abandoned ones in the recordings folder and in your state folder on this machine. Trainers and
workers do the same when they find one. The exit status is 1 if something stays.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recorder.commands.arguments.opening import settings_of
from recorder.commands.arguments.opening_redis import find_server_url
from recorder.commands.arguments.parsing import positive_number
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output, counted, human_bytes
from recorder.errors import BlackBoxError, RecorderError, StorageError, StreamUnavailableError
from recorder.sender.recovery import BoxState, FoundBox, find_boxes, folders, look_at, recover
from recorder.sender.same_server import check_same_server
from recorder.settings import Settings
from recorder.step_stream import RedisStepStream

EXAMPLE = """\
recover --list
recover --redis-url redis://localhost:6379/0 recordings/.black_boxes/*"""

_TIMEOUT_SECS = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="black boxes (default: all that are found)")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    parser.add_argument(
        "--timeout",
        type=positive_number,
        default=_TIMEOUT_SECS,
        metavar="SECONDS",
        help="give a file up when Redis acknowledges nothing for so long (default: 30)",
    )


def run(args: argparse.Namespace) -> int:
    """Recover, or list."""
    output = Output.of(args)
    settings = settings_of(args)
    boxes = [box for box in _boxes(args, settings) if getattr(args, "run", None) in (None, box.run_id)]
    if args.list:
        rows = [_Row.found(box) for box in boxes]
    else:
        recovery = _Recovery(args, settings)
        # One that is in use is worth a word only to who names it.
        rows = [recovery.of(box) for box in boxes if args.files or box.state is not BoxState.IN_USE]
    output.document({"black_boxes": [row.to_map() for row in rows]})
    output.note(f"black boxes: {len(rows)}")
    width = max((len(row.state) for row in rows), default=0)
    for row in rows:  # not a table: those need a library that a trainer's machine may not have
        output.verdict(row.state, row.to_text(is_sent=not args.list), width=width)
    if args.list:
        return ExitStatus.OK
    return ExitStatus.FAILED if any(row.why for row in rows) else ExitStatus.OK


@dataclass(slots=True)
class _Row:
    """What there is to say of a file."""

    file: str
    run_id: str
    state: str
    n_bytes_left: int
    why: str
    n_steps: int = 0
    n_episodes: int = 0

    @classmethod
    def found(cls, box: FoundBox) -> _Row:
        """A row for a file that was only listed."""
        return cls(str(box.path), box.run_id, box.state.value, box.n_bytes, box.why)

    def to_map(self) -> dict[str, Any]:
        """For programs."""
        return {name: getattr(self, name) for name in self.__slots__}

    def to_text(self, *, is_sent: bool) -> str:
        """For people.

        Args:
            is_sent: whether it was read and sent, not only listed.
        """
        parts = [f"run {self.run_id}"] if self.run_id else []
        if is_sent:
            sent = (
                f"{counted(self.n_steps, 'step')} of {counted(self.n_episodes, 'episode')}"
                if self.n_steps
                else "nothing"
            )
            parts.append(f"{sent} sent")
        parts += [f"{human_bytes(self.n_bytes_left)} left"] if self.n_bytes_left or not is_sent else []
        return ": ".join(filter(None, (", ".join(parts), self.file, self.why)))


class _Recovery:
    """Drains boxes, one by one."""

    def __init__(self, args: argparse.Namespace, settings: Settings) -> None:
        self._settings = settings
        self._names_server = "redis_url" in vars(args)
        self._prefix: str | None = vars(args).get("key_prefix")
        self._secs: float = args.timeout

    def of(self, box: FoundBox) -> _Row:
        """Recover one."""
        row = _Row.found(box)
        if box.state is BoxState.IN_USE:
            return row
        try:
            drained = recover(box.path, self._stream_of, secs=self._secs)
        except (RecorderError, OSError) as error:
            row.why = str(error)
            return row
        left = look_at(box.path).n_bytes if drained.why_left else 0
        state = box.state.value if drained.why_left else "recovered"
        return _Row(row.file, row.run_id, state, left, drained.why_left, drained.n_steps, drained.n_episodes)

    def _stream_of(self, box: FoundBox) -> RedisStepStream:
        url = find_server_url(self._settings)
        if url is None:
            raise StreamUnavailableError(
                f"no Redis is named or found; its trainer sent to {box.server or 'none'}: pass --redis-url URL"
            )
        redis = self._settings.redis
        prefix = box.key_prefix if self._prefix is None and self._names_server else redis.key_prefix
        stream = RedisStepStream(
            url, key_prefix=prefix, purpose="trainer", socket_timeout_secs=redis.socket_timeout_secs
        )
        if not self._names_server:
            check_same_server(box, stream)
        return stream


def _boxes(args: argparse.Namespace, settings: Settings) -> Iterator[FoundBox]:
    if not args.files:
        yield from find_boxes(folders(settings.capture.black_box_dir, settings.local_recordings_dir))
        return
    for file in map(Path, args.files):
        if not file.exists():
            raise StorageError(f"there is no such file: {file}", is_missing_file=True)
        try:
            yield look_at(file)
        except BlackBoxError as error:
            yield FoundBox(file, BoxState.UNREADABLE, why=str(error))
